"""Where a stage's time goes: a span for each step, the chain of steps that took longest, both as text and as SVG."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final, Self

from stage_ci.rules.one_line import shorten

# Seconds by which a step may start before the end of the step that it waited for, because times are rounded.
_TOLERANCE: Final = 0.05

_WIDTH: Final = 880
_NAMES: Final = 190  # the column of the names
_BARS: Final = 580  # of the axis; the seconds of the last bar stand to its right
_TOP: Final = 64  # title and legend
_ROW: Final = 24
_LABEL: Final = 22  # characters of a name
_NOTE: Final = 118  # characters of a line below the axis
# Both modes have a background of their own, so that text is readable on a page of any colour. Bars on the critical path
# also have a border and an arrow before their name. Each text has a contrast of at least 4.5 to 1.
_STYLE: Final = """
.page{fill:#ffffff}.text{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d1d9e0}
.step{fill:#8c959f}.critical{fill:#bc4c00;stroke:#1f2328;stroke-width:1.5}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}.title,.bold{font-weight:bold}
@media(prefers-color-scheme:dark){.page{fill:#0d1117}.text{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#3d444d}
.step{fill:#656c76}.critical{fill:#f0883e;stroke:#f0f6fc}}
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The time that one step took.

    Attributes:
        step: The name of the step, such as ``lint``.
        start: Seconds from the first work of the stage to the start of the step.
        seconds: Seconds that the step took.
    """

    step: str
    start: float
    seconds: float

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Return the span of an object in the stage's JSON."""
        return cls(str(fields["step"]), float(fields["start"]), float(fields["seconds"]))

    @property
    def end(self) -> float:
        """Seconds from the first work of the stage to the end of the step."""
        return self.start + self.seconds

    def json(self) -> dict[str, Any]:
        """Return the object of the stage's JSON, with times to the hundredth of a second."""
        return asdict(self) | {"start": round(self.start, 2), "seconds": round(self.seconds, 2)}


def critical_path(spans: Iterable[Span]) -> list[Span]:
    """Return the chain of steps that determined how long the stage took, the first one first.

    The chain leads backwards from the step that ended last. The step before a step is the one that ended last among
    those that had ended when it started: the step that it most likely waited for.
    """
    rest = sorted(spans, key=lambda span: (span.end, span.seconds, span.start, span.step))
    path = rest[-1:]
    while path:
        first = path[0]
        # A step before has started earlier, so a step that takes no time is not its own predecessor.
        before = [span for span in rest if span.end <= first.start + _TOLERANCE and span.start < first.start]
        if not before:
            break
        path.insert(0, before[-1])
    return path


def summary(spans: Iterable[Span]) -> str:
    """Return one line with the seconds of the whole stage and of each step on its critical path."""
    path = critical_path(spans)
    steps = ", ".join(f"{span.step} {span.seconds:.1f} s" for span in path)
    return f"{path[-1].end:.1f} s: {steps}" if path else "no step ran"


def table(spans: Iterable[Span]) -> list[str]:
    """Return the lines of a table of all steps in the order of their start; ``*`` marks the critical path."""
    ordered = _ordered(spans)
    path = critical_path(ordered)
    lines = ["   start  seconds  step"]
    lines += [f"{span.start:8.2f} {span.seconds:8.2f}  {'*' if span in path else ' '} {span.step}" for span in ordered]
    return [*lines, f"* {_path_text(path)}"]


def svg(spans: Iterable[Span], title: str) -> str:
    """Return a picture with a bar for each step in the order of their start, which marks the critical path.

    Args:
        spans: The steps of one stage.
        title: The first line of the picture.
    """
    ordered = _ordered(spans)
    path = critical_path(ordered)
    last = max((span.end for span in ordered), default=0.0)
    tick = _tick(last)
    longest = max(last, tick)
    notes = _wrap(_path_text(path))
    bottom = _TOP + _ROW * len(ordered)
    height = bottom + 34 + 18 * len(notes)
    size = f'width="{_WIDTH}" height="{height}"'
    box = f'viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-labelledby="title path">',
        f'<title id="title">{_xml(title)}</title><desc id="path">{_xml(_path_text(path))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" {size} rx="6"/>',
        _text(16, 24, title, "text title"),
        *_legend(),
        *_axis(tick, longest, bottom),
        *(line for row, span in enumerate(ordered) for line in _bar(span, row, longest, critical=span in path)),
        *(_text(16, bottom + 40 + 18 * number, note, "text") for number, note in enumerate(notes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _ordered(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.seconds, span.step))


def _path_text(path: list[Span]) -> str:
    if not path:
        return "critical path: no step ran"
    seconds = sum(span.seconds for span in path)
    return f"critical path: {' → '.join(span.step for span in path)} ({seconds:.1f} s of {path[-1].end:.1f} s)"


def _legend() -> list[str]:
    return [
        f'<rect class="critical" x="{_NAMES}" y="38" width="14" height="12"/>',
        _text(_NAMES + 20, 48, "▸ on the critical path, with a border", "text"),
        f'<rect class="step" x="{_NAMES + 310}" y="38" width="14" height="12"/>',
        _text(_NAMES + 330, 48, "beside it", "text"),
    ]


def _axis(tick: float, longest: float, bottom: int) -> list[str]:
    lines = []
    for number in range(math.floor(longest / tick + 1e-9) + 1):
        x = _place(number * tick, longest)
        lines.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{bottom + 4}"/>')
        lines.append(_text(x, bottom + 18, f"{number * tick:g} s", "faint", anchor="middle"))
    return lines


def _bar(span: Span, row: int, longest: float, *, critical: bool) -> list[str]:
    top = _TOP + _ROW * row
    x, end = _place(span.start, longest), _place(span.end, longest)
    name = shorten(span.step, _LABEL)
    kind, weight = ("critical", "text bold") if critical else ("step", "text")
    size = f'width="{max(1.0, end - x):.1f}" height="{_ROW - 8}"'
    return [
        _text(_NAMES - 10, top + 15, f"▸ {name}" if critical else name, weight, anchor="end"),
        f'<rect class="{kind}" x="{x}" y="{top + 4}" {size}><title>{_xml(span.step)}</title></rect>',
        _text(round(max(x + 1, end) + 6, 1), top + 15, f"{span.seconds:.1f} s", "text"),
    ]


def _place(seconds: float, longest: float) -> float:
    return round(_NAMES + _BARS * seconds / longest, 1)


def _tick(last: float) -> float:
    """Return the distance of the axis's numbers: 1, 2 or 5 times a power of ten, so that there are at most ten."""
    power = 10.0 ** math.floor(math.log10(max(last, 0.1) / 10))
    return next(step * power for step in (1, 2, 5, 10, 20) if last <= 10 * step * power)


def _text(x: float, y: int, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{_xml(text)}</text>'


def _wrap(text: str) -> list[str]:
    """Return the text in lines that fit the picture, broken between words, or inside a word that is longer."""
    lines = [""]
    for word in text.split(" "):
        while len(word) > _NOTE:
            lines.append(word[:_NOTE])
            word = word[_NOTE:]  # noqa: PLW2901
        if len(lines[-1]) + 1 + len(word) > _NOTE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [line for line in lines if line]


def _xml(text: str) -> str:
    """Return the text for an XML document, which may not contain control characters."""
    return escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))
