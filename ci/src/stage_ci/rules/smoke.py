"""How a started image is tried."""

from dataclasses import dataclass
from typing import Self

from stage_ci.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """What a started image is asked.

    Attributes:
        port: The TCP port on which it listens.
        text: The ticket to ask a prediction for.
        topic: The topic which that ticket must get; empty if any will do.
    """

    port: int
    text: str
    topic: str = ""

    @classmethod
    def parse(cls, port: int, sample: str) -> Self:
        """Return the trial of a service on ``port`` with ``sample``, which is TOPIC=TEXT or the text alone.

        Raises:
            InvalidInput: if there is no text.
        """
        topic, equals, text = sample.partition("=")
        trial = cls(port, text.strip(), topic.strip()) if equals else cls(port, sample.strip())
        if not trial.text:
            raise InvalidInput(
                f"--smoke-request={sample[:40]!r} holds no ticket",
                step="smoke",
                remedy="give it as TOPIC=TEXT, or the text alone",
            )
        return trial
