"""Long curves with fewer points. Strides are powers of two, so that a curve that grows keeps a part of the points that it had."""

from collections.abc import Sequence

Point = Sequence[float]


def stride(epochs: int, most: int) -> int:
    """Of every so many epochs one is kept, the last one beside them, where ``most`` points (at least 2) may stay of a curve."""
    step = 1
    while (epochs - 1) // step + 2 > most and step < epochs:
        step *= 2
    return step


def thinned(curve: Sequence[Point], most: int) -> list[Point]:
    """At most so many of these points (at least 2), from the first to the last; each begins with its epoch, counted from 1."""
    if len(curve) <= most:
        return list(curve)
    *before, last = curve
    step = stride(int(last[0]), most)
    return [*(point for point in before if (int(point[0]) - 1) % step == 0), last]
