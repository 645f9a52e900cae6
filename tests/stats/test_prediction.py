"""Prediction intervals against published examples, against statsmodels, and by simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from levelfield.stats import Interval, centre, predict
from tests.stats.rates import REPETITIONS, least, most

# Montgomery and Runger (2003), Applied Statistics and Probability for Engineers, 3rd ed., examples 8-4 and 8-8: load at failure (MPa) of 22
# specimens of an alloy, mean 13.71, s 3.55; the 95% prediction interval for the twenty-third is 6.16 to 21.26.
LOADS = [19.8, 10.1, 14.9, 7.5, 15.4, 15.4, 15.4, 18.5, 7.9, 12.7, 11.9, 11.4, 11.4, 14.1, 17.6, 16.7, 15.8, 19.5, 8.8, 13.6, 11.9, 11.4]


def test_the_interval_for_one_more_is_that_of_the_textbook():
    found = predict(LOADS, scale="difference")
    assert (found.n, found.further) == (22, 1)
    assert (found.interval.low, found.interval.high) == pytest.approx((6.16, 21.26), abs=0.01)


def test_the_interval_for_the_mean_of_several_is_that_of_the_textbook():
    """Berthouex and Brown (2002), Statistics for Environmental Engineers, 2nd ed., example 21.2: n = 5, mean 28.4, s = 1.18, m = 5."""
    spread = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    found = predict(28.4 + 1.18 * spread / spread.std(ddof=1), scale="difference", further=5)
    assert (found.interval.low, found.interval.high) == pytest.approx((26.3, 30.5), abs=0.05)


@pytest.mark.parametrize("level", [0.90, 0.95])
def test_it_is_that_of_a_regression_on_nothing_but_a_constant(level):
    """As R's predict(lm(x ~ 1), interval = "prediction"), here by statsmodels."""
    fitted = sm.OLS(LOADS, np.ones(len(LOADS))).fit().get_prediction([1.0]).conf_int(obs=True, alpha=1 - level)[0]
    found = predict(LOADS, scale="difference", level=level)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(fitted))


def test_a_ratio_is_predicted_on_logarithms():
    plain, logs = predict(LOADS, scale="difference", further=3), predict(np.exp(LOADS), scale="ratio", further=3)
    assert (math.log(logs.interval.low), math.log(logs.interval.high)) == pytest.approx((plain.interval.low, plain.interval.high))


def test_the_mean_of_many_more_has_the_confidence_interval_of_the_mean():
    found = predict(LOADS, scale="difference", further=10**9).interval
    expected = sm.stats.DescrStatsW(LOADS).tconfint_mean()
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "further"), [(2, 1), (5, 1), (5, 4), (30, 1)])
@pytest.mark.parametrize("scale", ["ratio", "difference"])
def test_coverage(n, further, scale):
    """Of 5,000 studies of n runs each, 95% foretell the mean of their further runs, no fewer and no more."""
    rng = np.random.default_rng(100 * n + further)
    values = rng.normal(7.0, 0.05, (REPETITIONS, n + further))
    values = np.exp(values) if scale == "ratio" else values
    missed = sum(not predict(row[:n], scale=scale, further=further).holds(centre(row[n:], scale=scale)) for row in values)
    assert least(0.05) <= missed <= most(0.05)


def test_fewer_than_two_values_foretell_nothing():
    for values in ([], [3.0], [3.0, None, math.nan]):
        found = predict(values, scale="ratio")
        assert found.interval is None
        assert found.holds(3.0) is None
    assert predict([3.0, None, 5.0], scale="ratio").n == 2


@pytest.mark.parametrize("scale", ["ratio", "difference"])
def test_equal_values_leave_no_room(scale):
    found = predict([0.1] * 7, scale=scale)
    assert found.interval == Interval(0.1, 0.1)
    assert found.holds(centre([0.1] * 3, scale=scale)) is True
    assert found.holds(math.nextafter(0.1, 1)) is False


def test_the_ends_belong_to_the_interval():
    found = predict([1.0, 2.0], scale="difference")
    assert found.holds(found.interval.low)
    assert found.holds(found.interval.high)
    assert not found.holds(found.interval.high + 1e-9)


def test_the_centre_is_the_mean_on_the_scale():
    assert centre([1.0, 4.0], scale="ratio") == pytest.approx(2.0)
    assert centre([1.0, 4.0], scale="difference") == 2.5
    assert centre([0.1], scale="ratio") == 0.1


@pytest.mark.parametrize("values", [[], [1.0, None], [1.0, math.inf]])
def test_a_centre_needs_all_values(values):
    with pytest.raises(ValueError, match=r"needs values|infinite"):
        centre(values, scale="difference")


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_ratio_needs_positive_values(bad):
    for function in (predict, centre):
        with pytest.raises(ValueError, match="positive"):
            function([1.0, bad], scale="ratio")
    assert predict([1.0, bad], scale="difference").interval


def test_there_must_be_something_further():
    with pytest.raises(ValueError, match="0 further"):
        predict([1.0, 2.0], scale="ratio", further=0)
