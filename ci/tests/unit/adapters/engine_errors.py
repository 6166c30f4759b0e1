"""The errors that the SDK raises for error responses of the engine."""

import dagger
import gql

_REQUEST = gql.gql("{ container { sync } }")


def failed(message: str, **extensions: object) -> dagger.QueryError:
    """Return the error that the SDK raises for an error response of the engine."""
    value = type("Value", (), {"message": message, "extensions": extensions, "__str__": lambda self: self.message})
    return dagger.QueryError([value()], _REQUEST)


def ended(*command: str, stdout: str = "", stderr: str = "") -> dagger.QueryError:
    """Return the error of a command that exited with status 1."""
    message = "process did not complete successfully: exit code: 1"
    return failed(message, _type="EXEC_ERROR", cmd=list(command), exitCode=1, stdout=stdout, stderr=stderr)
