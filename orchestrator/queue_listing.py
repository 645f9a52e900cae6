"""What `levelfield queue` prints."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from levelfield.leases import Claim
from levelfield.planning.words import progress, state, what
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


def _at_work(requests: Iterable[Request]) -> Iterable[RenderableType]:
    entries = [(one.study_id, entry) for one in requests for entry in one.progress]
    if not entries:
        return
    table = Table("study", "turn", "at work", "state", "since (UTC)")
    for study_id, entry in entries:
        table.add_row(study_id, str(entry.get("turn", "")), escape(what(entry)), escape(progress(entry)), str(entry["since"])[11:19])
    table.columns[0].no_wrap = True
    yield table


def _leases(claims: Iterable[Claim]) -> RenderableType:
    table = Table("device", "study", "for", "process", "state")
    for claim in claims:
        who = f"{claim.holder.pid} on {claim.holder.hostname}"
        held = f"held since {claim.acquired_at:%H:%M:%S}" if claim.acquired_at else "waits"
        table.add_row(", ".join(sorted(map(str, claim.devices))), claim.study_id, escape(", ".join(claim.tenants)), who, held)
    return table
