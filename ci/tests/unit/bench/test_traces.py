"""Which containers ran, from traces as the engine of Dagger 0.19.10 writes them, encoded by OpenTelemetry itself."""

import base64
from typing import Any

import httpx
import pytest
from bench.protobuf import fields
from bench.traces import TraceReceiver, containers, spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

LINT = ["black", "--check", "--diff", "--quiet", "."]
STARTED = ("Container created", "Container started", "Container exited")


def message(number: int, content: bytes | str) -> bytes:
    """Return a field with a length below 128, as protobuf encodes it."""
    data = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2, len(data)]) + data


def with_exec(command: list[str]) -> str:
    """Return the attribute with the call `withExec(args: COMMAND, expect: ANY)` (dagql/call/callpbv1/call.proto)."""
    words = b"".join(message(1, message(7, word)) for word in command)
    arguments = [
        message(1, "args") + message(2, message(8, words)),
        message(1, "expect") + message(2, message(4, "ANY")),
    ]
    call = message(1, "xxh3:0") + message(3, "withExec") + b"".join(message(4, argument) for argument in arguments)
    return base64.b64encode(call).decode()


def span(number: int, name: str, *, cause: int = 0, call: str = "", events: tuple[str, ...] = ()) -> Span:
    """Return the span with a number, caused by another one."""
    attributes = [KeyValue(key="dagger.io/dag.call", value=AnyValue(string_value=call))] if call else []
    return Span(
        span_id=number.to_bytes(8, "big"),
        name=name,
        start_time_unix_nano=number,
        attributes=[KeyValue(key="buildkit", value=AnyValue(bool_value=True)), *attributes],
        events=[Span.Event(name=event, time_unix_nano=number) for event in events],
        links=[Span.Link(span_id=cause.to_bytes(8, "big"))] if cause else [],
    )


def body(*recorded: Span) -> bytes:
    """Return the request that exports spans."""
    request: Any = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(recorded)
    encoded: bytes = request.SerializeToString()
    return encoded


def test_a_command_is_that_of_the_call_that_caused_its_container() -> None:
    """The span whose container ran links to the call of `withExec`, which has the arguments."""
    call = span(1, "Container.withExec", call=with_exec(LINT))
    ran = span(2, "ContainerDagOp withExec", cause=1, events=STARTED)
    assert containers(spans([body(call, ran)])) == ["black --check --diff --quiet ."]


def test_a_cached_command_ran_no_container() -> None:
    """A span without the event of a started container is a result from the cache."""
    call = span(1, "Container.withExec", call=with_exec(LINT))
    assert containers(spans([body(call, span(2, "ContainerDagOp withExec", cause=1))])) == []


def test_services_instructions_and_functions_are_named_as_well() -> None:
    """A service has its command in its name, a Dockerfile's instruction its text, a function that of its call."""
    recorded = body(
        span(1, "StageCi.stage", call=base64.b64encode(message(3, "stage")).decode()),
        span(2, "ContainerDagOp withExec", cause=1, events=STARTED),
        span(3, "exec registry serve /etc/distribution/config.yml", events=STARTED),
        span(4, "[application 2/3] COPY src /app"),
        span(5, "[application 3/3] RUN python3 -m compileall -q /app", events=STARTED),
        span(6, "something new", cause=99, events=STARTED),
    )
    assert containers(spans([recorded])) == [
        "StageCi.stage",
        "registry serve /etc/distribution/config.yml",
        "RUN python3 -m compileall -q /app",
        "something new",
    ]


def test_spans_of_all_requests_count_once_and_in_the_order_of_their_start() -> None:
    """A span that is sent again replaces the earlier one, and a cause may arrive after what it caused."""
    late = body(span(3, "exec late", events=STARTED))
    again = body(span(1, "Container.withExec", call=with_exec(LINT)), span(2, "dagop", cause=1, events=STARTED))
    assert containers(spans([late, body(span(2, "dagop", cause=1)), again])) == [" ".join(LINT), "late"]


def test_a_receiver_gives_the_variables_of_the_exporter_and_keeps_what_it_gets() -> None:
    """What is posted to the address in the variables is received."""
    sent = body(span(1, "exec git daemon", events=STARTED))
    with TraceReceiver() as receiver:
        address = receiver.variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        assert httpx.post(address, content=sent, trust_env=False).status_code == 200
    assert receiver.bodies == [sent]
    assert receiver.variables["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"


@pytest.mark.parametrize("broken", [b"\x0a\x05abc", b"\x0a", b"\x80", b"\x0b", b"\x09\x00"])
def test_a_broken_message_is_an_error(broken: bytes) -> None:
    """A message that ends early, or has a type of field that is no longer used, is rejected."""
    with pytest.raises(ValueError, match="invalid protobuf message"):
        fields(broken)


def test_fields_of_every_type_are_skipped_or_read() -> None:
    """Numbers of variable length are left out, fixed ones are kept as bytes, and a field may repeat."""
    found = fields(b"\x08\x96\x01" + b"\x15\x01\x00\x00\x00" + message(3, "a") + message(3, "b"))
    assert dict(found) == {2: [b"\x01\x00\x00\x00"], 3: [b"a", b"b"]}
