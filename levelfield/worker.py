"""The Worker protocol, which every framework implements, and `train`: the one loop, with the only stopwatch, that drives any Worker."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.measure.memory import process_memory
from levelfield.measure.stopwatch import Stopwatch
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import RunSpec
from levelfield.workloads.base import Weights, Workload, batch_order, fingerprint

WARMUP_STEPS = 20  # methodology, rule 4: at least 20 steps are discarded


class Worker(Protocol):
    """One framework's side of a run. The methods are called in the order in which they stand here; only plain data and NumPy cross.

    A worker holds no stopwatch. It raises its framework's own exceptions; the caller turns them into a `Failure`.
    """

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        """Choose device, precision, threads and random state, before the framework initialises any of them."""
        ...

    def load(self, dataset: Dataset) -> None:
        """Bring the data set to where training reads it. The arrays are read-only."""
        ...

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        """Make network and optimizer. ``weights`` are in the canonical layout of `levelfield.workloads.base`."""
        ...

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        """Start an epoch whose steps take their batches from ``order``, shape (training examples,); the last batch may be smaller."""
        ...

    def train_steps(self, n: int) -> None:
        """Do the next ``n`` optimizer steps of the epoch; wait for nothing, return nothing. Raises IndexError past the epoch's end."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        ...

    def losses(self) -> NDArray[np.float64]:
        """The training loss of every step since the last call, shape (steps,), each the mean over its batch."""
        ...

    def predict(self) -> NDArray[np.floating[Any]]:
        """The logits of all test examples in their order, shape (test examples, classes), as inference computes them."""
        ...

    def weights(self) -> Weights:
        """The present parameters in the canonical layout: the names and shapes that `build` was given."""
        ...

    def memory(self) -> dict[str, int]:
        """Peaks in bytes that the framework itself knows of; a peak that it does not know is left out."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the worker says of itself (framework, version, device, threads, precision, mode and more), as JSON can hold it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Started:
    """The first training step is about to begin."""

    epochs: int
    steps_per_epoch: int


Event = Started | Epoch | RunResult


def train(
    worker: Worker,
    spec: RunSpec,
    workload: Workload,
    load: Callable[[], Dataset],
    *,
    threads: int,
    before_ns: Mapping[str, int] | None = None,
) -> Iterator[Event]:
    """Drive a worker through one run: yields `Started`, every `Epoch` as it ends, and last the `RunResult`.

    ``before_ns`` holds the phases that passed before this call (process start, import); they count in the wall clock. Stops with status
    ``diverged`` at the first loss that is not finite. Exceptions of the worker pass through.
    """
    watch = Stopwatch(time.perf_counter_ns, before_ns or {})
    dataset, result = _prepare(worker, spec, workload, load, threads=threads, watch=watch)
    plan = _Plan(spec, workload, len(dataset.x_train))
    yield Started(epochs=plan.epochs, steps_per_epoch=plan.steps_per_epoch)
    try:
        for number in range(plan.epochs):
            _train_epoch(worker, plan, number, watch, result)
            _evaluate(worker, dataset, number, watch, result)
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
    worker: Worker, spec: RunSpec, workload: Workload, load: Callable[[], Dataset], *, threads: int, watch: Stopwatch
) -> tuple[Dataset, RunResult]:
    """Everything up to the first step."""
    with watch.phase("data"):
        dataset = load()
    with watch.phase("device"):
        worker.setup(spec, threads=threads)
    with watch.phase("data"):
        worker.load(dataset)
    with watch.phase("build"):
        exact = workload.initial_weights(spec.seed)
        dtype = np.float64 if spec.precision == "fp64" else np.float32
        worker.build(spec, workload, {name: array.astype(dtype) for name, array in exact.items()})
    fingerprints = {"data": dataset.fingerprint, "initial_weights": fingerprint(exact)}
    return dataset, RunResult(status=Status.OK, fingerprints=fingerprints, description=worker.describe())


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


def _evaluate(worker: Worker, dataset: Dataset, number: int, watch: Stopwatch, result: RunResult) -> None:
    """Judge the worker's logits on every test example; the core does it, so that it is the same arithmetic for every framework.

    Raises _DivergedError where a logit is not finite.
    """
    with watch.phase("evaluate") as lap:
        logits = worker.predict()
    expected = (len(dataset.y_test), int(dataset.y_train.max()) + 1)
    if logits.shape != expected:
        raise ValueError(f"predict() gave logits of shape {logits.shape}, expected {expected}: one row for each test example")
    if not np.isfinite(logits).all():
        raise _DivergedError("the logits are not finite after", len(result.step_losses))
    blocks = [block for block in result.blocks if block.epoch == number]
    result.epochs.append(
        Epoch(
            epoch=number,
            train_loss=float(np.mean(result.step_losses[-sum(block.steps for block in blocks) :])),
            test_loss=softmax_cross_entropy(logits, dataset.y_test),
            test_correct=int((logits.argmax(axis=1) == dataset.y_test).sum()),
            test_examples=len(dataset.y_test),
            train_ns=sum(block.duration_ns for block in blocks),
            evaluate_ns=lap.ns,
        )
    )


def softmax_cross_entropy(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The mean of log(sum(exp(logits))) - logits[label] over the examples, in float64."""
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(values).sum(axis=1)) - values[np.arange(len(labels)), labels]))
