"""The optimizers in NumPy, each a transcript of its equation in `levelfield.workloads.base`. Arrays are changed in place."""

from typing import Any

import numpy as np

from levelfield.workloads.base import SGD, Adam, Optimizer, Weights


def update(
    optimizer: Optimizer, learning_rate: float, parameters: Weights, gradients: Weights, *, m: Weights, v: Weights, step: int
) -> None:
    """A step, counted from 1. ``m`` and ``v`` are Adam's moments; ``m`` alone is what momentum has gathered."""
    for name, g in gradients.items():
        if isinstance(optimizer, SGD):
            m[name][...] = optimizer.momentum * m[name] + g
            parameters[name] -= learning_rate * m[name]
        else:
            b1, b2 = optimizer.beta_1, optimizer.beta_2
            rate = learning_rate * (1 - b2**step) ** 0.5 / (1 - b1**step)
            m[name][...] = b1 * m[name] + (1 - b1) * g
            v[name][...] = b2 * v[name] + (1 - b2) * g**2
            parameters[name] -= rate * m[name] / (np.sqrt(v[name]) + optimizer.epsilon)


def describe(optimizer: Optimizer, learning_rate: float) -> dict[str, Any]:
    """What a worker says of it."""
    said = {"optimizer": f"{type(optimizer).__name__} as the workload writes it", "learning_rate": learning_rate}
    if isinstance(optimizer, Adam):
        return said | {"epsilon": f"{optimizer.epsilon} before the bias correction"}
    return said | {"momentum": optimizer.momentum}
