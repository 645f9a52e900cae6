"""The geometric mean over workloads: Welch's interval in another guise."""

import math

import numpy as np
import pytest

from levelfield.stats import difference, geometric_mean, ratio
from tests.stats.rates import REPETITIONS, least, most
from tests.stats.test_effect import SLEEP_1, SLEEP_2


def logs(values):
    return ratio(np.exp(values), np.ones(len(values)))


def test_two_workloads_are_welchs_test():
    """R's t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, interval -3.3654832 to 0.2054832; here it is halved."""
    found = geometric_mean([logs(SLEEP_1), logs(SLEEP_2).inverse()])
    assert found.degrees == pytest.approx(17.776, abs=5e-4)
    assert found.mean / found.error == pytest.approx(-1.8608, abs=5e-5)
    assert found.estimate == pytest.approx(math.exp((0.75 - 2.33) / 2))
    assert 2 * math.log(found.interval.low) == pytest.approx(-3.3654832, abs=5e-8)
    assert 2 * math.log(found.interval.high) == pytest.approx(0.2054832, abs=5e-8)


def test_one_workload_is_its_own_ratio():
    effect = logs(SLEEP_2)
    found = geometric_mean([effect])
    assert (found.workloads, found.degrees) == (1, pytest.approx(9))
    assert (found.estimate, found.interval.low) == (pytest.approx(effect.estimate), pytest.approx(effect.interval.low))


def test_it_does_not_matter_which_side_the_ratios_are_taken_to():
    effects = [logs(SLEEP_1), logs(SLEEP_2), logs([0.1, 0.2, 0.4])]
    forth, back = geometric_mean(effects), geometric_mean([effect.inverse() for effect in effects])
    assert forth.estimate == pytest.approx(1 / back.estimate)
    assert forth.interval.low == pytest.approx(1 / back.interval.high)


def test_no_spread_at_all():
    found = geometric_mean([logs([0.1] * 5), logs([0.3] * 5)])
    assert found.degrees is None
    assert found.interval.low == found.interval.high == found.estimate == pytest.approx(math.exp(0.2))


def test_what_is_missing_is_missing():
    whole, single, none = logs(SLEEP_1), ratio([2.0], [1.0]), ratio([None], [1.0])
    without = geometric_mean([whole, none])
    assert (without.workloads, without.missing, without.estimate, without.interval) == (2, 1, None, None)
    alone = geometric_mean([whole, single])
    assert (alone.missing, alone.interval, alone.error) == (0, None, None)
    assert alone.estimate == pytest.approx(math.exp((0.75 + math.log(2)) / 2))


def test_what_is_refused():
    with pytest.raises(ValueError, match="ratios"):
        geometric_mean([])
    with pytest.raises(ValueError, match="ratios"):
        geometric_mean([difference([0.9], [0.8])])


def test_coverage_over_unlike_workloads():
    rng = np.random.default_rng(1)
    shapes = [(0.2, 0.03, 5), (-0.1, 0.01, 8), (0.05, 0.06, 20)]
    samples = [rng.normal(mean, sd, (REPETITIONS, n)) for mean, sd, n in shapes]
    found = [geometric_mean([logs(one) for one in workloads]).interval for workloads in zip(*samples, strict=True)]
    missed = sum(not interval.low <= math.exp(0.05) <= interval.high for interval in found)
    assert least(0.05) <= missed <= most(0.05)
