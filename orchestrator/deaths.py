"""What to say of an actor that did not live to tell."""

import re
from pathlib import Path

from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, OutOfMemoryError, RayActorError, RayError

from levelfield.failures import OUT_OF_MEMORY, REASON_LIMIT, tail
from levelfield.result import Failure, RunResult, Status
from orchestrator.actors import NotStartedError

AMOUNT = re.compile(r"\d\s?[GM]i?B\b|used: \d")


class SilentError(Exception):
    """A worker has given no sign of life for so long that it is taken for lost."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no sign of life for {seconds:.0f} s: it hangs, or is slower than `silence_limit` allows")


def died(error: Exception, *, wall_ns: int, log: Path) -> RunResult:
    """The result of a run whose actor died by ``error``, with the last lines of its log."""
    # What had no memory would have none again: it is not begun anew.
    lost = not _is_out_of_memory(error)
    failure = Failure(reason=reason_of(error)[:REASON_LIMIT], error_type=type(error).__name__, log_tail=tail(log), lost=lost)
    return RunResult(status=Status.FAILED, wall_ns=wall_ns, failure=failure)


def reason_of(error: Exception) -> str:
    """One sentence."""
    match error:
        case NotStartedError() | SilentError():
            return str(error)
        case ActorUnavailableError():
            return "the worker cannot be reached any more: its node has ended, or the network to it has failed"
        case RayError() if _is_out_of_memory(error):
            return f"{OUT_OF_MEMORY} on its host, and Ray ended it: {_memory_line(error)}"
        case RayActorError() | ActorUnschedulableError():
            return f"the worker process died: {_cause(error)}"
        case _:
            return f"{type(error).__name__}: {error}"


def _is_out_of_memory(error: Exception) -> bool:
    """Whether Ray ended the process because its host had no memory left."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, RayActorError) and "running low on memory" in str(error))


def _memory_line(error: Exception) -> str:
    """The sentence of Ray's long message that says how much was used, and by whom."""
    lines = [line.strip() for line in str(error).splitlines() if AMOUNT.search(line)]
    return (lines or ["it did not say how much was used"])[0]


def _cause(error: Exception) -> str:
    """The sentence of Ray's long message that says how the process ended."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "exit" in line.lower() or "killed" in line.lower() or "memory" in line.lower()]
    return (telling or lines or ["no reason was given"])[-1]
