"""How often the verdict errs, by simulation with fixed seeds of the very functions that the report uses.

The pairs are normal on the log scale. An A/A comparison is held to the methodology's bound (rule 8): 1,000 repetitions, exact binomial test
at 5%, so at most 62. The other rates are checked at many points, where a test at 5% would reject a true rate now and then by chance; they
have 5,000 repetitions and a test at 0.01%.
"""

import math
from collections import Counter

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from levelfield.stats import difference, ratio, verdict
from tests.stats.rates import REPETITIONS, least, most

AA_REPETITIONS = 1000
MARGIN = 0.03


def pairs(n, effect, sd, seed, repetitions=REPETITIONS):
    """Throughputs of two sides, shape (repetitions, n) each; the log ratio has mean ``effect`` and standard deviation ``sd``."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 0.3, (repetitions, n))  # hits both members of a pair alike
    return np.exp(drift + rng.normal(effect, sd, (repetitions, n))), np.exp(drift)


def outcomes(n, effect, sd, seed, repetitions=REPETITIONS):
    found = [verdict(ratio(a, b), margin=MARGIN) for a, b in zip(*pairs(n, effect, sd, seed, repetitions), strict=True)]
    return Counter({"ahead": sum(v.favours is not None for v in found), "equivalent": sum(v.equivalent for v in found)})


def test_the_binomial_bound_is_the_one_of_the_methodology():
    assert most(0.05, AA_REPETITIONS, 0.05) == 62


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_coverage_of_the_t_interval(n):
    effect = math.log(1.2)
    effects = [ratio(a, b) for a, b in zip(*pairs(n, effect, 0.03, seed=1000 + n), strict=True)]
    missed95 = sum(not e.interval.low <= 1.2 <= e.interval.high for e in effects)
    missed90 = sum(not e.interval90.low <= 1.2 <= e.interval90.high for e in effects)
    assert least(0.05) <= missed95 <= most(0.05)  # neither narrower nor wider than it says
    assert least(0.10) <= missed90 <= most(0.10)


@pytest.mark.parametrize("n", [5, 8, 20])
def test_a_side_against_itself_is_rarely_called_faster(n):
    assert outcomes(n, 0.0, 0.03, seed=100 + n, repetitions=AA_REPETITIONS)["ahead"] <= most(0.05, AA_REPETITIONS, 0.05)


@pytest.mark.parametrize(("n", "sd"), [(5, 0.005), (10, 0.01), (20, 0.03)])
@pytest.mark.parametrize("sign", [1, -1])
def test_sides_that_differ_by_the_margin_are_rarely_called_equivalent(n, sd, sign):
    assert outcomes(n, sign * math.log1p(MARGIN), sd, seed=200 + n)["equivalent"] <= most(0.05)


@pytest.mark.parametrize(("n", "effect", "power"), [(5, 0.05, 0.78), (8, 0.05, 0.98), (20, 0.02, 0.80), (25, 0.02, 0.89)])
def test_power_is_what_the_methodology_says(n, effect, power):
    """Rule 8, at a spread of 3%; statsmodels computes the same from the noncentral t distribution."""
    assert TTestPower().power(effect / 0.03, n, 0.05) == pytest.approx(power, abs=0.015)
    found = outcomes(n, effect, 0.03, seed=300 + n)["ahead"] / REPETITIONS
    assert found == pytest.approx(power, abs=0.025)


def test_accuracy_on_counts_of_correct_examples():
    """Shares of few test examples are coarse, not normal: the rates hold all the same."""
    rng = np.random.default_rng(7)
    a, b = rng.binomial(360, 0.97, (2, REPETITIONS, 10)) / 360
    found = [verdict(difference(x, y), margin=0.005) for x, y in zip(a, b, strict=True)]
    assert sum(v.favours is not None for v in found) <= most(0.05)
