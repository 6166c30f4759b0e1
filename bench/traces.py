"""The containers that a call really ran, from the traces that the CLI exports.

The plain log does not show them: a command that the engine takes from its cache and one that runs without output look
the same there. In a trace, a span whose container has run has the event "Container started", which the engine adds
when runc has started it (dagger/dagger, engine/buildkit/executor_spec.go).
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from tests.servers.loopback import Handler, Reply, Server

from bench.protobuf import fields

_STARTED: Final = b"Container started"
# The attribute of a call's span with the call as a base64 message (dagger/dagger, dagql/call/callpbv1/call.proto).
_CALL: Final = b"dagger.io/dag.call"
_SERVICE: Final = "exec "  # before the command in the name of a service's span
_RUN: Final = "] RUN "  # before the command in the name of a Dockerfile's instruction


class TraceReceiver(Server):
    """A server that receives traces: https://opentelemetry.io/docs/specs/otlp/#otlphttp."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that make the CLI send its traces to this server."""
        return {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{self.port}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
            # The exporter drops spans that do not fit into its queue, whose default is 2048.
            "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
        }

    def handle(self, handler: Handler) -> Reply:
        """Keep the body of a request."""
        self.bodies.append(handler.read().body)
        return Reply()


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a trace, as far as it tells which containers ran.

    Attributes:
        id: The identifier.
        name: The name, such as ``Container.withExec``.
        start: The time of its start; only the order counts.
        links: The identifiers of the spans that caused it.
        events: The names of its events.
        call: The function that it calls, and that function's arguments; empty if it is no call.
    """

    id: bytes
    name: str
    start: int = 0
    links: tuple[bytes, ...] = ()
    events: frozenset[bytes] = frozenset()
    call: bytes = field(default=b"", repr=False)

    @classmethod
    def read(cls, message: bytes) -> Self:
        """Return the span of a message (opentelemetry-proto, opentelemetry/proto/trace/v1/trace.proto)."""
        span = fields(message)
        return cls(
            _first(span, 2),
            _first(span, 5).decode(),
            int.from_bytes(_first(span, 7), "little"),
            tuple(_first(fields(link), 2) for link in span[13]),
            frozenset(_first(fields(event), 2) for event in span[11]),
            base64.b64decode(_attribute(span[9], _CALL)),
        )

    @property
    def arguments(self) -> list[str]:
        """The command that the call of ``withExec`` runs; empty for another call."""
        call = fields(self.call)
        if _first(call, 3) != b"withExec":
            return []
        arguments = (fields(argument) for argument in call[4])
        lists = [_first(fields(_first(argument, 2)), 8) for argument in arguments if _first(argument, 1) == b"args"]
        return [_first(fields(value), 7).decode() for one in lists for value in fields(one)[1]]


def spans(bodies: Iterable[bytes]) -> list[Span]:
    """Return the spans of the requests to a receiver in the order of their start, each once."""
    found = {span.id: span for body in bodies for span in _spans(body)}
    return sorted(found.values(), key=lambda span: (span.start, span.id))


def containers(trace: Iterable[Span]) -> list[str]:
    """Return the command of each container that ran, in the order of their start.

    A function of the module has the name of its call, such as ``StageCi.stage``.
    """
    known = {span.id: span for span in trace}
    return [_command(span, known) for span in known.values() if _STARTED in span.events]


def _command(span: Span, known: Mapping[bytes, Span]) -> str:
    if span.name.startswith(_SERVICE):
        return span.name.removeprefix(_SERVICE)
    if _RUN in span.name:
        return f"RUN {span.name.partition(_RUN)[2]}"
    causes = [known[link] for link in span.links if link in known]
    commands = [" ".join(cause.arguments) or cause.name for cause in causes]
    return commands[0] if commands else span.name


def _spans(body: bytes) -> Iterator[Span]:
    for resource in fields(body)[1]:
        for scope in fields(resource)[2]:
            yield from map(Span.read, fields(scope)[2])


def _attribute(attributes: Iterable[bytes], name: bytes) -> bytes:
    for attribute in map(fields, attributes):
        if _first(attribute, 1) == name:
            return _first(fields(_first(attribute, 2)), 1)
    return b""


def _first(message: Mapping[int, list[bytes]], number: int) -> bytes:
    return message[number][0] if message.get(number) else b""
