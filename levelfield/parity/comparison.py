"""Two recordings of the same experiment against each other, step by step, tensor by tensor."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record
from levelfield.parity.tensors import KINDS, Array, distance, kind_of, layer_of

Measure = Callable[[Array, Array], tuple[float, float]]


class ParityError(Exception):
    """Two workers that cannot even be compared: the message says what one does that the other does not."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One tensor, ``kind/name``, at one step (counted from 0) of one part; ``exact`` as in `Record`."""

    part: Part
    step: int
    tensor: str
    absolute: float
    relative: float
    exact: bool = False


@dataclass(kw_only=True)
class Differences:
    """All differences, and for each step, by kind, how far the two sides' own draws went.

    At the first step that is the lesser of the two, later the greater: nothing has been amplified yet, so a side that goes further than
    the other computes less precisely, which must not widen what it is allowed.
    """

    found: list[Difference] = field(default_factory=list)
    own: dict[tuple[Part, int], dict[str, float]] = field(default_factory=dict)

    def in_order(self, layers: Sequence[str]) -> list[Difference]:
        """As steps compute them, whatever order the workers gave them in: the backward pass goes from the last of ``layers``.

        Exact records come before all others: two different functions are to be told from coarse rounding.
        """
        turns = {name: turn for turn, name in enumerate(layers)}

        def turn(difference: Difference) -> tuple[bool, int, int, int, int]:
            kind = kind_of(difference.tensor)
            layer = turns.get(layer_of(difference.tensor) or "", len(turns))
            place = -layer if kind == "gradient" else layer
            return not difference.exact, list(Part).index(difference.part), difference.step, KINDS.index(kind), place

        return sorted(self.found, key=turn)


def compare(a: Iterable[Record], b: Iterable[Record], *, measure: Measure = distance) -> Differences:
    """Reads both recordings side by side and keeps no tensor. Raises ParityError where one is shorter or lacks a tensor.

    ``measure`` gives the absolute and the relative difference of two tensors. `distance` measures exact records, and whether dropout keeps
    to its rules, in any case.
    """
    result = Differences()
    for left, right in zip_longest(a, b):
        if left is None or right is None or _key(left) != _key(right):
            raise ParityError("one worker does fewer steps than the other: the same batches do not make the same number of steps")
        result.found.extend(_step(left, right, distance if left.exact or left.part is Part.DRAWN else measure))
        if left.exact:
            continue
        agreed = max if left.step else min
        kinds = left.own.keys() | right.own.keys()
        result.own[left.part, left.step] = {kind: agreed(left.own.get(kind, 0.0), right.own.get(kind, 0.0)) for kind in kinds}
    return result


def ratio(a: Array, b: Array) -> tuple[float, float]:
    """The measure for two errors (`levelfield.parity.reduced`): their difference, and the larger over the smaller."""
    if not (np.isfinite(a) and np.isfinite(b)):
        return np.inf, np.inf
    low, high = sorted((float(a), float(b)))
    return high - low, high / low if low else (1.0 if high == low else np.inf)


def _key(record: Record) -> tuple[Part, int, bool]:
    return record.part, record.step, record.exact


def _step(a: Record, b: Record, measure: Measure) -> Iterator[Difference]:
    if missing := sorted(set(a.tensors) ^ set(b.tensors)):
        raise ParityError(f"only one of the two workers gives {', '.join(missing)}")
    for name, array in a.tensors.items():
        absolute, relative = measure(np.asarray(array), np.asarray(b.tensors[name]))
        yield Difference(part=a.part, step=a.step, tensor=name, absolute=absolute, relative=relative, exact=a.exact)
