"""`train`: the one loop, with the only stopwatch, that drives any worker through a run."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from levelfield import scoring
from levelfield.data import Dataset
from levelfield.measure.memory import process_memory
from levelfield.measure.stopwatch import Stopwatch
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import RunSpec
from levelfield.tracks import TRACKS, Granularity
from levelfield.worker import EpochWorker, Trainable, Worker
from levelfield.workloads.base import Weights, Workload, batch_order, fingerprint

if TYPE_CHECKING:  # the standard library has it from Python 3.13; a worker needs nothing else
    from typing_extensions import TypeIs

WARMUP_STEPS = 20  # methodology, rule 4: at least 20 steps are discarded


@dataclass(frozen=True, kw_only=True)
class Started:
    """The first training step is about to begin."""

    epochs: int
    steps_per_epoch: int


Event = Started | Epoch | RunResult
AnyWorker = Worker | EpochWorker


def train(
    worker: AnyWorker,
    spec: RunSpec,
    workload: Workload,
    load: Callable[[], Dataset],
    *,
    threads: int,
    before_ns: Mapping[str, int] | None = None,
) -> Iterator[Event]:
    """Drive a worker through one run: yields `Started`, every `Epoch` as it ends, and last the `RunResult`.

    ``worker`` is an `EpochWorker` where the spec's track leaves the loop to the framework. ``before_ns`` holds the phases that passed
    before this call (process start, import); they count in the wall clock. Stops with status ``diverged`` at the first loss that is not
    finite. Exceptions of the worker pass through.
    """
    watch = Stopwatch(time.perf_counter_ns, before_ns or {})
    dataset, result = _prepare(worker, spec, workload, load, threads=threads, watch=watch)
    plan = _Plan(spec, workload, len(dataset.x_train))
    yield Started(epochs=plan.epochs, steps_per_epoch=plan.steps_per_epoch)
    losses = _train_by_epochs(worker, plan, watch, result) if _has_own_loop(worker, spec) else _train_by_steps(worker, plan, watch, result)
    try:
        for train_loss in losses:
            _evaluate(worker, workload, dataset, train_loss, watch, result)
            yield result.epochs[-1]
    except _DivergedError as error:
        result.status, result.failure = Status.DIVERGED, Failure(reason=str(error), step=error.step)
    result.memory_bytes = worker.memory() | process_memory()
    result.phases_ns, result.wall_ns = watch.close()
    yield result


class _DivergedError(Exception):
    """Something is not finite any more. ``step`` counts the optimizer steps from 1 over the whole run."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(f"{reason} step {step}")
        self.step = step


def _prepare(
    worker: AnyWorker, spec: RunSpec, workload: Workload, load: Callable[[], Dataset], *, threads: int, watch: Stopwatch
) -> tuple[Dataset, RunResult]:
    """Everything up to the first step."""
    with watch.phase("data"):
        dataset = load()
    with watch.phase("device"):
        worker.setup(spec, threads=threads)
    with watch.phase("data"):
        worker.load(dataset)
    fingerprints = {"data": dataset.fingerprint}
    with watch.phase("build"):
        fingerprints |= _build(worker, spec, workload)
    description = worker.describe() | {"data_source": dataset.source}
    return dataset, RunResult(status=Status.OK, fingerprints=fingerprints, description=description)


def _build(worker: AnyWorker, spec: RunSpec, workload: Workload) -> dict[str, str]:
    """Returns the fingerprint of the weights that the core gave, if it gave any."""
    if _has_own_loop(worker, spec):
        worker.build(spec, workload)
        return {}
    exact = workload.initial_weights(spec.seed)
    worker.build(spec, workload, rounded(exact, spec.precision))
    return {"initial_weights": fingerprint(exact)}


def rounded(weights: Weights, precision: str) -> Weights:
    """Weights as a run of that precision holds them: float64 in fp64, float32 in every other one."""
    return {name: array.astype(np.float64 if precision == "fp64" else np.float32) for name, array in weights.items()}


def _has_own_loop(worker: AnyWorker, spec: RunSpec) -> "TypeIs[EpochWorker]":
    del worker  # what it is follows from the track: `run.load_worker` chose its class by it
    return TRACKS[spec.track].granularity is Granularity.EPOCH


class _Plan:
    """How a run's steps fall into epochs and blocks."""

    def __init__(self, spec: RunSpec, workload: Workload, examples: int) -> None:
        self.seed = spec.seed
        self.examples = examples
        self.batch_size = spec.batch_size or workload.batch_size
        self.epochs = spec.epochs or workload.epochs
        self.block_steps = workload.block_steps
        self.steps_per_epoch = -(-examples // self.batch_size)
        # The first epoch meets every batch shape, the smaller last one too, so all that is compiled lazily is compiled in it.
        self.warmup_steps = max(WARMUP_STEPS, self.steps_per_epoch if self.epochs > 1 else 0)

    def is_new_shape(self, epoch: int, first: int, steps: int) -> bool:
        """Whether these steps are the first to hold the smaller last batch."""
        return epoch == 0 and first + steps == self.steps_per_epoch and self.examples % self.batch_size > 0

    def samples(self, first: int, steps: int) -> int:
        """How many examples ``steps`` steps of an epoch hold, beginning with step ``first``."""
        return min((first + steps) * self.batch_size, self.examples) - first * self.batch_size


def _train_by_steps(worker: Worker, plan: _Plan, watch: Stopwatch, result: RunResult) -> Iterator[float]:
    """Passes over the training set in blocks; yields each epoch's mean training loss at its end."""
    for number in range(plan.epochs):
        _train_epoch(worker, plan, number, watch, result)
        yield float(np.mean(result.step_losses[-plan.steps_per_epoch :]))


def _train_epoch(worker: Worker, plan: _Plan, number: int, watch: Stopwatch, result: RunResult) -> None:
    """One pass over the training set in blocks. Raises _DivergedError at the first loss that is not finite."""
    worker.begin_epoch(batch_order(plan.seed, number, plan.examples))
    done_before = number * plan.steps_per_epoch
    for first in range(0, plan.steps_per_epoch, plan.block_steps):
        steps = min(plan.block_steps, plan.steps_per_epoch - first)
        steady = done_before + first >= plan.warmup_steps and not plan.is_new_shape(number, first, steps)
        with watch.phase("train" if steady else "warmup") as lap:
            worker.train_steps(steps)
            worker.synchronize()
        result.blocks.append(
            Block(epoch=number, first_step=first, steps=steps, samples=plan.samples(first, steps), duration_ns=lap.ns, steady=steady)
        )
        losses = worker.losses()
        result.step_losses.extend(losses.tolist())
        if not np.isfinite(losses).all():
            raise _DivergedError("the training loss is not finite at", done_before + first + int(np.argmin(np.isfinite(losses))) + 1)


def _train_by_epochs(worker: EpochWorker, plan: _Plan, watch: Stopwatch, result: RunResult) -> Iterator[float]:
    """The framework's own loop, a block an epoch; the first one compiles, so it is warm-up. Raises _DivergedError as above."""
    losses = worker.fit(plan.epochs)
    for number in range(plan.epochs):
        steady = number > 0
        with watch.phase("train" if steady else "warmup") as lap:
            loss = next(losses, None)
            worker.synchronize()
        if loss is None:
            raise ValueError(f"fit() ended after {number} of {plan.epochs} epochs")
        result.blocks.append(
            Block(epoch=number, first_step=0, steps=plan.steps_per_epoch, samples=plan.examples, duration_ns=lap.ns, steady=steady)
        )
        if not np.isfinite(loss):
            raise _DivergedError("the mean training loss is not finite in the epoch that ends with", (number + 1) * plan.steps_per_epoch)
        yield loss


def _evaluate(worker: Trainable, workload: Workload, dataset: Dataset, train_loss: float, watch: Stopwatch, result: RunResult) -> None:
    """Judge the worker's logits on every test example; the core does it, so that it is the same arithmetic for every framework.

    Raises _DivergedError where a logit is not finite.
    """
    with watch.phase("evaluate") as lap:
        logits = worker.predict()
    expected = (len(dataset.y_test), workload.outputs)
    if logits.shape != expected:
        raise ValueError(f"predict() gave logits of shape {logits.shape}, expected {expected}: one row for each test example")
    number = len(result.epochs)
    if not np.isfinite(logits).all():
        raise _DivergedError("the logits are not finite after", sum(block.steps for block in result.blocks))
    result.epochs.append(
        Epoch(
            epoch=number,
            train_loss=train_loss,
            test_loss=scoring.loss(workload, logits, dataset.y_test),
            test_correct=scoring.correct(workload, logits, dataset.y_test),
            test_examples=len(dataset.y_test),
            train_ns=sum(block.duration_ns for block in result.blocks if block.epoch == number),
            evaluate_ns=lap.ns,
        )
    )
