"""What the rules have in hand: a small data set, workers that are ready to train, and the reference that they are compared with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield import workloads
from levelfield.data import Dataset, from_arrays
from levelfield.spec import RunSpec
from levelfield.worker import Worker
from levelfield.workloads.base import Weights, batch_order
from tests.fake_worker import NumpyWorker

WORKLOAD = workloads.get("digits_cnn")
TRAIN_EXAMPLES, TEST_EXAMPLES = 100, 30
STEPS_PER_EPOCH, LAST_BATCH = 4, 4  # 32 + 32 + 32 + 4
SEED = 0
DTYPES = {"fp32": "float32", "fp64": "float64"}


def make_dataset(test_examples: int = TEST_EXAMPLES) -> Dataset:
    """Random images; every class occurs."""
    rng = np.random.Generator(np.random.PCG64(7))
    arrays: dict[str, NDArray[Any]] = {}
    for part, examples in (("train", TRAIN_EXAMPLES), ("test", test_examples)):
        arrays[f"x_{part}"] = rng.random((examples, *WORKLOAD.input_shape)).astype(np.float32)
        arrays[f"y_{part}"] = rng.permutation(np.arange(examples) % WORKLOAD.classes)
    return from_arrays("synthetic", arrays)


DATASET = make_dataset()


def given_weights(precision: str) -> Weights:
    """Initial weights whose biases are not zero, so that a worker that mixes them up is found out."""
    weights = {name: array.astype(DTYPES[precision]) for name, array in WORKLOAD.initial_weights(SEED).items()}
    rng = np.random.Generator(np.random.PCG64(8))
    return {
        name: (rng.random(array.shape) * 0.2 - 0.1).astype(array.dtype) if name.endswith("/bias") else array
        for name, array in weights.items()
    }


@dataclass(frozen=True, kw_only=True)
class MakeWorker:
    """Makes workers of one service in one mode: ``make_worker(precision="fp64", batch_size=20)`` is ready for its first epoch.

    Always the same number of threads, because frameworks let a process choose it only once.
    """

    factory: Callable[[], Worker]
    mode: str = "plain"
    device: str = "cpu"
    threads: int = 1

    def spec(self, **fields: Any) -> RunSpec:
        common = {"workload": WORKLOAD.name, "framework": "under-test", "seed": SEED, "threads": self.threads}
        return RunSpec(**common | {"mode": self.mode, "device": self.device} | fields)

    def __call__(self, *, dataset: Dataset = DATASET, weights: Weights | None = None, **fields: Any) -> Worker:
        return self._ready(self.factory(), self.spec(**fields), dataset, weights)

    def reference(self, *, dataset: Dataset = DATASET, **fields: Any) -> NumpyWorker:
        """A `NumpyWorker` in the same state, on the CPU."""
        worker = NumpyWorker()
        self._ready(worker, self.spec(**fields | {"device": "cpu"}), dataset, None)
        return worker

    def _ready(self, worker: Worker, spec: RunSpec, dataset: Dataset, weights: Weights | None) -> Worker:
        worker.setup(spec, threads=self.threads)
        worker.load(dataset)
        worker.build(spec, WORKLOAD, given_weights(spec.precision) if weights is None else weights)
        return worker


def run_steps(worker: Worker, steps: int, batch_size: int = WORKLOAD.batch_size) -> NDArray[np.float64]:
    """The first ``steps`` steps of a run, through as many epochs as they take; the loss of each, shape (steps,)."""
    per_epoch = -(-TRAIN_EXAMPLES // batch_size)
    losses = []
    for first in range(0, steps, per_epoch):
        worker.begin_epoch(batch_order(SEED, first // per_epoch, TRAIN_EXAMPLES))
        worker.train_steps(min(per_epoch, steps - first))
        worker.synchronize()
        losses.append(worker.losses())
    return np.concatenate(losses)


def assert_close(found: NDArray[Any], expected: NDArray[Any], tolerance: float, what: str) -> None:
    """Same shape, and no element further than ``tolerance`` (absolute) from the reference's; NaN is never close."""
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    worst = float(np.abs(found.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0))
    assert worst <= tolerance, f"{what}: {worst:.2e} away from the reference, allowed is {tolerance:.0e}"


def assert_weights_close(found: Weights, expected: Weights, tolerance: float, what: str) -> None:
    assert sorted(found) == sorted(expected), f"{what}: parameters {sorted(found)}, expected {sorted(expected)}"
    for name, array in expected.items():
        assert_close(found[name], array, tolerance, f"{what}: {name}")


def assert_same_bits(found: Weights, expected: Weights, what: str) -> None:
    assert sorted(found) == sorted(expected), f"{what}: parameters {sorted(found)}, expected {sorted(expected)}"
    for name, array in expected.items():
        form = (found[name].dtype, found[name].shape)
        assert form == (array.dtype, array.shape), f"{what}: {name} is {form[0]}{form[1]}, expected {array.dtype}{array.shape}"
        assert np.array_equal(found[name], array), f"{what}: {name} has other values"


def assert_plain(value: Any, path: str) -> None:
    """Only what JSON holds, by exact type: a subclass of str may not be unpickled where its framework is missing."""
    allowed = (str, int, float, bool, list, dict, type(None))
    assert type(value) in allowed, f"{path} is a {type(value).__module__}.{type(value).__qualname__}, not plain data"
    for key, item in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
        assert type(key) in (str, int), f"{path} has the key {key!r}, not a str"
        assert_plain(item, f"{path}[{key!r}]")
    json.dumps(value)
