"""What this package refuses, one class per cause.

::

    CallcenterError      expected; its text is one line for a person to read
    ├── DatasetError     the tickets cannot be trained on as given
    ├── ModelError       there is no model to predict with: missing, foreign, unreachable
    └── TrackingError    MLflow did not take a trained model
"""


class CallcenterError(Exception):
    """An expected failure, told in one line.

    Args:
        message: What is wrong, naming the file, column or setting; may hold line breaks.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class DatasetError(CallcenterError):
    """The tickets cannot be trained on as given."""


class ModelError(CallcenterError):
    """There is no model to predict with."""


class TrackingError(CallcenterError):
    """MLflow did not take a trained model."""
