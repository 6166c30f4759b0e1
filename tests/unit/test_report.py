"""The HTML report and the model card."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from conftest import Trained

from callcenterai_svm.card import render_card
from callcenterai_svm.metrics import TrainingMetrics
from callcenterai_svm.rendering import TEMPLATES
from callcenterai_svm.report import (
    SHADES,
    confusion_rows,
    mistakes,
    points,
    render_report,
)


class Page(HTMLParser):
    """The tags, attributes and texts of a page; fails if a tag is not closed."""

    VOID = {"meta", "br", "line", "rect", "circle", "polyline"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Records an opening tag."""
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Records a self-closing tag."""
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag: str) -> None:
        """Checks that the innermost open tag is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Records text under the innermost open tag."""
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture(scope="module")
def metrics(trained: Trained) -> TrainingMetrics:
    """The metrics of the training run."""
    return trained.metrics


@pytest.fixture(scope="module")
def page(metrics: TrainingMetrics) -> Page:
    """The report of that training run."""
    return Page(render_report(metrics))


def test_report_is_self_contained(page: Page) -> None:
    """The report has no scripts and loads no other files."""
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(page.tags)
    names = {name for name, _ in page.attributes}
    assert {"src", "href", "style"}.isdisjoint(names)
    assert not any(name.startswith("on") for name in names)
    assert not re.search(r"url\(|@import", "".join(page.texts["style"]))


def test_report_allows_only_its_own_style_sheet(page: Page) -> None:
    """The content security policy allows nothing but the style sheet's digest."""
    style = "".join(page.texts["style"]).encode()
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    (policy,) = (value for _, value in page.attributes if value and "-src" in value)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_report_shows_each_metric(page: Page, metrics: TrainingMetrics) -> None:
    """The report shows quality, version, data digest and topics as text."""
    shown = " ".join("".join(texts) for texts in page.texts.values())
    for text in (
        f"{metrics.accuracy:.1%}".replace("%", "\xa0%"),
        f"{metrics.macro_f1:.3f}",
        f"{metrics.ece:.3f}",
        metrics.model_version,
        metrics.data_sha256,
        *metrics.tickets,
    ):
        assert text in shown


def test_every_table_cell_has_its_headers(page: Page) -> None:
    """Every header cell has a scope; each topic heads a row in two tables."""
    scopes = [value for name, value in page.attributes if name == "scope"]
    assert scopes.count("row") >= 16
    assert page.tags.count("th") == len(scopes)


def test_markup_in_metrics_is_escaped(metrics: TrainingMetrics) -> None:
    """HTML in the name of a topic is escaped."""
    hostile = {"topic": "<script>alert(1)</script>"}
    changed = [each | hostile for each in metrics.per_topic]
    html = render_report(replace(metrics, per_topic=changed))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_confusion_is_shaded_by_share_of_the_row() -> None:
    """Shades follow the share of the row, and more strongly for errors."""
    rows = confusion_rows([[9, 1], [0, 0]])
    assert [(cell.count, cell.share, cell.shade) for cell in rows[0]] == [
        (9, 0.9, "hit-9"),
        (1, 0.1, "miss-4"),
    ]
    assert {cell.share for cell in rows[1]} == {0}


def test_mistakes_are_sorted_by_frequency(metrics: TrainingMetrics) -> None:
    """The most frequent mistake comes first; correct predictions are left out."""
    found = mistakes(metrics)
    counts = [mistake.count for mistake in found]
    assert counts == sorted(counts, reverse=True) and min(counts) > 0
    assert all(mistake.topic != mistake.predicted for mistake in found)


def test_chart_shows_each_bin_with_tickets(metrics: TrainingMetrics) -> None:
    """The largest bin has the highest bar; empty bins are left out."""
    shown = points(metrics.reliability)
    filled = [each for each in metrics.reliability if each["count"]]
    assert [point.bin for point in shown] == filled
    largest = max(shown, key=lambda point: point.height)
    assert largest.bin["count"] == max(each["count"] for each in filled)


def test_card_shows_data_metrics_and_versions(metrics: TrainingMetrics) -> None:
    """The card shows data digest, quality, versions and the command to reproduce it."""
    text = render_card(metrics)
    assert text.startswith(f"# callcenterai-svm {metrics.model_version}\n")
    assert metrics.data_sha256 in text
    assert f"| macro-F1 | {metrics.macro_f1:.4f} |" in text
    assert f"scikit-learn {metrics.libraries['scikit-learn']}" in text
    for topic, count in metrics.tickets.items():
        assert f"| {topic} | {count} |" in text
    command = "python -m callcenterai_svm.train --data tickets.csv --output model/"
    assert f"\n{command} --seed 0\n" in text


def test_card_shows_columns_other_than_the_defaults(metrics: TrainingMetrics) -> None:
    """The command in the card has other columns as options, quoted for a shell."""
    text = render_card(replace(metrics, text_column="the text"))
    assert "--text-column 'the text' --seed" in text


def luminance(color: list[float]) -> float:
    """The relative luminance of a color, as WCAG 2 defines it."""
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in color)
    ]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def color(digits: str) -> list[float]:
    """The channels of a color such as #1d4ed8."""
    return [float(channel) for channel in bytes.fromhex(digits.strip("#"))]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["hit", "miss"])
@pytest.mark.parametrize("step", range(1, SHADES + 1))
def test_numbers_have_enough_contrast(scheme: int, kind: str, step: int) -> None:
    """Numbers have a contrast of at least 4.5:1 to their shade, as WCAG 2 requires."""
    style = (TEMPLATES / "report.css").read_text()
    name = f".{kind}-{step}"
    card, text, middle = (
        color(re.findall(rf"--{variable}: (#\w+)", style)[scheme])
        for variable in ("card", "text", "on-middle")
    )
    found = re.search(rf"{name} {{ background: rgb\((.*) / (\d+)%\)", style)
    assert found
    part = int(found[2]) / 100
    shade = [
        part * float(over) + (1 - part) * under
        for over, under in zip(found[1].split(), card, strict=True)
    ]
    chosen = {
        each: value
        for names, value in re.findall(r"^(\.hit-.*) { color: (.*); }", style, re.M)
        for each in names.split(", ")
    }.get(name)
    ink = {None: text, "var(--on-middle)": middle, "#ffffff": color("#ffffff")}[chosen]
    darker, lighter = sorted(map(luminance, (shade, ink)))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
