"""What networks take test examples for: confusion matrices, and the examples on which those of two sides part."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.predictions import Predictions

Ints = NDArray[np.integer[Any]]
UNKNOWN = -1  # in the place of a label
Pairs = Mapping[int, tuple[Predictions, Predictions]]  # by seed


def right_classes(networks: Iterable[Predictions]) -> NDArray[np.int64]:
    """The right class of every example that any of these networks had right, `UNKNOWN` for the others; shape (examples,).

    Raises ValueError where they were judged on different numbers of examples, or predictions cannot be read.
    """
    found: NDArray[np.int64] | None = None
    for network in networks:
        found = np.full(network.examples, UNKNOWN) if found is None else found
        right = network.correct()
        found[right] = network.predicted()[right]
    return np.empty(0, np.int64) if found is None else found


def confusion(networks: Iterable[Predictions], labels: Ints) -> NDArray[np.int64]:
    """How often examples of each class (row) were given each class (column) by all these networks together, shape (classes, classes).

    ``labels``: the right classes; examples whose label is `UNKNOWN` are left out. Raises ValueError as `right_classes`.
    """
    known = labels != UNKNOWN
    counts: NDArray[np.int64] | None = None
    for network in networks:
        counts = np.zeros((network.classes, network.classes), np.int64) if counts is None else counts
        counts += _crossed(labels[known], network.predicted()[known], network.classes)
    return np.zeros((0, 0), np.int64) if counts is None else counts


def disagreement(pairs: Pairs) -> NDArray[np.int64]:
    """How often the two networks of a seed gave an example these classes, side a's (row) and side b's (column), over all seeds."""
    counts: NDArray[np.int64] | None = None
    for a, b in pairs.values():
        counts = np.zeros((a.classes, a.classes), np.int64) if counts is None else counts
        counts += _crossed(a.predicted(), b.predicted(), a.classes)
    return np.zeros((0, 0), np.int64) if counts is None else counts


@dataclass(frozen=True, kw_only=True)
class Parting:
    """In how many seeds side a alone had each example right, side b alone, or both had it wrong in different ways; shape (examples,)."""

    a_only: NDArray[np.int64]
    b_only: NDArray[np.int64]
    both_wrong: NDArray[np.int64]


def parting(pairs: Pairs) -> Parting:
    """On which examples the networks of a seed part, counted over seeds. Raises ValueError as `right_classes`."""
    examples = next(iter(pairs.values()))[0].examples if pairs else 0
    counts = np.zeros((3, examples), np.int64)
    for a, b in pairs.values():
        a_codes, b_codes = a.codes(), b.codes()
        a_right, b_right = a_codes < a.classes, b_codes < b.classes
        counts += np.stack([a_right & ~b_right, b_right & ~a_right, ~a_right & ~b_right & (a_codes != b_codes)])
    return Parting(a_only=counts[0], b_only=counts[1], both_wrong=counts[2])


def ranked(counts: Ints) -> NDArray[np.int64]:
    """The examples that were counted at all, those of most seeds first, then in their order."""
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > 0].astype(np.int64)


def answers(networks: Iterable[Predictions], examples: Sequence[int]) -> list[Counter[int]]:
    """For each of these examples, how many of the networks gave it which class."""
    found = [Counter[int]() for _ in examples]
    for network in networks:
        for counter, given in zip(found, network.predicted()[list(examples)].tolist(), strict=True):
            counter[given] += 1
    return found


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A part of a confusion matrix that can be looked at: the classes of its rows, those of its columns, and its counts.

    Where classes were left out, the last column is all of those (``classes`` of it is None), and ``totals`` are those of whole rows.
    """

    rows: tuple[int, ...]
    columns: tuple[int | None, ...]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]


def most_confused(counts: NDArray[np.int64], classes: Sequence[int]) -> Matrix:
    """The rows and columns of these classes alone, and what was given any other class in a column of its own."""
    chosen = list(classes)
    kept = counts[np.ix_(chosen, chosen)]
    totals = counts[chosen].sum(axis=1)
    if len(chosen) == len(counts):
        return Matrix(rows=tuple(chosen), columns=tuple(chosen), counts=kept, totals=totals)
    rest = totals - kept.sum(axis=1)
    return Matrix(rows=tuple(chosen), columns=(*chosen, None), counts=np.column_stack([kept, rest]), totals=totals)


def worth_showing(matrices: Iterable[NDArray[np.int64]], limit: int) -> list[int]:
    """All classes in their order, or of more the ``limit`` on which most errors were made in these matrices together."""
    together = np.sum(list(matrices), axis=0)
    if len(together) <= limit:
        return list(range(len(together)))
    seen = together.sum(axis=0) + together.sum(axis=1)
    errors = seen - 2 * np.diag(together)
    # A class that no example has is no row worth looking at, though none errs on it, either.
    found: list[int] = np.argsort(-(2 * errors + (seen > 0)), kind="stable")[:limit].tolist()
    return sorted(at for at in found if seen[at])


def _crossed(rows: Ints, columns: Ints, classes: int) -> NDArray[np.int64]:
    return np.bincount(rows * classes + columns, minlength=classes * classes).reshape(classes, classes)
