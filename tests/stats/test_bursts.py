"""The ratio within a pair, by hand and under drift."""

import math

import numpy as np
import pytest

from levelfield.stats import speed_ratio, within_pair


def test_the_median_of_the_log_ratios_of_common_rounds():
    a = {0: 2.0, 1: 4.0, 2: 16.0, 3: 5.0}
    b = {0: 1.0, 1: 1.0, 2: 2.0, 7: 1.0}
    assert within_pair(a, b) == pytest.approx(math.log(4))


def test_without_a_common_round_there_is_nothing():
    assert within_pair({0: 1.0}, {1: 1.0}) is None
    assert within_pair({}, {}) is None


def test_a_speed_is_positive():
    with pytest.raises(ValueError, match="positive"):
        within_pair({0: 0.0}, {0: 1.0})


def test_drift_that_hits_both_cancels_and_spikes_do_not_count():
    rng = np.random.default_rng(1)
    drift = np.exp(np.cumsum(rng.normal(0, 0.2, 21)))
    a = {n: 3.0 * drift[n] for n in range(21)}
    b = {n: 2.0 * drift[n] for n in range(21)}
    for n in range(5):
        a[n] /= 10
    assert within_pair(a, b) == pytest.approx(math.log(1.5))


def test_the_effect_over_pairs():
    logs = [0.01, 0.03, None, 0.02]
    found = speed_ratio(logs)
    assert (found.n, found.excluded) == (3, 1)
    assert found.estimate == pytest.approx(math.exp(0.02))
    # t(0.975, 2) = 4.302653, sd = 0.01
    assert found.interval.high == pytest.approx(math.exp(0.02 + 4.302653 * 0.01 / math.sqrt(3)))
