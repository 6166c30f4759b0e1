"""Why there are no figures.

BenchError
├── RequestsFailed
├── ServerFailed
├── CommandFailed
├── TooFewCores
└── UnusableImage
"""


class BenchError(Exception):
    """A run that gives no figures; its text is the one line that says why."""


class RequestsFailed(BenchError):
    """The load generator met an answer that is no 200, or none at all."""


class ServerFailed(BenchError):
    """A server ended, or gave no answer within its time."""


class CommandFailed(BenchError):
    """A program that the benchmark calls ended with an error."""


class TooFewCores(BenchError):
    """Server and load would share a core."""


class UnusableImage(BenchError):
    """The image's archive, or its Dockerfile, does not tell what the image adds to its base."""
