"""Asks a running service what a user and a cluster would ask it: alive, ready, one real prediction.

usage: probe.py BASE_URL SECONDS TEXT [TOPIC]; prints one line per answer, ends 1 at the first wrong one.
TOPIC is what the ticket TEXT must get; whatever it gets must be among the topics that the service lists on its first
page, if it does. Runs in a container of its own, with the standard library only.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request

OK = 200


def ask(url: str, body: dict[str, str] | None = None, seconds: float = 10) -> tuple[int, str]:
    """Return (status, text); (0, reason) when nothing answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, str(error)


def wait(url: str, deadline: float) -> tuple[int, str]:
    """Ask until the answer is 200 or the deadline is over; return the last answer."""
    while True:
        status, text = ask(url, seconds=max(0.1, min(10.0, deadline - time.monotonic())))
        if status == OK or time.monotonic() > deadline:
            return status, text
        time.sleep(0.1)


def told(path: str, status: int, text: str) -> str:
    """Return an answer in one line."""
    return f"{path} answers {status or 'nothing'}: {' '.join(text.split())[:300]}"


def member(text: str, name: str) -> object:
    """Return a member of a JSON object; None if there is none, or no object."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value.get(name) if isinstance(value, dict) else None


def predicted(base: str, ticket: str) -> str:
    """Return the topic of a ticket, after its answer was printed; empty if it is none."""
    status, text = ask(base + "/predict_one", {"text": ticket})
    print(told("/predict_one", status, text))
    topic = member(text, "prediction")
    return topic if status == OK and isinstance(topic, str) else ""


def wrong(base: str, topic: str, expected: str) -> str:
    """Return what is wrong with a topic; empty if nothing."""
    if expected and topic != expected:
        return f"where {expected} was expected"
    listed = member(ask(base + "/")[1], "topics")
    if isinstance(listed, list) and topic not in listed:
        return "which is none of the topics that / lists"
    return ""


def main() -> int:
    """Ask as the command line says; return the exit status."""
    base, seconds, ticket, expected = [*sys.argv[1:], ""][:4]
    deadline = time.monotonic() + float(seconds)
    for path in ("/health", "/ready"):
        status, text = wait(base + path, deadline)
        print(told(path, status, text))
        if status != OK:
            return 1
    topic = predicted(base, ticket)
    if not topic:
        return 1
    shown = " ".join(topic.split())[:100]
    if reason := wrong(base, topic, expected):
        print(f"/predict_one answers a ticket with {shown}, {reason}")
        return 1
    print(f"ready, and answers a ticket with {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
