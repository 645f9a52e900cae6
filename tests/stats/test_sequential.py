"""Looking repeatedly: levels against published ones, error rates of the very functions that decide when a study ends."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri, stdtr
from scipy.stats import multivariate_normal

from levelfield.stats import difference, levels_at, looks, nominal_levels, ratio, verdict, verdict_at
from tests.stats.rates import most

MARGIN, SD = 0.03, 0.03


def first(values, n):
    return ratio(np.exp(values[:n]), np.ones(n))


def over_all_looks(values, maximum):
    """What is found at any look at ``values``, shape (maximum,), even where the study would have ended before: called ahead, equivalent."""
    found = [verdict_at(first(values, look), margin=MARGIN, look=look, maximum=maximum) for look in looks(maximum)]
    return any(v.favours is not None for v in found), any(v.equivalent for v in found)


def rates(mean, sd, seed, repetitions, maximum=30):
    values = np.random.default_rng(seed).normal(mean, sd, (repetitions, maximum))
    return np.sum([over_all_looks(one, maximum) for one in values], axis=0)


def t_values(repetitions, maximum, seed):
    """The t statistic of the first n of ``maximum`` standard normal values, as a function of n; shape (repetitions,)."""
    values = np.random.default_rng(seed).normal(size=(repetitions, maximum))
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values**2, axis=1)

    def t(n):
        mean = sums[:, n - 1] / n
        return mean / np.sqrt((squares[:, n - 1] - n * mean**2) / (n - 1) / n)

    return t


def ever(t, at, levels, *, two_sided):
    """How often a t test rejects at any look."""
    wrong = [2 * stdtr(n - 1, -np.abs(t(n))) < p if two_sided else stdtr(n - 1, t(n)) < p for n, p in zip(at, levels, strict=True)]
    return int(np.any(wrong, axis=0).sum())


def test_looks():
    assert looks(30) == (5, 8, 12, 20, 30)  # methodology, rule 7
    assert looks(25) == (5, 8, 12, 20, 25)
    assert looks(5) == (5,)
    assert looks(31) == (5, 8, 12, 20, 30, 31)
    assert looks(400) == (5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 400)
    with pytest.raises(ValueError, match="fewer than 5"):
        looks(4)


def test_levels_are_those_of_lan_and_demets():
    # Reboussin, DeMets, Kim and Lan (2000), Controlled Clin. Trials 21:190, program ld98: five equally spaced looks, two-sided 5%.
    levels = nominal_levels([1, 2, 3, 4, 5], 0.05, two_sided=True)
    assert -ndtri(np.array(levels) / 2) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=6e-4)


def test_one_sided_levels():
    # README of SeqBounds.jl: four equally spaced looks, one-sided 5%. Its grid is coarse.
    levels = nominal_levels([1, 2, 3, 4], 0.05, two_sided=False)
    assert -ndtri(levels) == pytest.approx([3.74955, 2.53993, 2.01604, 1.72014], abs=1e-4)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_levels_spend_alpha_by_the_multivariate_normal_distribution(alpha, two_sided):
    """An independent way to the same: the probability of staying between the bounds at looks after 5, 8, 12 and 13 pairs."""
    at = np.array([5, 8, 12, 13])
    sides = 2 if two_sided else 1
    bounds = -ndtri(np.array(nominal_levels(at.tolist(), alpha, two_sided=two_sided)) / sides)
    correlation = np.sqrt(np.minimum.outer(at, at) / np.maximum.outer(at, at))
    low = -bounds if two_sided else np.full(4, -np.inf)
    inside = multivariate_normal(np.zeros(4), correlation, maxpts=2_000_000, abseps=1e-7, releps=1e-7, seed=1)
    assert 1 - inside.cdf(bounds, lower_limit=low) == pytest.approx(alpha, rel=2e-3)


def test_a_single_look_is_the_plain_test():
    assert nominal_levels([7], 0.05, two_sided=True) == pytest.approx((0.05,))
    effect = first(np.random.default_rng(3).normal(0.05, SD, 5), 5)
    assert verdict_at(effect, margin=MARGIN, look=5, maximum=5) == verdict(effect, margin=MARGIN)


@pytest.mark.parametrize("two_sided", [True, False])
def test_levels_rise_with_alpha(two_sided):
    """`verdicts_at` relies on it: what is rejected in a large family would be in a smaller one as well."""
    levels = np.array([nominal_levels(looks(50), alpha, two_sided=two_sided) for alpha in 0.05 / np.arange(1, 40)])
    assert (np.diff(levels, axis=0) < 0).all()


def test_levels_of_a_hundred_thousand_pairs_are_numbers():
    levels = nominal_levels(looks(100_000), 0.05, two_sided=True)
    assert levels[0] == 0.0  # less than any float
    assert all(a <= b for a, b in pairwise(levels))
    assert 0.04 < levels[-1] < 0.05


def test_what_is_no_sequence_of_looks_or_no_level():
    for at in ([], [5, 5], [0, 5]):
        with pytest.raises(ValueError, match="rising"):
            nominal_levels(at, 0.05, two_sided=True)
    with pytest.raises(ValueError, match="alpha"):
        nominal_levels([5, 8], 0.0, two_sided=True)


def test_why_a_plain_t_test_after_every_pair_will_not_do():
    """Methodology, rule 7: wrong 23% of the time from 5 pairs to 30, and 16% at our five looks."""
    t = t_values(20_000, 30, seed=1)
    assert ever(t, range(5, 31), [0.05] * 26, two_sided=True) / 20_000 == pytest.approx(0.23, abs=0.01)
    assert ever(t, looks(30), [0.05] * 5, two_sided=True) / 20_000 == pytest.approx(0.16, abs=0.01)


@pytest.mark.parametrize("maximum", [6, 8, 10, 20, 30, 50])
def test_t_tests_err_no_more_than_they_may_over_all_looks(maximum):
    t, at = t_values(100_000, maximum, seed=maximum), looks(maximum)
    found = [levels_at(look, maximum) for look in at]
    assert ever(t, at, [level.difference for level in found], two_sided=True) <= 5000  # not even by chance
    assert ever(t, at, [level.equivalence for level in found], two_sided=False) <= 5000


def test_why_not_all_of_the_error_is_spent():
    """The levels for a known spread are too generous for t tests of ten pairs."""
    t = t_values(100_000, 10, seed=10)
    assert ever(t, looks(10), nominal_levels(looks(10), 0.05, two_sided=True), two_sided=True) > most(0.05, 100_000)


def test_a_side_against_itself_is_rarely_called_faster_at_any_look():
    """Methodology, rule 8."""
    assert rates(0.0, SD, seed=11, repetitions=1000)[0] <= most(0.05, 1000, 0.05) == 62


@pytest.mark.parametrize(("sign", "sd"), [(1, 0.02), (-1, 0.04)])
def test_sides_that_differ_by_the_margin_are_rarely_called_equivalent_at_any_look(sign, sd):
    assert rates(sign * math.log1p(MARGIN), sd, seed=12, repetitions=1000)[1] <= most(0.05, 1000, 0.05)


def test_a_true_difference_is_found_hardly_less_often_than_without_looks():
    """2% at a spread of 3% over 30 pairs: 94% without looks (noncentral t), at least 91% with five."""
    assert rates(0.02, SD, seed=13, repetitions=500)[0] >= 0.91 * 500


def test_early_looks_ask_for_much_more_than_late_ones():
    values = np.tile([0.04, 0.08], 15)
    early, late = (verdict_at(first(values, look), margin=MARGIN, look=look, maximum=30) for look in (5, 12))
    assert verdict(first(values, 5), margin=MARGIN).favours == "a"
    assert (early.favours, late.favours) == (None, "a")


def test_excluded_pairs_are_not_looked_at_later():
    effect = difference([0.9, None, 0.9, 0.91, 0.9, 0.9, 0.91, 0.9], [0.5] * 8)
    assert verdict_at(effect, margin=0.005, look=8, maximum=30).n == 7
    four = difference([0.9, None, 0.9, 0.91, 0.9], [0.5] * 5)
    assert not verdict_at(four, margin=0.005, look=5, maximum=30).decided


def test_a_look_that_was_not_planned_is_refused():
    effect = first(np.zeros(10), 10)
    with pytest.raises(ValueError, match="after 5, 8, 12, 20, 25 pairs, not after 10"):
        verdict_at(effect, margin=MARGIN, look=10, maximum=25)
    with pytest.raises(ValueError, match="after 8 pairs cannot judge 10"):
        verdict_at(effect, margin=MARGIN, look=8, maximum=25)


@given(st.floats(-0.1, 0.1), st.floats(0.0001, 0.1), st.sampled_from([(5, 8), (8, 8), (12, 30), (30, 30)]))
def test_a_look_finds_nothing_that_the_plain_verdict_does_not(mean, sd, look_and_maximum):
    look, maximum = look_and_maximum
    effect = first(np.random.default_rng(5).normal(mean, sd, look), look)
    strict, plain = verdict_at(effect, margin=MARGIN, look=look, maximum=maximum), verdict(effect, margin=MARGIN)
    assert strict.favours in (plain.favours, None)
    assert plain.equivalent or not strict.equivalent
    if not strict.decided:
        assert strict.more >= (plain.more or 1)
