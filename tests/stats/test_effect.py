"""Summaries, effects and equivalence against published examples and against scipy and statsmodels."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from levelfield.stats import describe, difference, equivalence, p_value, ratio

# Student (1908), "The probable error of a mean", Biometrika 6: hours of additional sleep of ten patients under two drugs. R ships it as
# `sleep`; its t.test(paired = TRUE) gives mean 1.58, 95% interval 0.7001142 to 2.4598858, p = 0.002833.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_difference_is_students_paired_t_interval():
    effect = difference(SLEEP_2, SLEEP_1)
    assert (effect.n, effect.excluded) == (10, 0)
    assert effect.estimate == pytest.approx(1.58)
    assert effect.sd == pytest.approx(1.229995, abs=1e-6)
    assert effect.interval.low == pytest.approx(0.7001142, abs=5e-8)
    assert effect.interval.high == pytest.approx(2.4598858, abs=5e-8)


def test_ratio_is_the_same_interval_exponentiated():
    effect = ratio(np.exp(SLEEP_2), np.exp(SLEEP_1))
    assert effect.mean == pytest.approx(1.58)
    assert effect.estimate == pytest.approx(math.exp(1.58))
    assert math.log(effect.interval.low) == pytest.approx(0.7001142, abs=5e-8)
    assert math.log(effect.interval.high) == pytest.approx(2.4598858, abs=5e-8)


@pytest.mark.parametrize(("level", "name"), [(0.95, "interval"), (0.90, "interval90")])
def test_intervals_agree_with_scipy(level, name):
    effect = difference(SLEEP_2, SLEEP_1)
    expected = scipy.stats.ttest_rel(SLEEP_2, SLEEP_1).confidence_interval(level)
    assert (getattr(effect, name).low, getattr(effect, name).high) == pytest.approx(tuple(expected))


def test_p_value_is_students():
    assert p_value(difference(SLEEP_2, SLEEP_1)) == pytest.approx(0.002833, abs=5e-7)  # R's t.test, as above
    assert p_value(difference(SLEEP_1, SLEEP_2)) == p_value(ratio(np.exp(SLEEP_2), np.exp(SLEEP_1)))
    one = scipy.stats.ttest_1samp([0.3, 1e3, 999.5, 998.0], 0.0).pvalue
    assert p_value(difference([0.3, 1e3, 999.5, 998.0], [0.0] * 4)) == pytest.approx(one)


def test_p_value_where_there_is_no_spread():
    assert p_value(ratio([3.0], [2.0])) is None
    assert p_value(ratio([], [])) is None
    assert p_value(ratio([2.0, 2.0], [2.0, 2.0])) == 1.0
    assert p_value(ratio([2.0, 2.0], [1.0, 1.0])) == 0.0


@pytest.mark.parametrize("margin", [0.5, 2.2, 2.3, 5])
def test_equivalence_agrees_with_statsmodels(margin):
    found = equivalence(difference(SLEEP_2, SLEEP_1), margin=margin)
    p = ttost_paired(np.array(SLEEP_2), np.array(SLEEP_1), -margin, margin)[0]
    assert found.p == pytest.approx(p)
    # By hand, with t(0.95, 9) = 1.833113 of any table: the 90% interval is 1.58 +- 1.833113 x 1.229995 / sqrt(10), which ends at 2.29300.
    assert found.holds == (margin > 2.293) == (p < 0.05)


def test_equivalence_of_a_ratio_has_bounds_symmetric_on_the_log_scale():
    rng = np.random.default_rng(1)
    a, b = np.exp(rng.normal(0.01, 0.02, 12)), np.exp(rng.normal(0, 0.02, 12))
    found = equivalence(ratio(a, b), margin=0.03)
    p = DescrStatsW(np.log(a / b)).ttost_mean(-math.log(1.03), math.log(1.03))[0]
    assert found.p == pytest.approx(p)
    assert equivalence(ratio(b, a), margin=0.03).p == pytest.approx(p)


def test_describe():
    summary = describe([4.0, None, 1.0, float("nan"), 2.0, 5.0])
    assert (summary.n, summary.missing) == (4, 2)
    assert (summary.mean, summary.median, summary.min, summary.max) == (3.0, 3.0, 1.0, 5.0)
    assert summary.sd == pytest.approx(math.sqrt(10 / 3))  # by hand: (1 + 4 + 1 + 4) / 3


def test_describe_leaves_out_what_n_does_not_allow():
    assert describe([]).mean is None
    assert describe([None]).missing == 1
    assert (describe([7.0]).mean, describe([7.0]).sd) == (7.0, None)


def test_pairs_with_a_missing_member_are_left_out_and_counted():
    nan = float("nan")
    whole, gaps = ratio([2.0, 4.2], [1.0, 2.0]), ratio([2.0, nan, 4.2, 3.0, nan], [1.0, 5.0, 2.0, None, nan])
    assert gaps.excluded == 3
    assert (gaps.n, gaps.mean, gaps.interval) == (whole.n, whole.mean, whole.interval)


def test_one_pair_has_an_estimate_but_no_interval():
    effect = ratio([3.0], [2.0])
    assert (effect.n, effect.estimate, effect.sd, effect.interval) == (1, pytest.approx(1.5), None, None)
    assert equivalence(effect, margin=0.03).holds is False
    assert equivalence(effect, margin=0.03).p is None


def test_no_pair_at_all():
    effect = ratio([None], [1.0])
    assert (effect.n, effect.excluded, effect.estimate, effect.interval) == (0, 1, None, None)
    assert effect.inverse() is effect


@pytest.mark.parametrize(("shift", "p"), [(0.0, 0.0), (0.02, 0.0), (0.05, 1.0)])
def test_zero_spread_decides_by_the_mean_alone(shift, p):
    effect = difference([0.1 + shift] * 7, [0.1] * 7)
    assert effect.sd == 0.0
    assert effect.interval.low == effect.interval.high == effect.estimate
    assert equivalence(effect, margin=0.03).p == p


def test_equal_values_do_not_get_a_spread_from_rounding():
    assert describe([0.1] * 3).sd == 0.0
    assert np.std([0.1] * 3, ddof=1) > 0


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_ratio_needs_positive_values(bad):
    with pytest.raises(ValueError, match="positive"):
        ratio([1.0, bad], [1.0, 1.0])
    with pytest.raises(ValueError, match="positive"):
        ratio([1.0, None], [1.0, bad])


@pytest.mark.parametrize("function", [ratio, difference])
def test_infinite_values_and_unequal_lengths_are_errors(function):
    with pytest.raises(ValueError, match="infinite"):
        function([math.inf], [1.0])
    with pytest.raises(ValueError, match="two values each, got 2 and 1"):
        function([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="shape"):
        function([[1.0]], [[2.0]])


@pytest.mark.parametrize("margin", [0, -0.03, float("nan")])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="margin"):
        equivalence(ratio([1.0], [1.0]), margin=margin)


positive = st.floats(1e-12, 1e12)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=8))
def test_exchanging_the_sides_gives_the_inverse(pairs):
    a, b = zip(*pairs, strict=True)
    forth, back = ratio(a, b), ratio(b, a).inverse()
    assert back.mean == pytest.approx(forth.mean, abs=1e-9)
    assert back.estimate == pytest.approx(forth.estimate, rel=1e-6)
    if forth.interval:
        assert forth.interval.low <= forth.estimate <= forth.interval.high
        assert math.log(back.interval.low) == pytest.approx(math.log(forth.interval.low), rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=8))
def test_p_is_below_5_percent_where_the_interval_excludes_no_effect(pairs):
    effect = ratio(*zip(*pairs, strict=True))
    assert p_value(effect) == pytest.approx(0.05, abs=1e-9) or (p_value(effect) < 0.05) == (
        not effect.interval.low <= 1 <= effect.interval.high
    )
