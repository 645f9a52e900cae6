"""Rules on how a worker behaves at its boundary: signatures, what it returns, what it leaves alone, what it says of itself."""

import inspect
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from levelfield.data import Dataset, from_arrays
from levelfield.result import PHASES, Epoch, RunResult, Status
from levelfield.training import Started, train
from levelfield.worker import Worker
from levelfield.workloads.base import batch_order
from tests.contract.harness import Maker, MakeWorker, assert_plain, assert_same_bits, run_steps
from tests.contract.registry import rule
from tests.contract.synthetic import (
    DATASET,
    DTYPES,
    SEED,
    STEPS_PER_EPOCH,
    TEST_EXAMPLES,
    TRAIN_EXAMPLES,
    WORKLOAD,
    given_weights,
)

DESCRIBED = ("framework", "version", "device", "threads", "mode", "precision")


@rule()
def has_the_signatures_of_the_protocol(make_worker: MakeWorker) -> None:
    assert_signatures(make_worker.factory(), Worker)


def assert_signatures(worker: Any, protocol: type) -> None:
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            assert callable(getattr(worker, name, None)), f"the worker has no method {name}()"
            expected, found = _parameters(method)[1:], _parameters(getattr(worker, name))
            assert found == expected, f"{name}() takes {found}, the protocol's takes {expected}"


def _parameters(function: Callable) -> list[str]:
    """Names with kinds and defaults; annotations are a matter of taste."""
    return [str(p.replace(annotation=p.empty)) + f" ({p.kind.description})" for p in inspect.signature(function).parameters.values()]


@rule()
def training_returns_nothing(make_worker: MakeWorker) -> None:
    """A step that returned its loss would make the device wait for it."""
    worker = make_worker()
    calls = {
        "begin_epoch": lambda: worker.begin_epoch(batch_order(SEED, 0, TRAIN_EXAMPLES)),
        "train_steps": lambda: worker.train_steps(2),
        "synchronize": worker.synchronize,
    }
    for name, call in calls.items():
        returned = call()
        assert returned is None, f"{name}() returned a {type(returned).__name__}, not None"


@rule()
def raises_index_error_past_the_end_of_an_epoch(make_worker: MakeWorker) -> None:
    worker = make_worker()
    run_steps(worker, STEPS_PER_EPOCH)
    try:
        worker.train_steps(1)
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        assert isinstance(error, IndexError), f"past the end of the epoch: {type(error).__name__}, expected IndexError"  # noqa: PT017
    else:
        raise AssertionError("train_steps() went past the end of the epoch without an IndexError")
    left = len(worker.losses())
    assert left == 0, f"the step past the end of the epoch left {left} losses"


@rule()
def losses_are_float64_and_read_once(make_worker: MakeWorker) -> None:
    worker = make_worker()
    worker.begin_epoch(batch_order(SEED, 0, TRAIN_EXAMPLES))
    for steps in (STEPS_PER_EPOCH - 1, 1, 0):
        worker.train_steps(steps)
        worker.synchronize()
        losses = worker.losses()
        assert losses.dtype == np.float64, f"losses() gives {losses.dtype}, expected float64"
        assert losses.shape == (steps,), f"losses() after {steps} steps has shape {losses.shape}, expected {(steps,)}"


@rule()
def device_time_lies_within_the_time_of_the_block(make_worker: MakeWorker) -> None:
    """And is there where PyTorch's or another framework's device keeps a clock; a CPU keeps none beside the host's."""
    worker = make_worker()
    worker.begin_epoch(batch_order(SEED, 0, TRAIN_EXAMPLES))
    for steps in (STEPS_PER_EPOCH - 1, 1):  # the first ones may compile
        started = time.perf_counter_ns()
        worker.train_steps(steps)
        worker.synchronize()
        passed, found = time.perf_counter_ns() - started, worker.device_ns()
        if make_worker.device == "cpu":
            assert found is None, f"device_ns() gives {found!r} on a CPU, expected None"
        elif found is not None:
            assert_plain(found, "device_ns()")
            assert 0 < found <= passed, f"device_ns() gives {found!r} after {steps} steps that took {passed} ns"


@rule()
def reads_mapped_arrays_and_never_writes_to_them(make_worker: MakeWorker) -> None:
    def use(dataset: Dataset) -> None:
        worker = make_worker(dataset=dataset)
        run_steps(worker, STEPS_PER_EPOCH)
        worker.predict()

    assert_only_reads(use)


def assert_only_reads(use: Callable[[Dataset], object]) -> None:
    """Arrays as `levelfield.data.load` gives them, and writable ones, on which a write would go unnoticed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            use(_mapped(Path(folder)))
        except ValueError as error:
            raise AssertionError(f"read-only, memory-mapped arrays are refused: {error}") from error
    writable = from_arrays("writable", {name: array.copy() for name, array in DATASET.arrays().items()})
    use(writable)
    for name, array in writable.arrays().items():
        assert np.array_equal(array, DATASET.arrays()[name]), f"the worker wrote to {name}"


def _mapped(folder: Path) -> Dataset:
    for name, array in DATASET.arrays().items():
        np.save(folder / name, array)
    return from_arrays("mapped", {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in DATASET.arrays()})


@rule()
def weights_are_copies(make_worker: MakeWorker) -> None:
    given = given_weights("fp32")
    worker = make_worker(weights=given)
    taken = worker.weights()
    run_steps(worker, STEPS_PER_EPOCH)
    assert_same_bits(given, given_weights("fp32"), "the weights given to build(), after training")
    assert_same_bits(taken, given_weights("fp32"), "what weights() gave before training, after training")
    before = {name: array.copy() for name, array in worker.weights().items()}
    for array in worker.weights().values():
        array[...] = 0
    assert_same_bits(worker.weights(), before, "weights(), after the caller had changed what it was given")


@rule()
def memory_is_in_positive_bytes_or_left_out(make_worker: MakeWorker) -> None:
    worker = make_worker()
    run_steps(worker, STEPS_PER_EPOCH)
    for name, value in worker.memory().items():
        assert type(value) is int, f"memory()[{name!r}] is a {type(value).__name__}, not an int"
        assert value > 0, f"memory()[{name!r}] is {value}: what is not known is left out"


@rule()
def describes_itself_in_plain_types(make_worker: MakeWorker) -> None:
    assert_describes(make_worker().describe())


def assert_describes(description: dict[str, Any]) -> None:
    assert_plain(description, "describe()")
    missing = [name for name in DESCRIBED if not description.get(name)]
    assert not missing, f"describe() does not say {', '.join(missing)}"


@rule()
def describes_itself_truthfully(make_worker: MakeWorker) -> None:
    for precision in ("fp32", "fp64"):
        worker = make_worker(precision=precision)
        asked = {"threads": make_worker.threads, "mode": make_worker.mode, "precision": precision}
        said = worker.describe()
        for name, value in asked.items():
            assert said[name] == value, f"describe() says {name} {said[name]!r}, asked was {value!r}"
        for name, array in worker.weights().items():
            assert array.dtype == DTYPES[precision], f"describe() says {precision}, but {name} is {array.dtype}"


@rule()
def runs_through_train_to_a_result(make_worker: MakeWorker) -> None:
    result = assert_runs_through_train(make_worker)
    assert len(result.step_losses) == 2 * STEPS_PER_EPOCH, f"{len(result.step_losses)} losses for {2 * STEPS_PER_EPOCH} steps"


def assert_runs_through_train(maker: Maker) -> RunResult:
    spec = maker.spec(epochs=2)
    started, *epochs, result = train(maker.factory(), spec, WORKLOAD, lambda: DATASET, threads=maker.threads)
    assert started == Started(epochs=2, steps_per_epoch=STEPS_PER_EPOCH), f"the first event was {started}"
    assert [type(event) for event in epochs] == [Epoch, Epoch], f"between start and result came {epochs}"
    assert isinstance(result, RunResult), f"the last event was {result}"
    assert result.status is Status.OK, f"the status is {result.status}"
    assert {epoch.test_examples for epoch in epochs} == {TEST_EXAMPLES}, "not every test example was judged"
    assert set(result.phases_ns) <= set(PHASES), f"unknown phases: {set(result.phases_ns) - set(PHASES)}"
    assert sum(result.phases_ns.values()) == result.wall_ns, f"the phases {result.phases_ns} do not add up to {result.wall_ns} ns"
    again = RunResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again == result, "the result does not survive JSON"
    return result


@rule(without_gpu=True)
def refuses_a_device_that_is_not_there(make_worker: MakeWorker) -> None:
    spec = make_worker.spec(device="cuda")
    try:
        make_worker.factory().setup(spec, threads=make_worker.threads)
    except Exception as error:  # noqa: BLE001 - a framework may raise anything
        clear = "cuda" in str(error) and "GPU" in str(error)
        assert clear, f"the message on a missing GPU names neither the device nor the reason: {type(error).__name__}: {error}"  # noqa: PT017
    else:
        raise AssertionError("setup() accepted device cuda on a machine without a GPU")
