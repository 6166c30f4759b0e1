"""docs/glossary.md names the file of each term's rule."""

import re
from pathlib import Path
from typing import Final

import pytest

CI: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = CI / "src/stage_ci"
# One or several names in code quotes, and the file that holds them.
RULE: Final = re.compile(r"((?:`\w+`(?:, | and )?)+) in (?:`([\w/]+\.py)`|\[([\w/]+\.py)\])")


def rules() -> list[tuple[str, str]]:
    """Return each name of the glossary with its file."""
    found = RULE.findall((CI.parent / "docs/glossary.md").read_text())
    return sorted({(name, plain or linked) for names, plain, linked in found for name in re.findall(r"`(\w+)`", names)})


@pytest.mark.parametrize(("name", "file"), rules())
def test_the_file_of_a_rule_defines_it(name: str, file: str) -> None:
    """A function, class or constant of the glossary is defined in the file beside it."""
    assert re.search(rf"^(?:async def|def|class) {name}\b|^{name}(?::| =)", (PACKAGE / file).read_text(), re.MULTILINE)
