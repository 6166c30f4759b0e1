"""The smoke test of a started image."""

from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidInput

# RFC 9293, section 3.1: a port has 16 bits.
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """The request that a started image must answer.

    Attributes:
        port: The TCP port on which the service listens.
        text: The ticket to request a prediction for.
        topic: The topic that the service must predict; empty if any topic will do.
    """

    port: int
    text: str
    topic: str = ""

    @classmethod
    def parse(cls, port: int, request: str) -> Self:
        """Return the smoke test of a service.

        >>> SmokeTest.parse(8000, "Hardware=my screen is black")
        SmokeTest(port=8000, text='my screen is black', topic='Hardware')

        Args:
            port: The TCP port on which the service listens.
            request: The ticket as TOPIC=TEXT, or its text alone.

        Raises:
            InvalidInput: if the text is empty, or the port is not one.
        """
        topic, equals, text = request.partition("=")
        test = cls(port, text.strip(), topic.strip()) if equals else cls(port, request.strip())
        if not 1 <= port <= _HIGHEST_PORT:
            raise InvalidInput(f"invalid --service-port={port}", step="smoke", remedy="give a port from 1 to 65535")
        if not test.text:
            raise InvalidInput(
                f"invalid --smoke-request={request[:40]!r}: expected the text of a ticket",
                step="smoke",
                remedy="give TOPIC=TEXT, or TEXT alone",
            )
        return test
