"""Drives one framework's workers through an `Experiment`, in its own process, and lays every step open."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from levelfield.data import Dataset
from levelfield.parity.experiment import Experiment, Part
from levelfield.parity.tensors import Tensors, tensors, worst_relative
from levelfield.worker import Trace, Worker
from levelfield.workloads.base import Weights, Workload

MakeWorker = Callable[[], Worker]
DRAWS = 5  # methodology, rule 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """A step of one part, counted from 0: every tensor by ``kind/name``, and by kind how far one-ulp draws of the same worker have gone."""

    part: Part
    step: int
    tensors: Tensors
    own: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for crossing a process boundary."""
        return {"part": str(self.part), "step": self.step, "tensors": dict(self.tensors), "own": dict(self.own)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "part": Part(data["part"])})


class Recorder:
    """``make`` makes a worker that is not set up yet. Draws run in ``draw_mode``: compiling each of them would tell nothing more."""

    def __init__(self, make: MakeWorker, experiment: Experiment, full: Dataset, *, threads: int, draws: int, draw_mode: str) -> None:
        self._make, self._experiment, self._threads = make, experiment, threads
        self._dataset = experiment.dataset(full)
        self._draws, self._draw_mode = draws, draw_mode

    def records(self) -> Iterator[Record]:
        """Every step of every part, in order."""
        for part in self._experiment.parts:
            yield from self._timed() if part is Part.TIMED else self._traced(part)

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

    def _timed(self) -> Iterator[Record]:
        """The step that runs are timed by, which leaves losses and parameters alone to be seen."""
        worker = self._worker(self._experiment.without_dropout(), self._experiment.weights())
        step = 0
        for order in self._experiment.orders():
            worker.begin_epoch(order)
            for _ in range(min(-(-self._experiment.steps // 2), self._experiment.steps - step)):
                worker.train_steps(1)
                worker.synchronize()
                trace = Trace(loss=float(worker.losses().sum()), outputs={}, gradients={}, parameters=worker.weights())
                yield Record(part=Part.TIMED, step=step, tensors=tensors(trace), own={})
                step += 1

    def _worker(self, workload: Workload, weights: Weights, **changes: Any) -> Worker:
        """A worker that is ready for its first step; ``changes`` are fields of the spec."""
        spec = replace(self._experiment.spec, **changes)
        worker = self._make()
        worker.setup(spec, threads=self._threads)
        worker.load(self._dataset)
        worker.build(spec, workload, weights)
        return worker
