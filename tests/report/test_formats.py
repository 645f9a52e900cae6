"""Numbers as readers see them."""

import pytest

from levelfield.report import formats
from levelfield.report.quantities import ACCURACY, PROCESS_MEMORY, THROUGHPUT
from levelfield.stats import describe, difference, ratio


@pytest.mark.parametrize(
    ("value", "text"),
    [(3512.4, "3,512"), (351.24, "351"), (35.124, "35.1"), (0.045671, "0.0457"), (0, "0"), (-2.5, "-2.50"), (1e-30, "0.000000000")],
)
def test_number(value, text):
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.234, "23%"), (0.0994, "9.9%"), (0.0996, "10%"), (0.0123, "1.2%"), (0.00123, "0.12%"), (-0.5, "-50%"), (0, "0.00%")],
)
def test_percent(share, text):
    assert formats.percent(share) == text


def test_no_negative_zero():
    assert formats.fixed(-0.0001, 1) == "0.0"
    assert formats.fixed(-0.0001, 1, sign=True) == "0.0"
    assert formats.fixed(0.12, 1, sign=True) == "+0.1"


@pytest.mark.parametrize(("width", "decimals"), [(25, 0), (9, 1), (0.09, 3), (0.1, 2), (0, 2), (1e-9, 4)])
def test_the_width_of_an_interval_decides_its_decimals(width, decimals):
    assert formats.decimals_for(width) == decimals


@pytest.mark.parametrize(("share", "text"), [(0.03, "3%"), (0.025, "2.5%"), (0.005, "0.5%")])
def test_margin(share, text):
    assert formats.margin(share) == text


def test_a_summary_shows_median_range_and_missing_runs():
    summary = describe([3512.0, 3400.0, 3600.0, None])
    assert (formats.centre(THROUGHPUT, summary), formats.spread(THROUGHPUT, summary)) == ("3,512", "(3,400 to 3,600; 3 of 4 runs)")
    assert (formats.centre(THROUGHPUT, describe([None])), formats.spread(THROUGHPUT, describe([None]))) == ("missing", "")


def test_units():
    assert formats.heading(PROCESS_MEMORY) == "peak memory (RSS), MiB"
    assert formats.value(PROCESS_MEMORY, 512 * 2**20) == "512"
    assert formats.heading(THROUGHPUT) == "throughput, examples/s"
    assert (formats.heading(ACCURACY), formats.value(ACCURACY, 0.97222)) == ("test accuracy", "97.22%")


def test_effects():
    effect = ratio([1.2, 1.3, 1.25, None], [1, 1, 1, 1])
    assert (formats.estimate(effect), formats.interval(effect)) == ("1.25", "[1.13, 1.38] 3 of 4 pairs")
    points = difference([0.971, 0.972, 0.974], [0.970, 0.970, 0.970])
    assert (formats.estimate(points), formats.interval(points)) == ("+0.23 points", "[-0.15, +0.61]")
    assert formats.estimate(ratio([], [])) == "missing"
    assert formats.interval(ratio([2.0], [1.0])) == ""
