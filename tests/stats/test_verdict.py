"""What may be said, and how many pairs are missing."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from levelfield.stats import MORE_LIMIT, Outcome, difference, pairs_needed, ratio, verdict

MARGIN = 0.03


def logs(n, mean, sd):
    """n log ratios with exactly this mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    values = (values - values.mean()) / values.std(ddof=1)
    return mean + sd * values


def speed(n, mean, sd):
    return verdict(ratio(np.exp(logs(n, mean, sd)), np.ones(n)), margin=MARGIN)


def test_faster():
    found = speed(12, 0.2, 0.03)
    assert (found.outcome, found.favours, found.equivalent, found.more, found.preliminary) == (Outcome.FASTER, "a", False, None, False)
    assert speed(12, -0.2, 0.03).favours == "b"


def test_equivalent():
    found = speed(12, 0.001, 0.01)
    assert (found.outcome, found.favours, found.equivalent) == (Outcome.EQUIVALENT, None, True)


def test_equivalent_though_one_side_is_ahead():
    found = speed(12, 0.01, 0.01)
    assert (found.outcome, found.favours, found.equivalent, found.decided) == (Outcome.EQUIVALENT, "a", True, True)


def test_accuracy_uses_its_own_words():
    found = verdict(difference(0.95 + logs(12, 0.02, 0.004), np.full(12, 0.95)), margin=0.005)
    assert (found.outcome, found.favours) == (Outcome.HIGHER, "a")


def test_adjusted_p_values_must_be_small_as_well():
    effect = ratio(np.exp(logs(12, 0.01, 0.01)), np.ones(12))

    def found(**adjusted):
        judged = verdict(effect, margin=MARGIN, **adjusted)
        return judged.favours, judged.equivalent

    assert found() == found(adjusted_p=0.049, adjusted_equivalence_p=0.049) == ("a", True)
    assert found(adjusted_p=0.05) == (None, True)
    assert found(adjusted_equivalence_p=0.05) == ("a", False)
    neither = verdict(effect, margin=MARGIN, adjusted_p=0.06, adjusted_equivalence_p=0.06)
    assert (neither.outcome, neither.more) == (Outcome.NOT_ENOUGH_RUNS, 1)


def test_adjusted_p_values_cannot_make_a_verdict():
    found = verdict(ratio(np.exp(logs(8, 0.01, 0.03)), np.ones(8)), margin=MARGIN, adjusted_p=0.0, adjusted_equivalence_p=0.0)
    assert not found.decided


def test_below_five_pairs_there_is_no_verdict_however_clear():
    found = speed(4, 1.0, 1e-6)
    assert (found.outcome, found.favours, found.equivalent, found.more) == (Outcome.NOT_ENOUGH_RUNS, None, False, 1)
    assert speed(5, 1.0, 1e-6).outcome is Outcome.FASTER


@pytest.mark.parametrize(("n", "preliminary"), [(5, True), (9, True), (10, False)])
def test_below_ten_pairs_a_verdict_is_preliminary(n, preliminary):
    assert speed(n, 1.0, 0.01).preliminary is preliminary


def test_one_pair_and_none():
    assert verdict(ratio([1.2], [1.0]), margin=MARGIN).more == 4
    assert verdict(ratio([], []), margin=MARGIN).more == 5


def test_zero_spread():
    same = verdict(difference([0.9] * 5, [0.9] * 5), margin=0.005)
    assert (same.outcome, same.favours) == (Outcome.EQUIVALENT, None)
    assert verdict(difference([0.92] * 5, [0.9] * 5), margin=0.005).outcome is Outcome.HIGHER


def test_pairs_needed_by_hand():
    # With a t table: half of log 1.03 is 0.01478. n = 18: 2.110 x 0.03 / sqrt(18) = 0.01492 is too wide,
    # n = 19: 2.101 x 0.03 / sqrt(19) = 0.01446 is not.
    assert pairs_needed(0.03, math.log1p(0.03)) == 19
    # n = 6: 2.571 x 0.01 / sqrt(6) = 0.0105; n = 7: 2.447 x 0.01 / sqrt(7) = 0.00925, both against 0.01.
    assert pairs_needed(0.01, 0.02) == 7
    assert pairs_needed(0.0, 0.02) == 5
    assert pairs_needed(1.0, 0.02) is None


def test_more_counts_from_the_pairs_there_are():
    found = speed(8, 0.01, 0.03)
    assert (found.outcome, found.more, found.more_than) == (Outcome.NOT_ENOUGH_RUNS, 11, False)


def test_more_does_not_depend_on_the_observed_effect():
    assert {speed(8, mean, 0.03).more for mean in (-0.024, -0.012, 0.01, 0.02)} == {11}


def test_more_is_cut_off():
    found = speed(8, 0.0, 0.5)
    assert (found.more, found.more_than) == (MORE_LIMIT, True)


def test_pairs_needed_is_the_smallest():
    for sd in np.geomspace(0.005, 0.2, 40):
        n = pairs_needed(sd, 0.03)
        half = [scipy.stats.t.ppf(0.975, k - 1) * sd / math.sqrt(k) for k in (n - 1, n)]
        assert half[1] <= 0.015
        assert n == 5 or half[0] > 0.015


@given(st.floats(-0.2, 0.2), st.floats(0.0001, 0.2))
def test_with_so_many_pairs_every_effect_is_decided(mean, sd):
    """The claim of `pairs_needed`, for any effect: checked at the very n that it gives."""
    n = pairs_needed(sd, math.log1p(MARGIN))
    if n is not None:
        assert speed(n, mean, sd).decided


@given(st.integers(1, 40), st.floats(-0.1, 0.1), st.floats(0, 0.1))
def test_an_open_verdict_always_asks_for_at_least_one_more(n, mean, sd):
    found = speed(n, mean, sd) if n > 1 else verdict(ratio([1.1], [1.0]), margin=MARGIN)
    assert (found.more is None) == found.decided
    if not found.decided:
        assert 1 <= found.more <= MORE_LIMIT
        assert n + found.more >= 5
