"""How a plan, and what is under way, are told: the same words on the command line and on the page."""

from collections.abc import Mapping
from typing import Any

from levelfield.planning.estimate import Estimate, Part
from levelfield.store.requesting import WHOLE, Request


def duration(seconds: float) -> str:
    """Hours and minutes or, of what is shorter, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def least(found: Estimate) -> str:
    """What stands before a duration: of what is not known only the rest is in it."""
    return "about" if found.is_complete else "at least"


def amount(found: Estimate) -> str:
    """How much is to be done."""
    runs = sum(part.runs for part in found.parts)
    duels = f" and {found.duels:,} duels" if found.duels else ""
    return f"{runs:,} run{'' if runs == 1 else 's'}{duels}"


def whole(found: Estimate) -> str:
    """All of it in a sentence."""
    told = f"{amount(found)}: {least(found)} {duration(found.seconds)} one pair at a time, {found.device_hours:,.2f} device hours"
    return f"{told}; attempts that the machine disturbs and certificates come on top."


def each(part: Part) -> str:
    """Seconds of one of these runs."""
    return "unknown" if part.seconds is None else f"{part.seconds:,.1f}"


def source(part: Part) -> str:
    """Where that was taken from."""
    return f"{part.known_runs:,} stored run{'s' if part.known_runs != 1 else ''} of this kind" if part.known_runs else "none stored yet"


def state(request: Request, *, is_lost: bool) -> str:
    """How a request stands. ``is_lost``: somebody had taken it who does not live any more."""
    if is_lost:
        return f"its process has ended; `levelfield resume {request.study_id}` goes on" if request.options.get("own") else "waits again"
    if request.stop.get(WHOLE):
        return f"is being stopped, for {request.stop[WHOLE]}"
    if request.taker is None:
        return "waits for a scheduler: `levelfield serve`"
    return f"{len(request.progress)} at work" if request.progress else "waits for its turn"


def what(entry: Mapping[str, Any]) -> str:
    """What is at work."""
    match entry["what"]:
        case "run":
            return f"{entry['side']}, {_case(entry)}, seed {entry['seed']}, attempt {entry['attempt']}"
        case "duel":
            return f"duel, {_case(entry)}, seed {entry['seed']}, attempt {entry['attempt']}"
        case _:
            return f"pair {entry['pair']}"


def progress(entry: Mapping[str, Any]) -> str:
    """How far it is."""
    if entry["what"] == "duel":
        return f"{entry['turns']} of {entry['of']} bursts"
    if curve := entry.get("curve"):
        return f"epoch {curve[-1][0]} of {entry.get('epochs', '?')}, test accuracy {curve[-1][3]:.1%}"
    return str(entry["state"])


def _case(entry: Mapping[str, Any]) -> str:
    workers = entry.get("workers", 1)
    return f"{entry['workload']}, {workers} workers" if workers > 1 else str(entry["workload"])
