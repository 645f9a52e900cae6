"""The rules that dropout keeps to where a worker draws for itself."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.parity.dropout import kept_rules, obeys
from levelfield.worker import Trace
from levelfield.workloads.layers import Dropout
from tests.parity.small import IMAGES

RATE, RELATIVE = 0.25, 1e-6
PLAIN, SEQUENCE = Dropout(name="d", rate=RATE), Dropout(name="d", rate=RATE, per_sequence=True)


def drawn(shape, mask_shape, *, seed=0):
    rng = np.random.Generator(np.random.PCG64(seed))
    source = np.maximum(rng.standard_normal(shape), 0).astype(np.float32)
    kept = rng.random(mask_shape) >= RATE
    return source, np.where(kept, source / np.float32(1 - RATE), np.float32(0))


def test_honest_draws_obey():
    for seed in range(200):
        assert obeys(PLAIN, *drawn((4, 16), (4, 16), seed=seed), RELATIVE)
        assert obeys(SEQUENCE, *drawn((4, 5, 16), (4, 1, 16), seed=seed), RELATIVE)
        assert obeys(PLAIN, *drawn((1, 1), (1, 1), seed=seed), RELATIVE)


def test_a_mask_must_hold_for_the_whole_sequence():
    found = drawn((4, 5, 16), (4, 5, 16))
    assert obeys(PLAIN, *found, RELATIVE)
    assert not obeys(SEQUENCE, *found, RELATIVE)


def test_time_steps_do_not_make_a_share_likely():
    """A mask for each of 4 examples, for all their features at once, is four draws; but it counts as 400, and nobody draws so."""
    source = np.ones((4, 50, 100), np.float32)
    output = np.zeros_like(source)
    output[:1] = 1 / (1 - RATE)
    assert not obeys(SEQUENCE, source, output, RELATIVE)


@pytest.mark.parametrize(
    "change", [lambda y: y * (1 + 1e-4), lambda y: y * (1 - RATE), lambda y: y * np.nan, lambda y: y[:, :-1], lambda y: y * 0]
)
def test_other_values_do_not_obey(change):
    source, output = drawn((8, 64), (8, 64))
    with np.errstate(invalid="ignore"):
        assert not obeys(PLAIN, source, change(output), RELATIVE)


def test_what_was_zero_before_says_nothing_about_the_share():
    source = np.zeros((8, 64), np.float32)
    assert obeys(PLAIN, source, source, RELATIVE)


def test_each_precision_has_its_scale():
    source, output = drawn((8, 64), (8, 64))
    trace = Trace(loss=0.0, outputs={"dense1": source, "dropout1": output * np.float32(1 + 2**-8)}, gradients={}, parameters={})
    workload = replace(IMAGES, layers=(IMAGES.layers[3], replace(PLAIN, name="dropout1")))
    expected = {"bf16": 0.0, "fp32": np.inf, "fp64": np.inf}
    assert {precision: float(kept_rules(workload, trace, precision)["output/dropout1"]) for precision in expected} == expected


def test_dropout_as_the_first_layer_has_nothing_to_be_checked_against():
    workload = replace(IMAGES, layers=IMAGES.layers[4:])
    assert kept_rules(workload, Trace(loss=0.0, outputs={}, gradients={}, parameters={}), "fp32") == {}
