"""Which seed a certificate comes from, and what it says of the others."""

from dataclasses import replace

import pytest

from levelfield.parity.attempts import first_passed
from levelfield.parity.experiment import Part
from tests.certificates import certificate, row

LATER, FIRST_GRADIENT, FIRST_OUTPUT, FIRST_LOSS = "later", "first gradient", "first output", "first loss"
TENSORS = {LATER: "output/conv1", FIRST_GRADIENT: "gradient/conv1/kernel", FIRST_OUTPUT: "output/conv1", FIRST_LOSS: "loss/loss"}


def made(*outcomes, precision="fp32"):
    """``outcomes``, one a seed: how many steps it is sharp for where it passes, or where it fails; and the seeds that were asked for."""
    asked = []

    def make(seed):
        asked.append(seed)
        if isinstance(outcomes[seed], int):
            return certificate(seed=seed, precision=precision, sharp_steps=outcomes[seed])
        failed = row(TENSORS[outcomes[seed]], 1.0, fails=True, part=Part.TIMED if outcomes[seed] is FIRST_LOSS else Part.OFF)
        failed = failed if outcomes[seed] is LATER else replace(failed, failed_at=0)
        return certificate(seed=seed, precision=precision, first_divergence=failed)

    found = first_passed(make, range(len(outcomes)))
    return found.seed, found.passed, asked, [line.partition(":")[0] for line in found.earlier]


@pytest.mark.parametrize("failure", [LATER, FIRST_GRADIENT])
def test_a_second_seed_may_pass_and_the_first_is_told(failure):
    assert made(failure, 20, 20) == (1, True, [0, 1], ["seed 0"])


def test_a_first_seed_that_passes_sharply_decides():
    assert made(10, 20) == (0, True, [0], [])


def test_one_that_passes_but_tells_little_is_tried_again():
    assert made(9, LATER, 12) == (2, True, [0, 1, 2], ["seed 0", "seed 1"])


def test_the_sharpest_is_taken_where_none_is_sharp():
    assert made(3, 7, 5) == (1, True, [0, 1, 2], ["seed 0", "seed 2"])
    assert made(LATER, 2, LATER) == (1, True, [0, 1, 2], ["seed 0", "seed 2"])


def test_where_no_seed_passes_the_first_failure_is_shown():
    assert made(LATER, FIRST_GRADIENT, LATER) == (0, False, [0, 1, 2], ["seed 1", "seed 2"])


@pytest.mark.parametrize("failure", [FIRST_OUTPUT, FIRST_LOSS])
def test_a_first_forward_pass_decides_since_nothing_has_flipped_yet(failure):
    assert made(failure, 20) == (0, False, [0], [])
    assert made(3, failure, 20) == (1, False, [0, 1], ["seed 0"])


@pytest.mark.parametrize("precision", ["fp64", "bf16"])
def test_other_precisions_are_not_tried_again(precision):
    assert made(LATER, 20, precision=precision) == (0, False, [0], [])


def test_a_step_in_fp64_decides_whatever_fp32_can_tell():
    shown = replace(row("gradient/conv1/kernel", 0.0), exact=True)
    blunt = certificate(seed=0, sharp_steps=2)
    blunt = replace(blunt, rows=(shown, *blunt.rows))
    assert first_passed(lambda seed: replace(blunt, seed=seed), [0, 1]) == blunt
    assert first_passed(lambda seed: replace(blunt, seed=seed, sharp_steps=seed), [0, 1]).seed == 1, "fp32 is to tell something"
    failed = replace(blunt, first_divergence=replace(row("gradient/conv1/kernel", 1.0, fails=True), failed_at=0, exact=True))
    assert first_passed(lambda seed: replace(blunt, seed=seed) if seed else failed, [0, 1]) == failed


def test_the_verdicts_of_the_others_are_told():
    found = first_passed(lambda seed: certificate(seed=seed, beyond=None if seed else "output/conv1"), [0, 1])
    assert found.earlier == (f"seed 0: {certificate(beyond='output/conv1').verdict}",)
