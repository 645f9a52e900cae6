"""What is said of a run that an exception ended."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

from levelfield.measure.environment import describe_environment
from levelfield.measure.memory import process_memory
from levelfield.result import Failure, RunResult, Status
from levelfield.services import Service
from levelfield.training import AnyWorker

LOG_TAIL_LINES, TAIL_LIMIT, REASON_LIMIT = 30, 16_384, 1_000  # lines, bytes, characters
OUT_OF_MEMORY = "out of memory"
# As the frameworks, CUDA and the C++ library say it: torch, TensorFlow, XLA, an allocation on a CPU, new.
TELLING = ("out of memory", "resource_exhausted", "oom when allocating", "can't allocate memory", "bad_alloc", "cannot allocate memory")
KINDS = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError", "_ArrayMemoryError")
PEAKS = {"process_peak_rss": "of the process", "framework_peak": "as the framework counts", "device_peak": "of the device"}


def failed(error: BaseException, *, wall_ns: int, service: Service, log: Path | None, worker: AnyWorker | None) -> RunResult:
    """A result with the exception as plain data: framework exceptions cannot be unpickled where the framework is missing."""
    kind, memory = type(error).__name__, _memory(worker)
    reason = f"{kind}: {error}"
    if is_out_of_memory(kind, str(error)):
        reason = f"{OUT_OF_MEMORY}, {told(memory)}: {reason}"
    failure = Failure(
        reason=reason[:REASON_LIMIT],
        error_type=kind,
        traceback=traceback.format_exc()[-TAIL_LIMIT:],
        log_tail=tail(log) if log else None,
    )
    environment = describe_environment(service.packages)
    return RunResult(status=Status.FAILED, wall_ns=wall_ns, memory_bytes=memory, environment=environment, failure=failure)


def is_out_of_memory(kind: str, message: str) -> bool:
    """Whether an exception of that kind with that message says that there was no memory left, on a host or a device."""
    return kind in KINDS or any(words in message.lower() for words in TELLING)


def told(memory: Mapping[str, int]) -> str:
    """The peaks that are known."""
    known = [f"{memory[name] / 2**20:,.0f} MiB {of}" for name, of in PEAKS.items() if name in memory]
    return f"peak {', '.join(known)}" if known else "peak not known"


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str | None:
    """The last lines of a log file, or None where there is none."""
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - TAIL_LIMIT))
            text = opened.read().decode(errors="replace")
    except OSError:
        return None
    return "\n".join(text.splitlines()[-lines:]) or None


def _memory(worker: AnyWorker | None) -> dict[str, int]:
    """A worker that has failed may not be able to tell what it took."""
    try:
        return (worker.memory() if worker else {}) | process_memory()
    except Exception:  # noqa: BLE001 - a framework may raise anything, and this is not why the run failed
        return process_memory()
