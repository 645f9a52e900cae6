"""Rules on checkpoints: a run that goes on from one is the run that was never lost."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levelfield.worker import Worker
from levelfield.workloads.base import batch_order
from tests.contract.harness import MakeWorker, assert_close, assert_weights_close
from tests.contract.registry import rule, with_a_state
from tests.contract.synthetic import SEED, dataset_of, given_weights


@rule(workloads=with_a_state)
def goes_on_from_what_it_saved_as_if_nothing_had_been(make_worker: MakeWorker) -> None:
    """The second epoch by the worker that did the first, and by a fresh one with other weights that takes up what was saved."""
    tolerance = 0.0 if make_worker.device == "cpu" else 1e-5  # atomics of a GPU add up in any order
    with tempfile.TemporaryDirectory() as name:
        worker, folder = make_worker(), Path(name)
        _epoch(worker, make_worker, 0)
        worker.save(folder)
        expected, weights = _epoch(worker, make_worker, 1), worker.weights()
        others = {key: array + array.dtype.type(0.5) for key, array in given_weights("fp32", make_worker.workload).items()}
        fresh = make_worker(weights=others)
        fresh.restore(folder)
        assert_close(_epoch(fresh, make_worker, 1), expected, tolerance, "the losses after restore()")
        assert_weights_close(fresh.weights(), weights, tolerance, "an epoch after restore()")


def _epoch(worker: Worker, make_worker: MakeWorker, number: int) -> NDArray[np.float64]:
    examples = len(dataset_of(make_worker.workload).x_train)
    worker.begin_epoch(batch_order(SEED, number, examples))
    worker.train_steps(-(-examples // make_worker.workload.batch_size))
    worker.synchronize()
    return worker.losses()
