"""Asks a running service what a user and a cluster would ask it: alive, ready, one real prediction.

usage: probe.py BASE_URL SECONDS; prints one line per answer, ends 1 at the first wrong one.
Runs in a container of its own, with the standard library only.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request

OK = 200
TICKET = "my laptop screen stays black and the docking station does not power on"


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


def main() -> int:
    """Ask as the command line says; return the exit status."""
    base, seconds = sys.argv[1], float(sys.argv[2])
    deadline = time.monotonic() + seconds
    for path in ("/health", "/ready"):
        status, text = wait(base + path, deadline)
        print(told(path, status, text))
        if status != OK:
            return 1
    status, text = ask(base + "/predict_one", {"text": TICKET})
    print(told("/predict_one", status, text))
    try:
        answer = json.loads(text)
    except ValueError:
        return 1
    topic = answer.get("prediction") if isinstance(answer, dict) else None
    if status != OK or not isinstance(topic, str) or not topic:
        return 1
    print(f"ready, and answers a ticket with {' '.join(topic.split())[:100]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
