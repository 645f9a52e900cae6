"""Drives one framework's workers through an `Experiment`, in its own process, and lays every step open."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.gang import ALONE, Gang
from levelfield.parity.dropout import kept_rules
from levelfield.parity.experiment import Experiment, Part
from levelfield.parity.tensors import Tensors, kind_of, tensors, worst_relative
from levelfield.worker import DRAWN, Trace, Worker
from levelfield.workloads.base import Weights, Workload

MakeWorker = Callable[[], Worker]
DRAWS = 5  # methodology, rule 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """A step of one part, counted from 0: every tensor by ``kind/name``, and by kind how far one-ulp draws of the same worker have gone.

    ``exact``: recorded in fp64 beside another precision (`levelfield.parity.reduced`, `Experiment.exact_steps`).
    """

    part: Part
    step: int
    tensors: Tensors
    own: Mapping[str, float]
    exact: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for crossing a process boundary."""
        plain = {"part": str(self.part), "step": self.step, "exact": self.exact}
        return {**plain, "tensors": dict(self.tensors), "own": dict(self.own)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "part": Part(data["part"])})


def of_its_own(record: Record, rank: int) -> Record:
    """What of a rank's record no other one has: of a large network the rest is hundreds of megabytes, which are sent at every step."""
    return replace(record, tensors={name: array for name, array in record.tensors.items() if not rank or kind_of(name) == "output"})


def joint_record(parts: Sequence[Record]) -> Record:
    """What the ranks of a gang have recorded of one step, as one: outputs of the parts of the batch one below the other.

    All else they have in common, and the first tells it (`of_its_own`); how far draws went is the furthest of any rank. A rank without
    an example adds the one that it computed for nothing, as those of the other side do.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    # Only outputs are of every rank; of those, errors of few elements are left out.
    names = [name for name in first.tensors if kind_of(name) != "output" or all(name in part.tensors for part in parts)]
    joint = {name: _joined(name, [part.tensors[name] for part in parts if name in part.tensors]) for name in names}
    own = {kind: max(part.own.get(kind, 0.0) for part in parts) for kind in first.own}
    return replace(first, tensors=joint, own=own)


def _joined(name: str, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if kind_of(name) != "output":
        return parts[0]
    return np.concatenate(parts) if parts[0].ndim else np.max(parts, axis=0)  # errors have no rows: the largest


class Recorder:
    """``make`` makes a worker that is not set up yet. Draws run in ``draw_mode``: compiling each of them would tell nothing more."""

    def __init__(  # noqa: PLR0913 - each is another thing that a recording needs
        self,
        make: MakeWorker,
        experiment: Experiment,
        full: Dataset,
        *,
        threads: int,
        draws: int,
        draw_mode: str,
        gang: Gang = ALONE,
    ) -> None:
        """``gang``: whose rank each of these workers is, one after the other; every rank records the same experiment."""
        self._make, self._experiment, self._threads, self._gang = make, experiment, threads, gang
        self._dataset = experiment.dataset(full)
        self._draws, self._draw_mode = draws, draw_mode

    def records(self) -> Iterator[Record]:
        """Every step of every part, in order; before a part `Experiment.exact_steps` of it in fp64."""
        others = {Part.DRAWN: self._drawn, Part.TIMED: self._timed}
        for part in self._experiment.parts:
            if part is not Part.DRAWN:
                exact = self._steps(part, "fp64", self._experiment.exact_steps)
                yield from (Record(part=part, step=step, tensors=found, own={}, exact=True) for step, found in enumerate(exact))
            yield from others[part]() if part in others else self._traced(part)

    def _steps(self, part: Part, precision: str, steps: int) -> Iterator[Tensors]:
        """The first steps of a part in another precision."""
        experiment = self._experiment
        if not steps:
            return
        workload = experiment.workload.without_dropout() if part is Part.TIMED else experiment.workload
        weights = experiment.weights()
        if precision == "fp64":  # the very same numbers, held wider
            weights = {name: array.astype(np.float64) for name, array in weights.items()}
        worker = self._worker(workload, weights, precision=precision)
        if part is Part.TIMED:
            worker.begin_epoch(next(experiment.orders()))
            yield from (tensors(trace) for trace in called(worker, steps))
            return
        for step, index in enumerate(experiment.batches()[:steps]):
            yield tensors(worker.trace(index, experiment.masks(step, len(index)) if part is Part.ON else None))

    def _traced(self, part: Part) -> Iterator[Record]:
        workload, experiment = self._experiment.workload, self._experiment
        base = self._worker(workload, experiment.weights())
        draws = [self._worker(workload, experiment.perturbed_weights(draw), mode=self._draw_mode) for draw in range(self._draws)]
        # Draws are compared with an unperturbed worker of their own mode.
        centre = (
            base
            if self._draw_mode == experiment.spec.mode or not draws
            else self._worker(workload, experiment.weights(), mode=self._draw_mode)
        )
        for step, index in enumerate(experiment.batches()):
            masks = experiment.masks(step, len(index)) if part is Part.ON else None
            trace = base.trace(index, masks)
            middle = trace if centre is base else centre.trace(index, masks)
            own = worst_relative(tensors(middle), (tensors(worker.trace(index, masks)) for worker in draws))
            yield Record(part=part, step=step, tensors=tensors(trace), own=own)

    def _drawn(self) -> Iterator[Record]:
        """Dropout as in training: two frameworks cannot draw alike, but each must keep to the rules of its layers."""
        experiment = self._experiment
        trace = self._worker(experiment.workload, experiment.weights()).trace(experiment.batches()[0], DRAWN)
        yield Record(part=Part.DRAWN, step=0, tensors=kept_rules(experiment.workload, trace, experiment.spec.precision), own={})

    def _timed(self) -> Iterator[Record]:
        """The steps that runs are timed by, many in one call as there; they leave losses and parameters alone to be seen."""
        experiment, step = self._experiment, 0
        worker = self._worker(experiment.workload.without_dropout(), experiment.weights())
        for order in experiment.orders():
            in_epoch = min(experiment.per_epoch, experiment.steps - step)
            worker.begin_epoch(order)
            for n in (min(1, in_epoch), in_epoch - 1):
                for trace in called(worker, n):
                    yield Record(part=Part.TIMED, step=step, tensors=tensors(trace), own={})
                    step += 1

    def _worker(self, workload: Workload, weights: Weights, **changes: Any) -> Worker:
        """A worker that is ready for its first step; ``changes`` are fields of the spec."""
        spec = replace(self._experiment.spec, **changes)
        worker = self._make()
        worker.setup(spec, threads=self._threads)
        if self._gang.size > 1:
            worker.join(self._gang)
        worker.load(self._dataset)
        worker.build(spec, workload, weights)
        return worker


def called(worker: Worker, n: int) -> Iterator[Trace]:
    """The next ``n`` steps of the epoch in one call of `train_steps`: each with its loss, the last with the parameters too."""
    if n < 1:
        return
    worker.train_steps(n)
    worker.synchronize()
    losses = _each(worker.losses(), n)
    for at, loss in enumerate(losses, start=1):
        yield Trace(loss=float(loss), outputs={}, gradients={}, parameters=worker.weights() if at == n else {})


def _each(losses: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """One a step. A step without a loss has NaN, which agrees with nothing; so have all where there are too many."""
    given = losses if len(losses) <= n else losses[:0]
    return np.concatenate([given, np.full(n - len(given), np.nan)])
