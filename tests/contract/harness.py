"""What the rules have in hand: workers that are ready to train, the reference that they are compared with, and the comparisons."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.worker import EpochWorker, Worker
from levelfield.workloads.base import Weights, Workload, batch_order
from tests.contract.synthetic import SEED, TRAIN_EXAMPLES, WORKLOAD, dataset_of, given_weights
from tests.fake_worker import NumpyWorker


@dataclass(frozen=True, kw_only=True)
class Maker:
    """One service in one track and mode, and the workload that a rule is asked for.

    Always the same number of threads, because frameworks let a process choose it only once.
    """

    factory: Callable[[], Any]
    workload: Workload = WORKLOAD
    track: str = "matched"
    mode: str = "plain"
    device: str = "cpu"
    threads: int = 1

    def spec(self, **fields: Any) -> RunSpec:
        common = {"workload": self.workload.name, "framework": "under-test", "seed": SEED, "threads": self.threads}
        return RunSpec(**common | {"track": self.track, "mode": self.mode, "device": self.device} | fields)


class MakeWorker(Maker):
    """Makes Workers: ``make_worker(precision="fp64", batch_size=20)`` is ready for its first epoch.

    ``workload`` there takes the place of the maker's own, such as one with other rates of dropout.
    """

    def __call__(
        self, *, workload: Workload | None = None, dataset: Dataset | None = None, weights: Weights | None = None, **fields: Any
    ) -> Worker:
        return self._ready(self.factory(), self.spec(**fields), workload or self.workload, dataset, weights)

    def reference(self, *, dataset: Dataset | None = None, **fields: Any) -> NumpyWorker:
        """A `NumpyWorker` in the same state, on the CPU."""
        worker = NumpyWorker()
        self._ready(worker, self.spec(**fields | {"device": "cpu"}), self.workload, dataset, None)
        return worker

    def _ready(self, worker: Worker, spec: RunSpec, workload: Workload, dataset: Dataset | None, weights: Weights | None) -> Worker:
        worker.setup(spec, threads=self.threads)
        worker.load(dataset or dataset_of(self.workload))
        worker.build(spec, workload, given_weights(spec.precision, workload) if weights is None else weights)
        return worker


@dataclass(frozen=True, kw_only=True)
class MakeEpochWorker(Maker):
    """Makes EpochWorkers that are ready to `fit`."""

    track: str = "article"

    def __call__(self, *, dataset: Dataset | None = None, **fields: Any) -> EpochWorker:
        worker, spec = self.factory(), self.spec(**fields)
        worker.setup(spec, threads=self.threads)
        worker.load(dataset or dataset_of(self.workload))
        worker.build(spec, self.workload)
        return worker


def run_steps(worker: Worker, steps: int, *, batch_size: int = WORKLOAD.batch_size, examples: int = TRAIN_EXAMPLES) -> NDArray[np.float64]:
    """The first ``steps`` steps of a run, through as many epochs as they take; the loss of each, shape (steps,)."""
    per_epoch = -(-examples // batch_size)
    losses = []
    for first in range(0, steps, per_epoch):
        worker.begin_epoch(batch_order(SEED, first // per_epoch, examples))
        worker.train_steps(min(per_epoch, steps - first))
        worker.synchronize()
        losses.append(worker.losses())
    return np.concatenate(losses)


def assert_close(found: NDArray[Any], expected: NDArray[Any], tolerance: float, what: str) -> None:
    """Same shape, and no element further than ``tolerance`` (absolute) from the reference's; NaN is never close."""
    worst = _distance(found, expected, what)
    assert worst <= tolerance, f"{what}: {worst:.2e} away from the reference, allowed is {tolerance:.0e}"


def assert_relatively_close(found: NDArray[Any], expected: NDArray[Any], tolerance: float, what: str) -> None:
    """The same, but ``tolerance`` is a part of the array's largest magnitude (methodology, rule 5)."""
    worst, largest = _distance(found, expected, what), float(np.abs(expected).max(initial=0.0))
    assert worst <= tolerance * largest, (
        f"{what}: {worst:.2e} of {largest:.2e} away from the reference, allowed is a part of {tolerance:.0e}"
    )


def _distance(found: NDArray[Any], expected: NDArray[Any], what: str) -> float:
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    return float(np.abs(found.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0))


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
