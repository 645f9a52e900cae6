"""How far a framework's bare loop is from its worker: ``python -m tests.bench.agreement FRAMEWORK``, in that service's own environment.

Prints a line of JSON for each case: the largest relative difference of the losses, and of the parameters after the last step.
"""

import json
import sys
from itertools import product
from typing import Any

import numpy as np

from bench.bare import Choices, load
from levelfield.parity.experiment import Experiment
from levelfield.run import load_worker
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.workloads.base import batch_order
from tests.contract.synthetic import dataset_of

STEPS = 3  # an epoch of two full batches, and the first of the next one
BATCH = 16
CASES = [
    *product(("cifar10_cnn", "imdb_lstm"), ("matched", "tuned"), ("fp64",), (False,)),
    ("cifar10_cnn", "tuned", "bf16", False),
    *product(("cifar10_cnn",), ("matched", "tuned"), ("fp64",), (True,)),
]


def main(framework: str) -> None:
    for workload, track, precision, prepared in CASES:
        service = discover()[framework]
        spec = RunSpec(
            workload=workload, framework=framework, mode=service.default_mode, seed=1, track=track, precision=precision, batch_size=BATCH
        )
        case = {"workload": workload, "track": track, "precision": precision, "prepared": prepared}
        case |= _differences(spec, load_worker(service, track), Choices(prepared=prepared))
        sys.stdout.write(json.dumps(case) + "\n")


def _differences(spec: RunSpec, make: Any, choices: Choices) -> dict[str, float]:
    experiment = Experiment.of(spec, steps=STEPS)
    data = dataset_of(experiment.workload)
    worker, shared = make(), make()
    for one in (worker, shared):
        one.setup(spec, threads=1)
        one.load(data)
        one.build(spec, experiment.workload.without_dropout(), experiment.weights())
    bare = load(spec.framework, shared, choices)
    losses = _train(worker, bare, spec, len(data.x_train))
    before, after, other = experiment.weights(), worker.weights(), shared.weights()
    assert all((before[name] != after[name]).any() for name in after)
    return {"loss": _apart(*losses), "parameter": max(_apart(after[name], other[name]) for name in after)}


def _train(worker: Any, bare: Any, spec: RunSpec, examples: int) -> tuple[list[float], list[float]]:
    losses: tuple[list[float], list[float]] = [], []
    per_epoch = examples // BATCH
    for first in range(0, STEPS, per_epoch):
        order, count = batch_order(spec.seed, first, examples), min(per_epoch, STEPS - first)
        worker.begin_epoch(order)
        worker.train_steps(count)
        losses[0].extend(worker.losses())
        bare.begin_epoch(order)
        bare.train(count)
        losses[1].extend(np.concatenate([np.atleast_1d(loss.numpy()) for loss in bare.losses]))
    return losses


def _apart(a: Any, b: Any) -> float:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / np.abs(a).max())


if __name__ == "__main__":
    main(sys.argv[1])
