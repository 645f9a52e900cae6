"""Whether dropout that a worker draws by itself keeps to the rules: two frameworks' random numbers cannot be compared, but these can."""

import numpy as np
from numpy.typing import NDArray

from levelfield.parity.tensors import Array, Tensors
from levelfield.worker import Trace
from levelfield.workloads.base import Workload
from levelfield.workloads.layers import Dropout

RELATIVE = {"fp32": 1e-6, "fp64": 1e-12}
REDUCED_RELATIVE = 2.0**-6
DEVIATIONS = 6.0  # beyond it lies an honest draw once in 500 million
TINY = 2.0 * float(np.finfo(np.float32).tiny)  # what is smaller may be flushed to 0


def kept_rules(workload: Workload, trace: Trace, precision: str) -> Tensors:
    """By ``output/layer`` for each dropout layer that another one stands before: 0 where it keeps to its rules, infinite where not.

    What is infinite agrees with nothing, not even with itself: so a fault that both sides have is told, too.
    """
    names = [layer.name for layer in workload.layers]
    found = {
        layer.name: obeys(layer, trace.outputs[before], trace.outputs[layer.name], RELATIVE.get(precision, REDUCED_RELATIVE))
        for before, layer in zip(names, workload.layers[1:], strict=False)
        if isinstance(layer, Dropout)
    }
    return {f"output/{name}": np.array(0.0 if kept else np.inf) for name, kept in found.items()}


def obeys(layer: Dropout, source: Array, output: Array, relative: float) -> bool:
    """Whether every element of ``source``, shape (batch, ...), was set to 0 or divided by 1 - rate, and a likely share of them kept.

    Where a mask holds for a whole sequence, shape (batch, time, features), it must be the same at all times, and counts once.
    """
    if source.shape != output.shape:
        return False
    x, y = source.astype(np.float64), output.astype(np.float64)
    expected = x / (1.0 - layer.rate)
    if not ((y == 0) | (np.abs(y - expected) <= relative * np.abs(expected) + TINY)).all():
        return False
    alive, kept = np.abs(x) > TINY, y != 0
    if layer.per_sequence:
        seen, gone = (kept & alive).any(axis=1), (~kept & alive).any(axis=1)
        if (seen & gone).any():
            return False
        alive, kept = seen | gone, seen
    return _is_likely(layer.rate, kept[alive])


def _is_likely(rate: float, kept: NDArray[np.bool_]) -> bool:
    deviation = float(np.sqrt(kept.size * rate * (1.0 - rate)))
    return abs(int(kept.sum()) - kept.size * (1.0 - rate)) <= DEVIATIONS * deviation + 1e-9 * kept.size
