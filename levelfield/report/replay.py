"""A stored run against its repeats: do the new values lie where the old runs let them be expected (methodology, rule 13)?"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from levelfield.report.audit import Difference
from levelfield.report.changes import changes, inexact
from levelfield.report.curves import Curve, compare_curves
from levelfield.report.quantities import ACCURACY, FRAMEWORK_MEMORY, PROCESS_MEMORY, START, THROUGHPUT, TIME_TO_TRAIN, WALL, Quantity
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.result import Status
from levelfield.stats import Interval, centre, predict
from levelfield.stats.effect import Scale

LOSSES = tuple(
    Quantity(name=name, label=label, unit="", counts="learning", compared=None, absent="no epoch was completed")
    for name, label in (("test_loss", "final test loss"), ("train_loss", "final training loss"))
)
REPEATED = (ACCURACY, *LOSSES, THROUGHPUT, START, TIME_TO_TRAIN, WALL, PROCESS_MEMORY, FRAMEWORK_MEMORY)


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """One quantity: the old run's value, and the new ones that count with their ``centre``, in base units.

    ``interval`` is where the centre may be expected with 95% after ``old_runs`` values of the same side and workload; ``inside`` says
    whether it is there, and ``why`` why that is not known.
    """

    quantity: Quantity
    old: float | None
    old_runs: int
    interval: Interval | None
    new: tuple[float, ...]
    centre: float | None
    inside: bool | None
    why: str | None

    @property
    def is_lost(self) -> bool:
        """Whether there is an interval, but no value that could lie in it."""
        return self.interval is not None and self.centre is None


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """How a repeat ended. ``watched``: the noise gate has seen it."""

    run_id: int
    attempt: int
    status: Status
    reason: str | None
    watched: bool
    curve: Curve | None


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The stored run ``run_id`` of ``study_id`` and its repeats, the runs of ``new_study_id``.

    ``inexact``: why the losses need not be bit for bit the same; empty where they should be. ``differences``: what the environment, the
    worker or the work has in another way than then, old as ``a`` and new as ``b``.
    """

    run_id: int
    study_id: str
    new_study_id: str
    side: str
    workload: str
    seed: int
    status: Status
    runs: tuple[NewRun, ...]
    values: tuple[Repeated, ...]
    inexact: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def outside(self) -> list[Repeated]:
        """The values that lie outside of their interval."""
        return [value for value in self.values if value.inside is False]

    @property
    def is_confirmed(self) -> bool:
        """Whether every repeat ended well, or diverged as the old run did, and every value that has an interval lies inside."""
        diverged = self.status is Status.DIVERGED
        ended = all(run.status is Status.OK or (diverged and run.status is Status.DIVERGED) for run in self.runs)
        return bool(self.runs) and ended and not self.outside and (diverged or not any(value.is_lost for value in self.values))


def compare(old: Frames, new: Frames, run_id: int, step_losses: Mapping[int, Sequence[float]]) -> Replay:
    """Set a run of the study ``old`` against the latest attempts of ``new``, which repeat it; ``step_losses`` by the id of a run of either.

    Raises ValueError where ``old`` has no such run.
    """
    before, after = _read(old), [run for run in _read(new) if run.latest]
    run = next((one for one in before if one.run_id == run_id), None)
    if run is None:
        raise ValueError(f"the study {old.study.id} has no run {run_id}")
    peers = [one for one in before if one.latest and (one.side, one.case) == (run.side, run.case)]
    found = (_repeated(quantity, run, peers, after) for quantity in REPEATED)
    differences = tuple(changes(run.account, [one.account for one in after]))
    curve = _curve(old, run_id, step_losses)
    return Replay(
        run_id=run_id,
        study_id=old.study.id,
        new_study_id=new.study.id,
        side=run.side,
        workload=run.workload,
        seed=run.seed,
        status=run.status,
        runs=tuple(_new_run(one, compare_curves(curve, _curve(new, one.run_id, step_losses))) for one in after),
        values=tuple(value for value in found if value.old is not None or value.old_runs or value.new),
        inexact=tuple(inexact(run.device, differences)),
        differences=differences,
    )


def _read(frames: Frames) -> list[Run]:
    """Every run of a study, with its final losses among its values."""
    last = frames.epochs.sort_values("epoch").drop_duplicates("run_id", keep="last").set_index("run_id")
    losses = {quantity.name: last[quantity.name].to_dict() for quantity in LOSSES}
    return [
        replace(run, values={**run.values, **{name: found.get(run.run_id) for name, found in losses.items()}}) for run in read_runs(frames)
    ]


def _new_run(run: Run, curve: Curve | None) -> NewRun:
    watched = "noise" in run.account.environment
    return NewRun(run_id=run.run_id, attempt=run.attempt, status=run.status, reason=run.failure_reason, watched=watched, curve=curve)


def _repeated(quantity: Quantity, run: Run, peers: Sequence[Run], after: Sequence[Run]) -> Repeated:
    seen, new = (tuple(_values(quantity, runs)) for runs in (peers, after))
    scale: Scale = "ratio" if quantity.compared != "difference" and all(value > 0 for value in (*seen, *new)) else "difference"
    # The repeats share one seed, so what they learn is one more draw among seeds, however many there are; each is a process of its own.
    further = len(new) if quantity.counts == "timing" else 1
    interval = predict(seen, scale=scale, further=max(1, further)).interval
    middle = centre(new, scale=scale) if new else None
    if interval and quantity.unit == "share":
        interval = Interval(max(0.0, interval.low), min(1.0, interval.high))
    return Repeated(
        quantity=quantity,
        old=next(_values(quantity, [run]), None),
        old_runs=len(seen),
        interval=interval,
        new=new,
        centre=middle,
        inside=None if interval is None or middle is None else interval.low <= middle <= interval.high,
        why=_why_not_judged(quantity, len(seen), new, after),
    )


def _values(quantity: Quantity, runs: Iterable[Run]) -> Iterator[float]:
    return (value for run in runs if (value := run.value(quantity)) is not None and math.isfinite(value))


def _why_not_judged(quantity: Quantity, seen: int, new: Sequence[float], after: Sequence[Run]) -> str | None:
    if not new:
        reasons = dict.fromkeys(why for run in after if (why := run.why_missing(quantity)))
        return f"no new value: {', '.join(reasons) or 'not recorded'}"
    return None if seen > 1 else f"no interval: {seen} old run{'' if seen == 1 else 's'} of this side with a value, two are needed"


def _curve(frames: Frames, run_id: int, step_losses: Mapping[int, Sequence[float]]) -> tuple[str, Sequence[float]]:
    """The losses of a run's steps, or of its epochs where the framework owns the loop."""
    if losses := step_losses.get(run_id):
        return "step", losses
    own = frames.epochs[frames.epochs["run_id"] == run_id].sort_values("epoch")
    return "epoch", own["train_loss"].tolist()
