"""How a started image is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.smoke import SmokeTest


@pytest.mark.parametrize(
    ("sample", "trial"),
    [
        ("Hardware=my screen is black", SmokeTest(8000, "my screen is black", "Hardware")),
        ("HR Support = two days of leave ", SmokeTest(8000, "two days of leave", "HR Support")),
        ("my screen is black", SmokeTest(8000, "my screen is black")),
        ("=a=b", SmokeTest(8000, "a=b")),
        ("Access=password=wrong", SmokeTest(8000, "password=wrong", "Access")),
    ],
)
def test_a_sample_is_a_ticket_with_or_without_its_topic(sample: str, trial: SmokeTest) -> None:
    """What stands before the first sign of equality is the topic."""
    assert SmokeTest.parse(8000, sample) == trial


@pytest.mark.parametrize("sample", ["", " ", "=", "Hardware=", "Hardware= \n"])
def test_a_sample_without_a_ticket_is_refused(sample: str) -> None:
    """A service that is asked for nothing has not been tried."""
    with pytest.raises(InvalidInput, match=r"^smoke: --smoke-request=.* holds no ticket; "):
        SmokeTest.parse(8000, sample)


@given(st.text(), st.text().filter(str.strip))
def test_any_ticket_can_be_given(topic: str, text: str) -> None:
    """Nothing has to be escaped: a topic has no sign of equality, and a ticket may have several."""
    topic = topic.replace("=", "")
    assert SmokeTest.parse(1, f"{topic}={text}") == SmokeTest(1, text.strip(), topic.strip())
