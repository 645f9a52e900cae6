"""Pairs of trained networks, example by example: do the two of a seed err on different test examples?"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from levelfield.predictions import Predictions
from levelfield.stats.equivalence import ALPHA
from levelfield.stats.mcnemar import McNemar, mcnemar
from levelfield.stats.multiple import holm


@dataclass(frozen=True, kw_only=True)
class NetworkPair:
    """The two networks of one seed. ``agreement``: the share of the test examples to which both gave the same class, right or wrong.

    ``adjusted_p`` is the p value of ``test`` adjusted for the number of seeds.
    """

    seed: int
    test: McNemar
    agreement: float
    adjusted_p: float


@dataclass(frozen=True, kw_only=True)
class NetworkComparison:
    """The networks of every seed. In ``differing`` of ``pairs`` their accuracies differ beyond chance, at 5% over all of them together.

    ``agreement`` is the median over the pairs; ``without`` counts the seeds with an accuracy on both sides, but no predictions.
    """

    pairs: tuple[NetworkPair, ...]
    differing: int
    agreement: float
    without: int


def compare_networks(predictions: Mapping[int, tuple[Predictions, Predictions]], *, without: int = 0) -> NetworkComparison | None:
    """McNemar's exact test on the two networks of each seed, the p values adjusted by Holm's procedure. None where there is no seed.

    It speaks of these networks (see `mcnemar`): what frameworks make of accuracy is a question for the spread over seeds. Raises
    ValueError where the networks of a seed were not judged on the same number of examples, or predictions cannot be read.
    """
    if not predictions:
        return None
    found = {seed: _test(a, b) for seed, (a, b) in predictions.items()}
    adjusted = holm([test.p for test, _ in found.values()])
    pairs = tuple(
        NetworkPair(seed=seed, test=test, agreement=agreement, adjusted_p=test.p if p is None else p)
        for (seed, (test, agreement)), p in zip(found.items(), adjusted, strict=True)
    )
    return NetworkComparison(
        pairs=pairs,
        differing=sum(pair.adjusted_p < ALPHA for pair in pairs),
        agreement=statistics.median(pair.agreement for pair in pairs),
        without=without,
    )


def _test(a: Predictions, b: Predictions) -> tuple[McNemar, float]:
    codes_a, codes_b = a.codes(), b.codes()
    test = mcnemar(codes_a < a.classes, codes_b < b.classes)
    return test, int(np.count_nonzero(codes_a == codes_b)) / test.examples
