"""`train`: the one loop, with the only stopwatch, that drives any worker through a run."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from levelfield import scoring
from levelfield.blocks import WARMUP_STEPS, DivergedError, Plan, epoch_blocks
from levelfield.checkpoints import Keeping, Saved, Saver
from levelfield.data import Dataset
from levelfield.gang import ALONE, Gang
from levelfield.measure.memory import process_memory
from levelfield.measure.stopwatch import Stopwatch
from levelfield.predictions import Predictions
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import RunSpec
from levelfield.tracks import TRACKS, Granularity
from levelfield.worker import EpochWorker, Trainable, Worker
from levelfield.workloads.base import Weights, Workload, fingerprint

if TYPE_CHECKING:  # the standard library has it from Python 3.13; a worker needs nothing else
    from typing_extensions import TypeIs


@dataclass(frozen=True, kw_only=True)
class Started:
    """The first training step is about to begin."""

    epochs: int
    steps_per_epoch: int


@dataclass(frozen=True, kw_only=True)
class Alive:
    """A sign of life: a rank is about to meet the others, or so many steps have been done."""

    phase: str
    steps: int = 0


BEAT_NS = 10_000_000_000  # between two signs of life in an epoch; one takes a millisecond, outside timed blocks
Event = Started | Alive | Epoch | Saved | RunResult
AnyWorker = Worker | EpochWorker


def train(  # noqa: PLR0913 - each is another thing that a run needs
    worker: AnyWorker,
    spec: RunSpec,
    workload: Workload,
    load: Callable[[], Dataset],
    *,
    threads: int,
    before_ns: Mapping[str, int] | None = None,
    gang: Gang = ALONE,
    keeping: Keeping | None = None,
) -> Iterator[Event]:
    """Drive a worker through one run: yields `Started`, every `Epoch` as it ends, and last the `RunResult`; between them, `Alive`.

    With ``keeping``, every epoch but the last is followed by a checkpoint and a `Saved`, and the run may go on from one; not where the
    framework owns the loop.

    A spec that does not train ends after warm-up, without any epoch: the worker is then ready for bursts, as it is after training.
    ``worker`` is an `EpochWorker` where the spec's track leaves the loop to the framework. ``before_ns`` holds the phases that passed
    before this call (process start, import); they count in the wall clock. In a gang each rank does this at the same time; the test
    figures and predictions are then those of its share of the test examples. Stops with status ``diverged`` at the first loss that is
    not finite. Exceptions of the worker pass through.
    """
    watch = Stopwatch(time.perf_counter_ns, before_ns or {})
    dataset, result = yield from _prepare(worker, spec, workload, load, threads=threads, watch=watch, gang=gang)
    tested = dataset.y_test[gang.share(len(dataset.y_test))]
    plan = Plan(spec, workload, len(dataset.x_train))
    saver = Saver(worker, keeping, gang.rank) if keeping and not has_own_loop(worker, spec) else None
    if saver:
        with watch.phase("checkpoint"):
            saver.take_up(result)
    yield Started(epochs=plan.epochs, steps_per_epoch=plan.steps_per_epoch)
    try:
        for train_loss in _losses(worker, spec, plan, watch, result):
            if isinstance(train_loss, Alive):
                yield train_loss
                continue
            logits = _evaluate(worker, workload, tested, train_loss, watch, result)
            if len(result.epochs) == plan.epochs:
                found = scoring.predicted(workload, logits)
                result.predictions = Predictions.pack(found, tested, workload.classes)
            yield result.epochs[-1]
            if saver and len(result.epochs) < plan.epochs:
                with watch.phase("checkpoint"):
                    saved = saver.save(result)
                yield saved
    except DivergedError as error:
        result.status, result.failure = Status.DIVERGED, Failure(reason=str(error), step=error.step)
    result.memory_bytes = worker.memory() | process_memory()
    result.phases_ns, result.wall_ns = watch.close()
    yield result


def _prepare(  # noqa: PLR0913 - as above
    worker: AnyWorker, spec: RunSpec, workload: Workload, load: Callable[[], Dataset], *, threads: int, watch: Stopwatch, gang: Gang
) -> Generator[Alive, None, tuple[Dataset, RunResult]]:
    """Everything up to the first step."""
    with watch.phase("data"):
        dataset = load()
    with watch.phase("device"):
        worker.setup(spec, threads=threads)
    if gang.size > 1 and not has_own_loop(worker, spec):
        yield Alive(phase="join")
        with watch.phase("join"):
            worker.join(gang)
    with watch.phase("data"):
        worker.load(dataset)
    fingerprints = {"data": dataset.fingerprint}
    with watch.phase("build"):
        fingerprints |= _build(worker, spec, workload)
    description = worker.describe() | {"data_source": dataset.source}
    return dataset, RunResult(status=Status.OK, fingerprints=fingerprints, description=description)


def _build(worker: AnyWorker, spec: RunSpec, workload: Workload) -> dict[str, str]:
    """Returns the fingerprint of the weights that the core gave, if it gave any."""
    if has_own_loop(worker, spec):
        worker.build(spec, workload)
        return {}
    exact = workload.initial_weights(spec.seed)
    worker.build(spec, workload, rounded(exact, spec.precision))
    return {"initial_weights": fingerprint(exact)}


def rounded(weights: Weights, precision: str) -> Weights:
    """Weights as a run of that precision holds them: float64 in fp64, float32 in every other one."""
    return {name: array.astype(np.float64 if precision == "fp64" else np.float32) for name, array in weights.items()}


def has_own_loop(worker: AnyWorker, spec: RunSpec) -> "TypeIs[EpochWorker]":
    """Whether the spec's track leaves the loop to the framework."""
    del worker  # what it is follows from the track: `run.load_worker` chose its class by it
    return TRACKS[spec.track].granularity is Granularity.EPOCH


def _losses(worker: AnyWorker, spec: RunSpec, plan: Plan, watch: Stopwatch, result: RunResult) -> Iterator[float | Alive]:
    """Does the run's steps; yields the mean training loss at the end of each epoch, and signs of life."""
    if has_own_loop(worker, spec):
        return _train_by_epochs(worker, plan, watch, result)
    return (_train_by_steps if spec.trains else _warm_up)(worker, plan, watch, result)


def _train_by_steps(worker: Worker, plan: Plan, watch: Stopwatch, result: RunResult) -> Iterator[float | Alive]:
    """Passes over the training set in blocks; yields each epoch's mean training loss at its end. Raises DivergedError."""
    for number in range(len(result.epochs), plan.epochs):
        yield from _keep(epoch_blocks(worker, plan, number, watch), result)
        yield float(np.mean(result.step_losses[-plan.steps_per_epoch :]))


def _warm_up(worker: Worker, plan: Plan, watch: Stopwatch, result: RunResult) -> Iterator[float | Alive]:
    """Enough steps for bursts, of full batches alone; there is no epoch to yield."""
    for number in range(-(-WARMUP_STEPS // plan.alike_steps)):
        blocks = -(-min(WARMUP_STEPS, plan.alike_steps) // plan.block_steps)
        steps = min(blocks * plan.block_steps, plan.alike_steps)
        yield from _keep(epoch_blocks(worker, plan, number, watch, steps=steps), result)


def _keep(blocks: Iterable[tuple[Block, NDArray[np.float64]]], result: RunResult) -> Iterator[Alive]:
    told = time.perf_counter_ns()
    for block, losses in blocks:
        result.blocks.append(block)
        result.step_losses.extend(losses.tolist())
        if time.perf_counter_ns() - told >= BEAT_NS:
            told = time.perf_counter_ns()
            yield Alive(phase="train", steps=len(result.step_losses))


def _train_by_epochs(worker: EpochWorker, plan: Plan, watch: Stopwatch, result: RunResult) -> Iterator[float]:
    """The framework's own loop, a block an epoch; the first one compiles, so it is warm-up. Raises DivergedError as above."""
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
            raise DivergedError("the mean training loss is not finite in the epoch that ends with", (number + 1) * plan.steps_per_epoch)
        yield loss


def _evaluate(
    worker: Trainable, workload: Workload, labels: NDArray[np.int64], train_loss: float, watch: Stopwatch, result: RunResult
) -> NDArray[np.floating[Any]]:
    """Judge the worker's logits on the test examples, all of them or a rank's share, whose labels are given.

    The core does it, so that it is the same arithmetic for every framework.

    Returns the logits. Raises DivergedError where a logit is not finite.
    """
    with watch.phase("evaluate") as lap:
        logits = worker.predict()
    expected = (len(labels), workload.outputs)
    if logits.shape != expected:
        raise ValueError(f"predict() gave logits of shape {logits.shape}, expected {expected}: one row for each test example")
    number = len(result.epochs)
    if not np.isfinite(logits).all():
        raise DivergedError("the logits are not finite after", sum(block.steps for block in result.blocks))
    result.epochs.append(
        Epoch(
            epoch=number,
            train_loss=train_loss,
            test_loss=scoring.loss(workload, logits, labels),
            test_correct=scoring.correct(workload, logits, labels),
            test_examples=len(labels),
            train_ns=sum(block.duration_ns for block in result.blocks if block.epoch == number),
            evaluate_ns=lap.ns,
        )
    )
    return logits
