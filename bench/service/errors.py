"""The errors that end a run without figures.

BenchError
├── RequestsFailed
├── ServerFailed
├── CommandFailed
├── TooFewCores
└── UnusableImage
"""


class BenchError(Exception):
    """The run ends without figures; the text is one line with the reason."""


class RequestsFailed(BenchError):
    """A request got a response other than 200, or no response."""


class ServerFailed(BenchError):
    """A server exited, or did not answer in time."""


class CommandFailed(BenchError):
    """A program that the benchmark runs failed."""


class TooFewCores(BenchError):
    """The machine has only one core, which server and load generator would share."""


class UnusableImage(BenchError):
    """The Dockerfile has no FROM, or the image does not start with the layers of its base."""
