"""How far two tensors are apart. The measure is max|a - b| / max|a| (methodology, rule 5)."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from levelfield.worker import Trace

Array: TypeAlias = NDArray[np.floating[Any]]
Tensors = Mapping[str, Array]
KINDS = ("output", "loss", "gradient", "parameter")
PIECE_BYTES = 32 * 1024**2  # what crosses to another process at once


def tensors(trace: Trace) -> Tensors:
    """The tensors of a step by ``kind/name``."""
    named = [("output", trace.outputs), ("loss", {"loss": np.array(trace.loss)})]
    named += [("gradient", trace.gradients), ("parameter", trace.parameters)]
    return {f"{kind}/{name}": array for kind, arrays in named for name, array in arrays.items()}


def kind_of(name: str) -> str:
    """The kind of a tensor."""
    return name.partition("/")[0]


def layer_of(name: str) -> str | None:
    """The layer that a tensor belongs to; the loss belongs to none."""
    kind, _, rest = name.partition("/")
    return None if kind == "loss" else rest.partition("/")[0]


def in_pieces(tensors: Tensors, limit: int = PIECE_BYTES) -> list[Tensors]:
    """The same tensors, in their order, at most ``limit`` bytes at a time, or one tensor that is larger.

    A step of a large network is a gigabyte; the shared memory between processes has a quarter of that, or less in a container.
    """
    pieces: list[dict[str, Array]] = [{}]
    held = 0
    for name, array in tensors.items():
        if pieces[-1] and held + array.nbytes > limit:
            pieces.append({})
            held = 0
        pieces[-1][name] = array
        held += array.nbytes
    return [*pieces]


def distance(a: Array, b: Array) -> tuple[float, float]:
    """The largest absolute difference, and its share of the largest absolute value of ``a``.

    Both are infinite where the shapes differ or something is not finite.
    """
    if a.shape != b.shape:
        return np.inf, np.inf
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        absolute = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0.0))
    if not np.isfinite(absolute):
        return np.inf, np.inf
    scale = float(np.abs(a).max(initial=0.0))
    if scale == 0.0:
        return absolute, 0.0 if absolute == 0.0 else np.inf
    return absolute, absolute / scale


def worst_relative(centre: Tensors, draws: Iterable[Tensors]) -> dict[str, float]:
    """By kind, the largest relative difference of any draw from ``centre``.

    Infinite ones are left out: they say that a tensor is zero or broken, and would allow everything.
    """
    worst: dict[str, float] = {}
    for draw in draws:
        for name, array in centre.items():
            kind = kind_of(name)
            relative = distance(array, draw[name])[1]
            worst[kind] = max(worst.get(kind, 0.0), relative if np.isfinite(relative) else 0.0)
    return worst
