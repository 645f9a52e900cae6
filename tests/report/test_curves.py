"""Two learning curves against each other."""

import math

import pytest

from levelfield.report.curves import compare_curves
from levelfield.report.replayed import curve_text


def test_curves_that_differ_say_where_and_by_how_much():
    curve = compare_curves(("step", [1.0, 2.0, 4.0, 8.0]), ("step", [1.0, 2.0, 5.0, 8.0000001]))
    assert (curve.first, curve.largest, curve.largest_at, curve.is_identical) == (3, pytest.approx(0.2), 3, False)
    text = curve_text(curve, ())
    assert "first at step 3 of 4; the largest relative difference is 2.0e-01, at step 3" in text
    assert "They should be equal" in text
    assert "That need not surprise: another processor and another framework." in curve_text(
        curve, ("another processor", "another framework")
    )


def test_curves_are_compared_bit_for_bit():
    one = math.nextafter(0.1, 1)
    same = compare_curves(("step", [0.1, 0.2]), ("step", [0.1, 0.2]))
    assert same.is_identical
    assert curve_text(same, ()) == "the losses of all 2 steps are bit for bit those of the old run."
    curve = compare_curves(("step", [0.1]), ("step", [one]))
    assert (curve.first, curve.is_identical) == (1, False)
    assert 0 < curve.largest < 1e-15


def test_curves_of_unequal_length_or_that_diverge():
    shorter = compare_curves(("step", [1.0, 2.0]), ("step", [1.0]))
    assert (shorter.first, shorter.is_identical) == (None, False)
    assert "the old run has 2 steps and the new 1" in curve_text(shorter, ())
    assert compare_curves(("step", [1.0, math.nan]), ("step", [1.0, math.nan])).is_identical
    broken = compare_curves(("step", [1.0, 2.0]), ("step", [1.0, math.inf]))
    assert (broken.first, broken.largest) == (2, None)
    assert compare_curves(("step", [1.0]), ("epoch", [1.0])) is None
    assert compare_curves(("step", []), ("step", [])) is None
