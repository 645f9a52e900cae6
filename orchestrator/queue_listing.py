"""What `levelfield queue` prints."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from levelfield.leases import Claim
from levelfield.result import STATUSES, Status
from levelfield.store.requesting import Request

EMPTY = "Nothing is under way."


def queue(
    requests: Sequence[Request], lost: Collection[int], counts: Mapping[str, Mapping[Status, int]], claims: Sequence[Claim]
) -> RenderableType:
    """The requests in the order in which they are served, with what is at work; then who holds which devices. ``lost``: by their ids."""
    if not requests and not claims:
        return EMPTY
    table = Table("study", "priority", "asked for by", "since (UTC)", "runs done", "state")
    for one in requests:
        done = sum(number for status, number in counts.get(one.study_id, {}).items() if STATUSES[status].done)
        since = f"{one.asked_at:%Y-%m-%d %H:%M}"
        of = f"{done} of {one.record.planned_runs}"
        table.add_row(one.study_id, str(one.priority), escape(one.asked_by), since, of, escape(state(one, is_lost=one.id in lost)))
    table.columns[0].no_wrap = True
    return Group(*([table] if requests else []), *_at_work(requests), *([_leases(claims)] if claims else []))


def state(request: Request, *, is_lost: bool) -> str:
    """In some words."""
    if is_lost:
        return f"its process has ended; `levelfield resume {request.study_id}` goes on" if request.options.get("own") else "waits again"
    if request.stop.get("all"):
        return f"is being stopped, for {request.stop['all']}"
    if request.taker is None:
        return "waits for a scheduler: `levelfield serve`"
    return f"{len(request.progress)} at work" if request.progress else "waits for its turn"


def _at_work(requests: Iterable[Request]) -> Iterable[RenderableType]:
    entries = [(one.study_id, entry) for one in requests for entry in one.progress]
    if not entries:
        return
    table = Table("study", "turn", "at work", "state", "since (UTC)")
    for study_id, entry in entries:
        table.add_row(study_id, str(entry.get("turn", "")), escape(_what(entry)), escape(_state(entry)), str(entry["since"])[11:19])
    table.columns[0].no_wrap = True
    yield table


def _what(entry: Mapping[str, Any]) -> str:
    match entry["what"]:
        case "run":
            return f"{entry['side']}, {entry['workload']}, seed {entry['seed']}, attempt {entry['attempt']}"
        case "duel":
            return f"duel, {entry['workload']}, seed {entry['seed']}, attempt {entry['attempt']}"
        case _:
            return f"pair {entry['pair']}"


def _state(entry: Mapping[str, Any]) -> str:
    if entry["what"] == "duel":
        return f"{entry['turns']} of {entry['of']} bursts"
    if curve := entry.get("curve"):
        return f"epoch {curve[-1][0]} of {entry.get('epochs', '?')}, test accuracy {curve[-1][3]:.1%}"
    return str(entry["state"])


def _leases(claims: Iterable[Claim]) -> RenderableType:
    table = Table("device", "study", "for", "process", "state")
    for claim in claims:
        who = f"{claim.holder.pid} on {claim.holder.hostname}"
        held = f"held since {claim.acquired_at:%H:%M:%S}" if claim.acquired_at else "waits"
        table.add_row(", ".join(sorted(map(str, claim.devices))), claim.study_id, escape(", ".join(claim.tenants)), who, held)
    return table
