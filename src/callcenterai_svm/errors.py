"""The errors this package raises, one class per cause.

::

    CallcenterError      an expected failure with a one-line message
    ├── DatasetError     the tickets cannot be used for training
    ├── ModelError       no usable model: missing, invalid, not allowed or unreachable
    └── TrackingError    logging to MLflow failed
"""


class CallcenterError(Exception):
    """An expected failure, reported in one line.

    Args:
        message: The problem, with the file, column or setting it concerns. Line breaks
            become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class DatasetError(CallcenterError):
    """The tickets cannot be used for training."""


class ModelError(CallcenterError):
    """There is no usable model."""


class TrackingError(CallcenterError):
    """Logging a trained model to MLflow failed."""
