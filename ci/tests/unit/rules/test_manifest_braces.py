"""Braces in a manifest: what YAML reads as text stays text, and a real template is rejected."""

import pytest
from tests.unit.rules.marking import IMAGE, POD, edit

from stage_ci.errors import InvalidManifest

TEMPLATE = "a Helm or Jinja template, not a manifest; give the rendered manifest"
MOVED = f"{POD}  - image: {IMAGE}:v1.0.4\n---\n"
WORKLOAD = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    metadata:\n      annotations:\n"


def rejection(text: str) -> str:
    """Return the message of the error that an edit raises."""
    with pytest.raises(InvalidManifest) as caught:
        edit(text)
    return str(caught.value)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "document",
    [
        "kind: PrometheusRule\nspec:\n  summary: pod {{ $labels.pod }} is down {% raw %}\n",
        "kind: Workflow\nspec:\n  templates:\n  - name: a-{{workflow.name}}\n    args:\n    - x-{{inputs.x}}\n",
        "kind: ExternalSecret\nspec:\n  url: https://{{ .user }}:{{ .password }}@host\n",
        "kind: ApplicationSet\nspec:\n  template: {metadata: {name: 'a-{{name}}'}}\n  path: apps/{{path.basename}}\n",
        "kind: HelmRelease\nspec:\n  host: a.{{ .Release.Name }}.b\n",
        "kind: ConfigMapList\nitems:\n- data:\n    legend: cpu of {{pod}} in {{ .Values.region }}\n",
        "kind: List\nitems:\n- kind: List\n  items:\n  - kind: PrometheusRule\n    text: a {{ .Values.x }}\n",
        f"{WORKLOAD}        a: pod {{{{ $labels.pod }}}} is down\n        b: 50 {{%}} of {{{{ x }}}}\n",
        "kind: Pod\nspec:\n  containers:\n  - args:\n    - --x={{.Name}}\n    - a {{range .X}}{{end}}\n",
        "kind: Pod\nmetadata:\n  name: '{{ .Release.Name }}'\n  x: |\n    {{- include \"x\" . }}\n",
    ],
)
def test_braces_in_a_text_are_not_a_template(document: str) -> None:
    """Braces within a plain, quoted or block scalar are valid YAML, so the other documents are updated."""
    assert edit(MOVED + document).content.decode() == (MOVED + document).replace("v1.0.4", "v1.0.9")


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("kind: PrometheusRule\nspec: {{ .Values.spec }}\n", 2),
        ("kind: PodList\nitems:\n- metadata:\n    name: svm-{{ .Release.Name }}\n", 4),
        ("kind: Kustomization\nnamePrefix: svm-{{ .Release.Name }}\n", 2),
        ("kind: PrometheusRule\nspec:\n  {{- include x }}\n", 3),
        ("kind: Pod\nmetadata:\n  labels:\n    x: a-{{ $.Values.env | quote }}\n", 4),
        ("kind: Pod\nmetadata:\n  x: a {{ tpl .x . }}\n", 3),
        ("kind: Pod\nmetadata:\n  name: svm-{{ environment }}\n", 3),
        ("kind: Pod\nmetadata: {name: svm-{% if x %}a{% endif %}}\n", 2),
        ("kind: Pod\nspec:\n  containers:\n  - image: owner/service:{{ tag }}\n", 4),
        ("kind: List\nitems:\n- kind: Job\n  metadata:\n    namespace: team-{{ team }}\n", 5),
        ("kind: X\nspec:\n  {% for x in y %}\n  - a\n  {% endfor %}\n", 3),
        ("kind: X\nvalues: [{{ a }}, b]\n", 2),
        ('kind: X\nname: "{{ include "x" . }}"\n', 2),
    ],
)
def test_a_template_is_rejected_with_its_line(document: str, line: int) -> None:
    """Braces in place of a value, in an identifier, or with what only Helm has are a template."""
    assert f"svm.yaml:{MOVED.count(chr(10)) + line}: {TEMPLATE}" in rejection(MOVED + document)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: Pod\n  name: svm\ntext: |\n  {{ hello }}\n", 2),
        ("kind: Rule\na: pod {{ $labels.pod }}\nb: pod {{ $labels.pod }}: down\n", 3),
        ("kind: Rule\na: |\n  {{ range x }}\nb: '{{'\nc:\n d\n e: f\n", 7),
        ("# {{ x }}\nkind: Rule\na: b: c\n", 3),
    ],
)
def test_an_error_of_yaml_is_not_reported_as_a_template(text: str, line: int) -> None:
    """Braces within a text or a comment, or below the error, are not its cause."""
    assert f"svm.yaml:{line}: invalid YAML: " in rejection(text)


@pytest.mark.fault(27)
def test_many_braces_are_searched_in_linear_time() -> None:
    """A long plain text of braces that do not close is read once."""
    assert edit(f"{POD}  - image: {IMAGE}:v1.0.4\n    name: x {'{{ x' * 100_000}\n").changed
