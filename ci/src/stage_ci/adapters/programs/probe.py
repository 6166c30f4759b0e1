"""Sends a running service the requests of a cluster and a user: liveness, readiness and one prediction.

usage: probe.py BASE_URL SECONDS TEXT [TOPIC]; prints one line per response and exits with 1 at the first wrong one.
The service must predict TOPIC for the ticket TEXT. If its root page lists topics, the prediction must be one of them.
Runs in a container of its own, with the standard library only.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request

OK = 200
# The service is a host of the engine's network, which a proxy of the environment does not know.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def send(url: str, body: dict[str, str] | None = None, seconds: float = 10) -> tuple[int, str]:
    """Send a request and return (status, text) of the response, or (0, reason) if there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with DIRECT.open(request, timeout=seconds) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, str(error)


def wait(url: str, deadline: float) -> tuple[int, str]:
    """Repeat a request until the status is 200 or the deadline has passed; return the last response."""
    while True:
        status, text = send(url, seconds=max(0.1, min(10.0, deadline - time.monotonic())))
        if status == OK or time.monotonic() > deadline:
            return status, text
        time.sleep(0.1)


def describe(path: str, status: int, text: str) -> str:
    """Return a response in one line."""
    line = " ".join(text.split())[:300]
    return f"{path} answers {status}: {line}" if status else f"{path} does not answer: {line}"


def member(text: str, name: str) -> object:
    """Return a member of the JSON object in ``text``; None if there is no such member or ``text`` is not an object."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value.get(name) if isinstance(value, dict) else None


def predict(base: str, ticket: str) -> str:
    """Request a prediction, print the response, and return the topic; empty if the response has none."""
    status, text = send(base + "/predict_one", {"text": ticket})
    print(describe("/predict_one", status, text))
    topic = member(text, "prediction")
    return topic if status == OK and isinstance(topic, str) else ""


def error_in(base: str, topic: str, expected: str) -> str:
    """Return the error in a predicted topic; empty if there is none."""
    if expected and topic != expected:
        return f"expected {expected}"
    listed = member(send(base + "/")[1], "topics")
    if isinstance(listed, list) and topic not in listed:
        return "which is not one of the topics listed at /"
    return ""


def main() -> int:
    """Probe the service that the command line names; return the exit status."""
    base, seconds, ticket, expected = [*sys.argv[1:], ""][:4]
    deadline = time.monotonic() + float(seconds)
    for path in ("/health", "/ready"):
        status, text = wait(base + path, deadline)
        print(describe(path, status, text))
        if status != OK:
            return 1
    topic = predict(base, ticket)
    if not topic:
        return 1
    shown = " ".join(topic.split())[:100]
    if error := error_in(base, topic, expected):
        print(f"/predict_one answers a ticket with {shown}, {error}")
        return 1
    print(f"ready, and answers a ticket with {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
