"""A source that was uploaded without the filter of --source."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.source import raise_if_unfiltered


@pytest.mark.fault(34)
@pytest.mark.parametrize("name", [".env", ".git"])
def test_an_unfiltered_source_is_rejected(name: str) -> None:
    """A source that contains a file that the filter excludes is an error that names the file and the flag to use."""
    with pytest.raises(
        InvalidInput, match=rf"^source: the source was not filtered and holds \{name}; give .* --source"
    ):
        raise_if_unfiltered(["Dockerfile", name, "src"])


def test_a_filtered_source_is_accepted() -> None:
    """A source with the hidden files that configure the checks is accepted."""
    raise_if_unfiltered([".flake8", ".dockerignore", ".trivyignore.yaml", "Dockerfile", "src"])
