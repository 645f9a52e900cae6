"""What became of a study's duels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from levelfield.report.model import DuelIncident, Label
from levelfield.report.runs import Frames
from levelfield.result import STATUSES, Status
from levelfield.spec import Case

IDLE_LIMIT = 0.05  # of a core; Ray's own threads in a waiting process use 0.012 here


@dataclass(frozen=True, kw_only=True)
class Duel:
    """One recorded attempt; ``watched``: the noise gate has seen it."""

    workload: str
    workers: int
    pair: int
    seed: int
    attempt: int
    status: Status
    reason: str | None
    watched: bool

    @property
    def case(self) -> Case:
        """What it is a duel on."""
        return Case(workload=self.workload, workers=self.workers)


def read_duels(frames: Frames) -> list[Duel]:
    """Every recorded attempt, in the order of recording."""
    names = ("workload", "workers", "pair", "seed", "attempt", "status", "failure_reason", "evidence")
    rows = zip(*(frames.duels[name].tolist() for name in names), strict=True)
    return [_duel(dict(zip(names, row, strict=True))) for row in rows]


def incidents(duels: Sequence[Duel]) -> Iterable[DuelIncident]:
    """The attempts that give no speed."""
    last = {duel.pair: duel.attempt for duel in duels}
    for duel in duels:
        if not STATUSES[duel.status].timing_counts:
            yield DuelIncident(
                seed=duel.seed,
                attempt=duel.attempt,
                status=str(duel.status),
                reason=duel.reason or STATUSES[duel.status].meaning,
                superseded=duel.attempt < last[duel.pair],
            )


def watch_labels(duels: Iterable[Duel]) -> Iterable[Label]:
    """For duels that count although nobody watched the machine."""
    counted = [duel for duel in duels if STATUSES[duel.status].timing_counts]
    if blind := sum(not duel.watched for duel in counted):
        why = f"the noise gate did not watch {blind} of {len(counted)} duels: what went on around them is not known"
        yield Label(name="not watched", why=why)


def idle_shares(frames: Frames, case: Case) -> dict[str, float]:
    """What each side used of a core while it waited for its turn, by the side's label, over all duels of a case whose timing counts."""
    counted = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
    of_case = (frames.bursts["workload"] == case.workload) & (frames.bursts["workers"] == case.workers)
    bursts = frames.bursts[of_case & frames.bursts["status"].isin(counted)]
    sums = bursts.groupby("side")[["idle_cpu_s", "idle_s"]].sum()
    return {str(side): float(row["idle_cpu_s"] / row["idle_s"]) for side, row in sums.iterrows() if row["idle_s"] > 0}


def idle_labels(shares: Mapping[str, float], sides: Iterable[str]) -> Iterable[Label]:
    """For a side that did not sleep while the other one was measured, and slowed it down."""
    for side in sides:
        if shares.get(side, 0.0) > IDLE_LIMIT:
            yield Label(name="not idle", why=f"{side} used {shares[side]:.0%} of a core while it waited for its turn")


def _duel(row: Mapping[str, Any]) -> Duel:
    reason = row["failure_reason"]
    return Duel(
        **{name: row[name] for name in ("workload", "workers", "pair", "seed", "attempt")},
        status=Status(row["status"]),
        reason=reason if isinstance(reason, str) else None,
        watched=bool(row["evidence"]),
    )
