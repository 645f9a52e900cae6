"""What to say of an actor that did not live to tell."""

from pathlib import Path

from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, RayActorError

from levelfield.result import Failure, RunResult, Status
from levelfield.run import REASON_LIMIT, tail
from orchestrator.actors import NotStartedError


class SilentError(Exception):
    """A worker has given no sign of life for so long that it is taken for lost."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no sign of life for {seconds:.0f} s: it hangs, or is slower than `silence_limit` allows")


def died(error: Exception, *, wall_ns: int, log: Path) -> RunResult:
    """The result of a run whose actor died by ``error``, with the last lines of its log."""
    failure = Failure(reason=reason_of(error)[:REASON_LIMIT], error_type=type(error).__name__, log_tail=tail(log), lost=True)
    return RunResult(status=Status.FAILED, wall_ns=wall_ns, failure=failure)


def reason_of(error: Exception) -> str:
    """One sentence."""
    match error:
        case NotStartedError() | SilentError():
            return str(error)
        case ActorUnavailableError():
            return "the worker cannot be reached any more: its node has ended, or the network to it has failed"
        case RayActorError() | ActorUnschedulableError():
            return f"the worker process died: {_cause(error)}"
        case _:
            return f"{type(error).__name__}: {error}"


def _cause(error: Exception) -> str:
    """The sentence of Ray's long message that says how the process ended."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "exit" in line.lower() or "killed" in line.lower() or "memory" in line.lower()]
    return (telling or lines or ["no reason was given"])[-1]
