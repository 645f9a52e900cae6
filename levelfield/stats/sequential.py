"""Looking at a study while it runs: when, and how much of the error each look may spend (methodology, rule 7, `--until-decided`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from levelfield.stats.effect import Effect, p_value
from levelfield.stats.equivalence import ALPHA, equivalence
from levelfield.stats.verdict import MINIMUM_PAIRS, Verdict, conclude

FIRST_LOOKS = (5, 8, 12, 20, 30)  # and ten times as many, and so on: every look has 1.5 to 1.7 times the pairs of the one before
# Levels that are exact for a known spread let t tests of few pairs err up to 1.10 times as often as they should (2 million simulated
# studies of at most 6 to 50 pairs, claims alone and in families of up to ten). Spending nine tenths keeps every one below its alpha.
T_SHARE = 0.9
NODES = 256  # of the numerical integration: twice as many move no level by a millionth part
FARTHEST = 38.0  # standard errors: the tail beyond holds less than any float

Points: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Which p value is small enough, for the test of no effect and for either one-sided test of equivalence.

    ``last`` is that of the test of no effect when all pairs that were planned are there.
    """

    difference: float
    equivalence: float
    last: float


def looks(maximum: int) -> tuple[int, ...]:
    """The numbers of pairs after which a study of at most ``maximum`` pairs is looked at; the maximum is the last look.

    5, 8, 12, 20 and 30 (methodology, rule 7), beyond them 50, 80, 120, 200, 300, 500 and so on. Raises ValueError for a maximum below 5.
    """
    if maximum < MINIMUM_PAIRS:
        raise ValueError(f"there is no verdict on fewer than {MINIMUM_PAIRS} pairs, got a maximum of {maximum}")
    steps = (first * 10**decade for decade in range(len(str(maximum))) for first in FIRST_LOOKS)
    return (*(step for step in steps if step < maximum), maximum)


def nominal_levels(at: Sequence[int], alpha: float, *, two_sided: bool) -> tuple[float, ...]:
    """Below which p value each look rejects, so that a true hypothesis is rejected at any of them with probability ``alpha`` in all.

    ``at`` are the numbers of pairs, shape (looks,), the last being the maximum. By the fraction t of it a one-sided test has spent
    2 - 2 Phi(z(alpha / 2) / sqrt(t)) of its error (Lan and DeMets 1983, Biometrika 70:659, the function like O'Brien and Fleming's); a
    two-sided test is two one-sided ones at alpha / 2. What a look may spend becomes its level by recursive numerical integration of the
    sum of normal values over those that went on (Armitage, McPherson and Rowe 1969, J. R. Stat. Soc. A 132:235; Jennison and Turnbull
    2000, Group Sequential Methods, chapter 19).

    The levels are exact where the spread is known. Used for the p values of t tests they are an approximation (Pocock 1977, Biometrika
    64:191), a little too generous for few pairs: ``levels_at`` makes up for it. Raises ValueError where ``at`` does not rise or alpha is
    not in (0, 0.5).
    """
    if not at or at[0] < 1 or any(b <= a for a, b in pairwise(at)):
        raise ValueError(f"looks are at rising numbers of pairs, got {tuple(at)}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha lies between 0 and 0.5, got {alpha}")
    sides = 2 if two_sided else 1
    return tuple(sides * level for level in _one_sided(tuple(at), alpha / sides))


def levels_at(look: int, maximum: int, *, alpha: float = ALPHA) -> Levels:
    """The levels at one look of a study of at most ``maximum`` pairs, whose t tests err with at most ``alpha`` each over all looks.

    Those of ``nominal_levels`` for nine tenths of ``alpha``, see ``T_SHARE``; for all of it where there is but one look. Raises ValueError
    where there is no look after ``look`` pairs.
    """
    at = looks(maximum)
    if look not in at:
        raise ValueError(f"a study of at most {maximum} pairs is looked at after {', '.join(map(str, at))} pairs, not after {look}")
    share = T_SHARE if len(at) > 1 else 1.0
    difference, one_sided = (nominal_levels(at, share * alpha, two_sided=two_sided) for two_sided in (True, False))
    return Levels(difference=difference[at.index(look)], equivalence=one_sided[at.index(look)], last=difference[-1])


def verdict_at(effect: Effect, *, margin: float, look: int, maximum: int) -> Verdict:
    """The verdict on the first ``look`` pairs of a study that ends when one is found, at ``maximum`` pairs at the latest.

    Over all looks, a side is called ahead without a difference in at most 5% of studies, and two sides that lie ``margin`` apart are called
    equivalent in at most 5%. It is stricter than ``verdict``, at the early looks very much so. The intervals of ``effect`` stay the usual
    ones, which such stopping makes a little too favourable. ``maximum`` is fixed before the first pair; ``more`` may go beyond it: then
    this study will hardly decide. Raises ValueError where there is no such look, or where the effect has more pairs than it.
    """
    levels = levels_at(look, maximum)
    refuse_later_pairs(effect, look)
    p, equivalence_p = p_value(effect), equivalence(effect, margin=margin).p
    differs = p is not None and p < levels.difference
    within = equivalence_p is not None and equivalence_p < levels.equivalence
    return conclude(effect, margin=margin, differs=differs, within=within, level=levels.last)


def refuse_later_pairs(effect: Effect, look: int) -> None:
    """Raises ValueError where the effect has pairs that were measured after the look."""
    if effect.n > look:
        raise ValueError(f"the look after {look} pairs cannot judge {effect.n}")


@lru_cache(maxsize=1024)
def _one_sided(at: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """The levels of a one-sided test. That the other side may stop as well is left out: hardly any sum gets from one end to the other."""
    spent = [float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(n / at[-1]))) for n in at]
    points, mass = np.zeros(1), np.ones(1)  # before the first look the sum of the values is 0 with certainty
    levels: list[float] = []
    for before, n, start, end in zip((0, *at), at, (0.0, *spent), spent, strict=False):
        step, scale = math.sqrt(n - before), math.sqrt(n)
        bound = _bound(points, mass, step=step, chance=end - start, farthest=FARTHEST * scale)
        levels.append(float(ndtr(-bound / scale)))
        points, mass = _survivors(points, mass, step=step, low=-max(bound, 9 * scale), high=bound)
    return tuple(levels)


def _bound(points: Points, mass: Points, *, step: float, chance: float, farthest: float) -> float:
    """The sum that is exceeded with probability ``chance`` after a normal step from ``points``, by bisection."""
    low, high = -farthest, farthest
    for _ in range(64):
        middle = (low + high) / 2
        above = float(mass @ ndtr((points - middle) / step)) > chance
        low, high = (middle, high) if above else (low, middle)
    return high


def _survivors(points: Points, mass: Points, *, step: float, low: float, high: float) -> tuple[Points, Points]:
    """Where the sums between the bounds lie after a normal step: new points of integration and the probability that each stands for."""
    nodes, weights = _legendre()
    half = (high - low) / 2
    new = low + half * (nodes + 1)
    density = np.exp(-(((new[:, None] - points) / step) ** 2) / 2) @ mass / (step * math.sqrt(2 * math.pi))
    return new, density * half * weights


@cache
def _legendre() -> tuple[Points, Points]:
    return np.polynomial.legendre.leggauss(NODES)
