"""Every way of computing something else is caught, and the certificate names where it begins."""

import pytest

from levelfield.parity.comparison import compare
from levelfield.parity.experiment import Part
from levelfield.parity.judge import certify
from levelfield.parity.tolerance import FP64
from tests.parity import broken_dropout, broken_training, broken_workers
from tests.parity.registry import BROKEN
from tests.parity.small import certificate, experiment, record, side

MODULES = (broken_workers, broken_dropout, broken_training)


def name(broken):
    return broken.worker.__name__


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("broken", [b for b in BROKEN if not b.within_rounding], ids=name)
def test_the_first_divergence_is_named(broken, precision):
    assert_named(broken, certificate(broken.worker, experiment(broken.workload, precision)))


@pytest.mark.parametrize("broken", [b for b in BROKEN if b.within_rounding], ids=name)
def test_what_rounding_would_hide_is_caught_in_fp64(broken):
    """In fp32 it moves no tensor beyond what rounding does by itself: that is why there are certificates in fp64."""
    assert_named(broken, certificate(broken.worker, experiment(broken.workload, "fp64")))
    single = certificate(broken.worker, experiment(broken.workload, "fp32"))
    assert single.passed, single.verdict
    assert max(row.relative / row.tolerance for row in single.rows) < 0.5


def test_there_are_no_others():
    """A class that lost its decorator would be tested by nobody."""
    classes = {
        each for module in MODULES for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__
    }
    assert {each for each in classes if not each.__name__.startswith("_")} == {broken.worker for broken in BROKEN}


def assert_named(broken, found):
    assert not found.passed, found.verdict
    row = found.first_divergence
    kind, _, layer = broken.at.partition("/")
    assert (row.part, row.failed_at, row.kind) == (broken.part, broken.step, kind), found.verdict
    assert not layer or row.layer == layer, found.verdict
    assert f"step {broken.step + 1}" in found.verdict
    assert ("the loss" if kind == "loss" else f"layer {row.layer}") in found.verdict
    assert row.relative > row.tolerance >= FP64


@pytest.mark.parametrize("broken", [b for b in BROKEN if b.part is Part.DRAWN], ids=name)
def test_dropout_that_both_sides_draw_wrongly_is_caught(broken):
    of = experiment(broken.workload, "fp32")
    found = certify(
        of, compare(record(broken.worker, of), record(broken.worker, of)), (side("a"), side("b")), fingerprint="f", source="embedded"
    )
    assert_named(broken, found)
    assert "does not drop as the workload says" in found.verdict
