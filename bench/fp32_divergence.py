"""How rounding grows in fp32: one framework against itself, its initial weights moved by one unit in the last place, step by step.

    services/torch_worker/.venv/bin/python bench/fp32_divergence.py torch cifar10_cnn --seed 0

Beside the divergence stand its cause: how many ReLUs have flipped (zero on one side, positive on the other) and how many max-pool windows
take their maximum from another place. Both are steps in the derivative: one unit in the last place of the input turns it from 0 to 1, or
sends it elsewhere. Needs NumPy and the service's framework.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from levelfield import data, workloads
from levelfield.parity.experiment import STEPS, Experiment
from levelfield.parity.tensors import tensors, worst_relative
from levelfield.run import load_worker
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.worker import Trace
from levelfield.workloads.base import Workload
from levelfield.workloads.layers import MaxPool2D, Residual

HEADER = f"{'step':>4} {'ReLUs flipped':>14} {'maxima moved':>13} {'output':>9} {'gradient':>9} {'parameter':>9}"


def main() -> None:
    """Print one line a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework")
    parser.add_argument("workload")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    service, workload = discover()[options.framework], workloads.get(options.workload)
    spec = RunSpec(workload=workload.name, framework=service.name, mode=service.default_mode, seed=options.seed)
    experiment = Experiment.of(spec, steps=options.steps)
    workload = experiment.workload
    dataset = experiment.dataset(data.load(workload.dataset))
    base, moved = (load_worker(service, spec.track)() for _ in range(2))
    for worker, weights in ((base, experiment.weights()), (moved, experiment.perturbed_weights(0))):
        worker.setup(spec, threads=1)
        worker.load(dataset)
        worker.build(spec, workload, weights)
    print(f"{service.title}, {workload.title}, fp32, seed {options.seed}\n{HEADER}")
    for step, index in enumerate(experiment.batches(), start=1):
        _print_step(step, workload, base.trace(index, None), moved.trace(index, None))


def _print_step(step: int, workload: Workload, a: Trace, b: Trace) -> None:
    own = worst_relative(tensors(a), [tensors(b)])
    kinds = " ".join(f"{own[kind]:9.1e}" for kind in ("output", "gradient", "parameter"))
    print(f"{step:4d} {_flipped(workload, a, b):14d} {_moved(workload, a, b):13d} {kinds}")


def _flipped(workload: Workload, a: Trace, b: Trace) -> int:
    """ReLUs that pass the gradient on one side alone."""
    layers = [layer for layer, _, _ in workload.shapes()]
    names = [layer.name for layer in layers if isinstance(layer, Residual) or getattr(layer, "activation", None) == "relu"]
    return sum(int(((a.outputs[name] > 0) != (b.outputs[name] > 0)).sum()) for name in names)


def _moved(workload: Workload, a: Trace, b: Trace) -> int:
    """Windows whose positive maximum comes from another place; where all is zero, no gradient passes anyway."""
    pools = [
        (before.name, layer) for before, layer in zip(workload.layers, workload.layers[1:], strict=False) if isinstance(layer, MaxPool2D)
    ]
    return sum(_moved_in(a.outputs[name], b.outputs[name], layer) for name, layer in pools)


def _moved_in(a: NDArray, b: NDArray, layer: MaxPool2D) -> int:
    (first, top), (second, _) = (_places(images, layer) for images in (a, b))
    return int(((first != second) & (top > 0)).sum())


def _places(images: NDArray, layer: MaxPool2D) -> tuple[NDArray, NDArray]:
    """Where each window has its maximum, and the maximum."""
    beside, stride = (layer.padding, layer.padding), layer.stride or layer.size
    padded = np.pad(images, ((0, 0), beside, beside, (0, 0)), constant_values=-np.inf)
    windows = sliding_window_view(padded, (layer.size, layer.size), axis=(1, 2))[:, ::stride, ::stride]
    flat = windows.reshape(*windows.shape[:4], -1)
    return flat.argmax(axis=-1), flat.max(axis=-1)


if __name__ == "__main__":
    main()
