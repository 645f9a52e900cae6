"""How far apart two tensors are, and how far they may be."""

import numpy as np
import pytest

from levelfield.parity.comparison import compare
from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record
from levelfield.parity.tensors import KINDS, distance, worst_relative
from levelfield.parity.tolerance import FP64, OWN_FACTOR, SHARP, ULP, Limits

FLOOR = OWN_FACTOR * 2.0**-23
OFF, ON, DRAWN, TIMED = Part


def test_a_distance_is_a_share_of_the_largest_value():
    assert distance(np.array([1.0, -4.0]), np.array([1.5, -4.0])) == (0.5, 0.125)
    assert distance(np.array(2.0), np.array(1.0)) == (1.0, 0.5)
    assert distance(np.float32([1e30]), np.float32([-1e30]))[1] == pytest.approx(2.0)
    assert distance(np.float32([1.0]), np.float64([1.0 + 1e-9]))[1] == pytest.approx(1e-9)
    assert distance(np.zeros((0, 3)), np.zeros((0, 3))) == (0.0, 0.0)


def test_zeros_agree_with_zeros_alone():
    zeros = np.zeros(3)
    assert distance(zeros, zeros) == (0.0, 0.0)
    assert distance(zeros, np.full(3, 1e-300)) == (1e-300, np.inf)
    assert distance(np.ones(3), zeros) == (1.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_agrees_with_nothing(bad):
    good, broken = np.array([1.0, 2.0]), np.array([1.0, bad])
    with np.errstate(invalid="ignore"):
        for a, b in ((good, broken), (broken, good), (broken, broken)):
            assert distance(a, b) == (np.inf, np.inf)


def test_other_shapes_agree_with_nothing():
    """Though NumPy could subtract one from the other."""
    assert distance(np.ones((2, 1)), np.ones((1, 2))) == (np.inf, np.inf)
    assert distance(np.ones(3), np.array(1.0)) == (np.inf, np.inf)


def test_double_precision_has_one_limit():
    limits = Limits("fp64", {(OFF, 0): {"output": 1.0}})
    assert {limits.at(part, step, kind) for part in Part for step in range(3) for kind in KINDS} == {FP64} == {1e-12}
    assert limits.sharp_steps(list(Part), 3) == 3


def test_single_precision_is_judged_by_the_frameworks_own_divergence_up_to_a_step():
    own = {(OFF, step): {"output": value} for step, value in enumerate((1e-9, 3e-6, 1e-6, 2e-2))}
    limits = Limits("fp32", own | {(ON, 1): {"output": 5e-6}})
    assert ULP == 2.0**-23
    assert [limits.at(OFF, step, "output") for step in range(4)] == pytest.approx([FLOOR, 3e-5, 3e-5, 0.2])
    assert [limits.at(ON, step, "output") for step in range(2)] == pytest.approx([FLOOR, 5e-5])
    assert limits.at(TIMED, 1, "output") == limits.at(OFF, 1, "output"), "which has no draws of its own"
    assert limits.at(OFF, 3, "loss") == FLOOR
    tolerances = limits.tolerances([OFF, ON], 3)
    assert tolerances["output"].value == pytest.approx(5e-5)
    assert "10 times" in tolerances["output"].reason
    assert "5.0e-06" in tolerances["output"].reason


def test_steps_are_sharp_until_outputs_or_parameters_have_diverged():
    own = {(OFF, 0): {"gradient": 1e-3}, (ON, 2): {"parameter": 1.1 * SHARP / OWN_FACTOR}, (OFF, 4): {"output": 1.0}}
    limits = Limits("fp32", own)
    assert limits.sharp_steps([OFF, ON], 6) == 2
    assert limits.sharp_steps([OFF], 6) == 4
    assert limits.sharp_steps([OFF], 3) == 3


def test_the_first_step_allows_nobody_to_be_far_from_itself():
    assert Limits("fp32", {(OFF, 0): {"output": 0.5}}).at(OFF, 0, "output") == SHARP


def test_draws_count_by_their_worst_tensor_but_not_where_it_is_infinite():
    centre = {"output/a": np.array([1.0, 2.0]), "output/b": np.array([1.0]), "gradient/a": np.zeros(1)}
    near = {"output/a": np.array([1.0, 2.5]), "output/b": np.array([1.0]), "gradient/a": np.ones(1)}
    assert worst_relative(centre, [centre, near]) == {"output": 0.25, "gradient": 0.0}
    assert worst_relative(centre, []) == {}


def test_the_less_precise_side_does_not_widen_the_limit_of_the_first_step():
    def side(*own):
        return [Record(part=OFF, step=step, tensors={}, own={"output": value}) for step, value in enumerate(own)]

    assert compare(side(1e-4, 1e-4), side(1e-7, 1e-7)).own == {(OFF, 0): {"output": 1e-7}, (OFF, 1): {"output": 1e-4}}
