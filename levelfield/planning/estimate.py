"""How long a study will take, from what runs and duels of the same kind took before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from levelfield import workloads
from levelfield.planning.plan import plan
from levelfield.spec import RunSpec
from levelfield.store import Store
from levelfield.store.reading import duel_lengths, run_lengths
from levelfield.study import Study

TRAINING = ("train", "evaluate", "checkpoint")  # the phases that grow with the number of epochs
ALIKE = ("workload", "framework", "mode", "precision", "track", "device", "device_model", "workers", "batch_size", "threads")
DUEL_ROUND_S = 0.6  # where no duel is stored: two bursts of a quarter of a second, and what they discard
Kind = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Past:
    """What runs of one kind took: seconds outside of training, and seconds an epoch; medians."""

    before_s: float
    epoch_s: float
    runs: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """The runs of one side on one case: how many, and how long each will take; None where none like it is stored."""

    spec: RunSpec
    side: str
    runs: int
    seconds: float | None
    known_runs: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``seconds``: of all pairs, one after the other; ``device_hours``: what they hold devices for. ``is_complete``: nothing is unknown."""

    parts: Sequence[Part]
    pairs: int
    duels: int
    seconds: float
    device_hours: float
    is_complete: bool


def kind_of(spec: RunSpec) -> Kind:
    """What runs have in common that take alike."""
    return tuple(getattr(spec, name) for name in ALIKE)


def past(store: Store, names: Iterable[str]) -> dict[Kind, Past]:
    """What a store knows of these workloads."""
    found: dict[Kind, list[tuple[float, float]]] = defaultdict(list)
    for row in run_lengths(store, names):
        spec = RunSpec.from_dict(row.spec)
        training = sum(row.phases_ns.get(name, 0) for name in TRAINING) / 1e9
        if spec.trains:
            whole = (row.finished_at - row.started_at).total_seconds()  # starting its process and ending it included
            found[kind_of(spec)].append((whole - training, training / _epochs(spec)))
    return {
        kind: Past(before_s=median(before for before, _ in taken), epoch_s=median(epoch for _, epoch in taken), runs=len(taken))
        for kind, taken in found.items()
    }


def round_s(store: Store, names: Iterable[str]) -> dict[tuple[str, int], float]:
    """Seconds that a round of a duel took, by workload and number of workers; medians."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in duel_lengths(store, names):
        found[row.workload, row.workers].append((row.finished_at - row.started_at).total_seconds() / row.rounds)
    return {case: median(taken) for case, taken in found.items()}


def estimate(study: Study, known: Mapping[Kind, Past], rounds_s: Mapping[tuple[str, int], float]) -> Estimate:
    """For all of a study, as if nothing of it were done. A run takes as long with one seed as with another one: no plan is made."""
    seeds, labels = len(study.seed_list), [side.label for side in study.frameworks]
    first = sorted(plan(study, 0, pairs=len(study.cases)), key=lambda run: (run.pair, labels.index(run.side)))
    parts = [_part(run.spec, run.side, seeds, known.get(kind_of(run.spec))) for run in first]
    taken = [(part.spec.workers, part.runs * (part.seconds or 0.0)) for part in parts]
    duelled = study.cases if study.has_duels else []
    for case in duelled:
        each = study.bursts * rounds_s.get((case.workload, case.workers), DUEL_ROUND_S)
        taken.append((case.workers, seeds * each))
    return Estimate(
        parts=parts,
        pairs=seeds * len(study.cases),
        duels=seeds * len(duelled),
        seconds=sum(seconds for _, seconds in taken),
        device_hours=sum(workers * seconds for workers, seconds in taken) / 3600,
        is_complete=all(part.seconds is not None for part in parts),
    )


def _part(spec: RunSpec, side: str, number: int, known: Past | None) -> Part:
    seconds = None
    if known:
        seconds = known.before_s + (_epochs(spec) * known.epoch_s if spec.trains else 0.0)
    return Part(spec=spec, side=side, runs=number, seconds=seconds, known_runs=known.runs if known else 0)


def _epochs(spec: RunSpec) -> int:
    return spec.epochs or workloads.get(spec.workload).epochs
