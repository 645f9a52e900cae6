"""What is kept of that which was seen around a measurement, and whether it counts."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from levelfield.result import RunResult

JUDGED = ("valid", "reasons", "figures", "unobserved")
UNJUDGED = "the store was away, and nobody has asked it since whether the devices were held all the time"
PACKAGE = "package-"  # how the energy of processors is named; that of GPUs by UUID


def hosts_of(members: Iterable[Mapping[str, Any]]) -> list[str]:
    """The hosts of these processes, each once."""
    return list(dict.fromkeys(str(who["host"]) for who in members))


def note(result: RunResult, seen: Mapping[str, Any] | None, *, gpus: Collection[str], alone: bool) -> None:
    """Keep with a run how its host was, and what its own devices took. ``alone``: none of our other processes was on them meanwhile."""
    if seen is None:
        return
    result.environment["noise"] = {name: seen[name] for name in JUDGED}
    energy = {device: used for device, used in seen.get("energy", {}).items() if device in gpus or device.startswith(PACKAGE)}
    if energy:
        result.environment["energy"] = energy
    peaks = [size for gpu, size in seen.get("device_peak_bytes", {}).items() if gpu in gpus]
    if peaks and alone:
        result.memory_bytes["device_peak"] = max(peaks)


def reasons(seen: Mapping[str, Any] | None, flaw: str | None) -> list[str]:
    """Why a measurement does not count: what was seen around it, and what is wrong with its lease."""
    return [*(seen["reasons"] if seen and not seen["valid"] else []), *([flaw] if flaw else [])]
