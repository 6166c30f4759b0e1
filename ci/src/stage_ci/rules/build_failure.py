"""Excerpts from the output of failed commands and builds."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from stage_ci.rules.one_line import last_line, shorten

# An index or a repository wants other credentials, in the words of uv, pip and git.
_DENIED: Final = re.compile(
    r"^.*(?:valid authentication credentials|client error \(40[13]|40[13] (?:Client )?Error|Authentication failed"
    r"|read Username).*$",
    re.MULTILINE,
)
# What tells more than the error that it led to: the former, pip's last word, git, apt, of which what it could not
# fetch, or a package whose script failed, explains the rest.
_DECISIVE: Final = (
    _DENIED,
    re.compile(r"^.*No matching distribution found for.*$", re.MULTILINE),
    re.compile(r"^ *fatal: .*$", re.MULTILINE),
    re.compile(r"^[WE]: Failed to fetch .*$", re.MULTILINE),
    re.compile(r"^(?:E: |dpkg: error ).*$", re.MULTILINE),
)
# The most specific first: any program, but not pip where it only says that another one failed; the Dockerfile parser;
# the rest of BuildKit.
_ERROR_LINES: Final = (
    re.compile(
        r"^(?!.*(?:subprocess-exited-with-error|metadata-generation-failed|Failed building wheel)).*"
        r"(?:ERROR|Error|error): .*$",
        re.MULTILINE,
    ),
    re.compile(r"^.*(?:dockerfile parse error|failed to calculate checksum|unknown instruction).*$", re.MULTILINE),
    re.compile(r"^.*(?:failed to resolve|pull access denied|no space left on device|not found).*$", re.MULTILINE),
)
# uv writes the causes beneath its error, the root cause last, each behind a word or, before 0.13, behind a line.
# A cause may go on in lines that are indented more.
_UV_ERROR: Final = re.compile("^(?:error: | *[x\N{MULTIPLICATION SIGN}] )(.*?)[:.]?$", re.MULTILINE)
_CAUSE: Final = r" *(?:cause: |Caused by: |[├╰]─▶ )"
_UV_CAUSE: Final = re.compile(rf"^{_CAUSE}(.*(?:\n(?!{_CAUSE})(?: {{3,}}| *│ )\S.*)*)", re.MULTILINE)
# What a package's own build wrote, in the middle of uv's or pip's report.
_INNER_OUTPUT: Final = re.compile(
    r"(?:\[stderr\]|\[\d+ lines of output\])\n(.*?)(?:\n *\[end of output\]|\n\n *hint: |\Z)", re.DOTALL
)
_INNER_ERRORS: Final = (
    re.compile(r"^.*fatal error: .*$", re.MULTILINE),  # of a compiler, such as a missing header
    re.compile(r"^.*(?:ERROR|Error|error|Exception): .*$", re.MULTILINE),
)
# BuildKit's message about an instruction that failed: what stands before the instruction and behind it.
_PROCESS: Final = re.compile(r'process "(?:/bin/sh -c )?')
_EXITED: Final = re.compile(r'" did not complete successfully: exit code: (\d+)')
_TRACE: Final = re.compile(r"\[traceparent:[^\][]*\]")
# An image that could not be pulled. The engine names it up to four times; the last time, the reason follows.
_UNRESOLVED: Final = re.compile(r"failed to resolve source metadata for (\S+): (?:\1: )?(\S.*)")
# Engine 0.19.10, once started again, mounts a volume of before only once at a time (dagger/dagger#11795).
_UNMOUNTED: Final = re.compile(r"failed to mount .*invalid argument", re.DOTALL)
# Before the host of a URL are a user and a password, or a token; its query may be a signature.
_URL_USER: Final = re.compile(r"(?<=://)[^/\s\"'`]+@")
_URL_QUERY: Final = re.compile(r"(://[^\s?\"'`]++)(?:\?[^\s\"'`]*[^\s\"'`)])?")
_MANY: Final = 3
_LIMIT: Final = 300  # characters, about one line

# What a second run can end otherwise: the index, its address or the network did not answer.
_NETWORK: Final = re.compile(
    r"error sending request|onnection (?:refused|reset|broken|timed out)|imed out|dns error|Name or service not known"
    r"|Temporary failure|Could not resolve|Failed to connect|unreachable|HTTP status server error"
    r"|50[0-9] (?:Server|Bad|Service|Gateway)",
)
# What uv and pip say about a file that cannot be installed, however often one tries.
_REQUIREMENTS: Final = re.compile(
    r"No solution found|No matching distribution|conflicting dependencies|Couldn't parse|Unexpected '|parsing included"
    r"|Invalid URL|Unsupported|Hash mismatch|--require-hashes|Distribution not found|Failed to (?:build|download)"
    r"|Git operation failed|[Ii]nvalid requirement|failed to decode file|DO NOT MATCH THE HASHES|Failed building"
    r"|does not appear to be a Python project|looks like a requirements file|Invalid specifier|Expected |Unnamed req",
)


def error_excerpt(message: str, command: str, output: str) -> str:
    """Return one line that names the instruction or the package on which a build failed, without credentials of URLs.

    Args:
        message: The engine's error.
        command: The command that failed; empty if the failure was not a command's.
        output: The output of the command.
    """
    if instruction := _failed_instruction(message):
        # Engine 0.19.10 prints the output of a Dockerfile's instruction as it runs; its error does not repeat it.
        run, status = shorten(without_credentials(instruction[0]), 200), instruction[1]
        if reason := _reason(output):
            return shorten(f"RUN {run} exited with status {status}: {reason}", _LIMIT)
        return shorten(f"RUN {run} exited with status {status}; see its output above", _LIMIT)
    if unresolved := _UNRESOLVED.search(message):
        name, reason = unresolved[1], without_credentials(_TRACE.sub("", unresolved[2]).strip())
        return shorten(f"the image {name} cannot be pulled: {reason}", _LIMIT)
    if _UNMOUNTED.search(message):
        return "the engine cannot mount a volume that another run has mounted"
    where = f"`{shorten(without_credentials(command), 120)}`: " if command else ""
    text = output if output.strip() else _TRACE.sub("", message)
    return shorten(where + (_reason(text) or "the engine gave no reason"), _LIMIT)


def install_remedy(command: Sequence[str], output: str) -> str | None:
    """Return what helps if the requirement files of the source cannot be installed.

    None if a second run may end otherwise, or if it was another command.

    Args:
        command: The command; the paths of the source's files are relative.
        output: Its output.
    """
    files = [file for option, file in pairwise(command) if option == "--requirement" and not file.startswith("/")]
    if not files:
        return None
    named = " or ".join(files)
    if _DENIED.search(output):
        return f"check the credentials in the URLs of {named}"
    if _NETWORK.search(output) or not _REQUIREMENTS.search(output):
        return None
    return f"correct {named}"


def engine_remedy(message: str) -> str | None:
    """Return what helps against an error of the engine that is no command's; None for the usual.

    Other help is known if the registry of an image answered that it has no such image, or if a volume is in use.
    """
    if _UNMOUNTED.search(message):
        return "run again when the other has ended, or give another --rehearsal"
    unresolved = _UNRESOLVED.search(message)
    if not unresolved or "not found" not in unresolved[2]:
        return None
    return "name an image that its registry holds, in the Dockerfile, or in pins.py if the pipeline itself needs it"


def _failed_instruction(message: str) -> tuple[str, str] | None:
    """Return the instruction of a Dockerfile that failed, and its exit status; None if the message is about no such."""
    start = _PROCESS.search(message)
    ends = list(_EXITED.finditer(message, start.end())) if start else []
    return (message[start.end() : ends[-1].start()], ends[-1][1]) if start and ends else None


def _reason(text: str) -> str:
    """Return the line of an output that tells the cause; empty for an empty output."""
    found = _first(_DECISIVE, text) or _uv_reason(text) or _first(_ERROR_LINES, text)
    return without_credentials(found or last_line(text))


def _first(patterns: Iterable[re.Pattern[str]], text: str) -> str:
    line = next((found[0].strip() for pattern in patterns if (found := pattern.search(text))), "")
    return line.removeprefix("cause: ").removeprefix("hint: ")


def _uv_reason(text: str) -> str:
    """Return uv's error with what caused it; empty if it is not an error of uv with a cause, nor a failed build."""
    head, causes = _UV_ERROR.search(text), _UV_CAUSE.findall(text)
    inner = _INNER_OUTPUT.search(text)
    if inner and (reason := _inner_reason(inner[1])):
        causes = [reason]
    if not head or not causes:
        return causes[-1].strip() if inner and causes else ""
    # Of many causes, the first tells what was done, and the last why it failed.
    told = [head[1], *(causes[:1] if len(causes) >= _MANY else []), causes[-1]]
    return ": ".join(" ".join(part.replace("│", " ").split()) for part in told)


def _inner_reason(output: str) -> str:
    found = (pattern.findall(output) for pattern in _INNER_ERRORS)
    return next((lines[-1] for lines in found if lines), last_line(output))


def without_credentials(text: str) -> str:
    """Return ``text`` without users, passwords and queries of URLs."""
    without_users = _URL_USER.sub("***@", text)
    return _URL_QUERY.sub(lambda url: url[0] if url[0] == url[1] else f"{url[1]}?***", without_users)
