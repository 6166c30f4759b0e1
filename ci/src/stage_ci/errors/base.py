"""The base of the errors, and the error of several steps."""


class StageError(Exception):
    """An expected failure, printed as one line with step, cause and remedy.

    Args:
        cause: What happened and to which input or part, in one line without a final full stop.
        remedy: What the user can do next; replaces the remedy of the class.
        step: The step that failed; replaces the step of the class.
    """

    step = "stage"
    remedy = "call the failing function alone to see its output"

    def __init__(self, cause: str, *, remedy: str | None = None, step: str | None = None) -> None:
        self.cause = " ".join(cause.split())
        self.remedy = self.remedy if remedy is None else remedy
        self.step = self.step if step is None else step
        super().__init__(f"{self.step}: {self.cause}; {self.remedy}")


class MultipleFailures(StageError):
    """Several steps failed; the text has one line for each."""

    def __init__(self, failures: list[StageError]) -> None:
        self.failures = failures
        super().__init__("several steps failed")
        self.args = ("\n".join(map(str, failures)),)
