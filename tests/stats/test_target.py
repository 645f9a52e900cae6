"""Time to target: misses rank last, and the test of two sides is exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test, rankdata

from levelfield.stats import compare_times, time_to_target
from levelfield.stats.target import _as_far
from tests.stats.rates import REPETITIONS, most

# Darwin's maize: differences of 15 pairs of plants, crossed minus self-fertilised, in eighths of an inch. Fisher (1935), The Design of
# Experiments, section 21: of the 32,768 sums that the signs allow, 1,726 lie as far from zero as the observed 314.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_all_signs_are_counted():
    assert _as_far(np.array(DARWIN)) == pytest.approx(1726 / 2**15, abs=1e-12)


def test_a_miss_ranks_last_in_the_median():
    found = time_to_target([30.0, None, 10.0, 20.0, None])
    assert (found.runs, found.reached, found.fraction, found.median) == (5, 3, 0.6, 30.0)
    assert time_to_target([30.0, None, 10.0]).median == 30.0
    assert time_to_target([10.0, 20.0, 30.0, None]).median == 25.0


@pytest.mark.parametrize("times", [[10.0, None], [10.0, 20.0, None, None], [None]])
def test_where_half_the_runs_miss_there_is_no_median(times):
    assert time_to_target(times).median is None


def test_no_runs():
    assert (time_to_target([]).fraction, time_to_target([]).median) == (None, None)
    found = compare_times([], [])
    assert (found.p, found.ratio, found.favours) == (None, None, None)


def test_a_ratio_needs_two_medians():
    assert compare_times([10.0, 20.0, None], [10.0, 10.0, 10.0]).ratio == 2.0
    assert compare_times([10.0, None, None], [10.0, 10.0, 10.0]).ratio is None


def test_a_miss_is_later_than_any_time():
    found = compare_times([99.0] * 8, [None] * 8)
    assert (found.p, found.favours, found.preliminary) == (2 / 2**8, "a", True)
    assert compare_times([None] * 8, [99.0] * 8).favours == "b"


def test_two_misses_are_a_tie():
    without = compare_times([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [7.0, 8.0, 9.0, 10.0, 11.0, 12.0])
    assert without.p == 2 / 2**6
    assert compare_times([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, None], [7.0, 8.0, 9.0, 10.0, 11.0, 12.0, None]).p == without.p
    assert compare_times([None] * 12, [None] * 12).p == 1.0


def test_five_pairs_decide_nothing_and_six_can():
    assert (compare_times([1.0] * 5, [2.0] * 5).p, compare_times([1.0] * 5, [2.0] * 5).favours) == (0.0625, None)
    assert compare_times([1.0] * 6, [2.0] * 6).favours == "a"


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan])
def test_what_is_refused(bad):
    with pytest.raises(ValueError, match="positive and finite"):
        time_to_target([bad])
    with pytest.raises(ValueError, match="2 and 1"):
        compare_times([1.0, 2.0], [1.0])


times = st.one_of(st.none(), st.integers(1, 9).map(float))


@given(st.lists(st.tuples(times, times), min_size=2, max_size=9))
def test_p_is_that_of_scipys_permutation_test(pairs):
    a, b = zip(*pairs, strict=True)
    ranks = rankdata([math.inf if t is None else t for t in (*a, *b)])
    exact = permutation_test(
        (ranks[: len(a)], ranks[len(a) :]), lambda x, y: float((x - y).sum()), permutation_type="samples", vectorized=False
    )
    found = compare_times(a, b)
    # scipy doubles the smaller tail; the distribution is symmetric, so that is the same.
    assert found.p == pytest.approx(exact.pvalue)
    assert compare_times(b, a).p == found.p


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("whole", [False, True], ids=["times", "whole epochs"])
def test_beyond_a_hundred_pairs_p_is_nearly_the_exact_one(shift, whole, monkeypatch):
    rng = np.random.default_rng(3)
    a, b = np.exp(2 + rng.normal(0, 0.2, (2, 120)) + np.array([[shift], [0.0]]))
    times = [miss(np.ceil(x) if whole else x) for x in (a, b)]
    found = compare_times(*times).p
    monkeypatch.setattr("levelfield.stats.target.EXACT_PAIRS", 120)
    exact = compare_times(*times).p
    assert found == pytest.approx(exact, rel=0.04, abs=5e-4)
    assert found != exact, "it is not told apart from the exact one"


def test_sides_that_do_not_differ_are_rarely_told_apart():
    """Times in whole epochs, so with ties; seeds that are hard for both; a third of all runs misses."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 0.2, (REPETITIONS, 10))
    a, b = np.ceil(np.exp(2 + hard + rng.normal(0, 0.2, (2, REPETITIONS, 10))))
    wrong = sum(compare_times(miss(x), miss(y)).favours is not None for x, y in zip(a, b, strict=True))
    assert 0.01 * REPETITIONS < wrong <= most(0.05)


def test_ranks_find_more_than_signs():
    """Why the sign test is not used."""
    rng = np.random.default_rng(2)
    a, b = np.exp(2 + rng.normal(0, 0.2, (2, 1000, 10))) * np.array([0.8, 1.0])[:, None, None]
    ranks = sum(compare_times(miss(x), miss(y)).favours == "a" for x, y in zip(a, b, strict=True))
    signs = sum(binomtest(int((x < y).sum()), 10).pvalue < 0.05 for x, y in zip(a, b, strict=True))
    assert ranks > 1.2 * signs


def miss(values, budget=8.0):
    return [None if value > budget else float(value) for value in values]
