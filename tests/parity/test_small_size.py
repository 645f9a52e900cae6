"""A network that is certified at a smaller size than that at which it runs."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.data import from_arrays
from levelfield.parity.experiment import EXACT_STEPS, Experiment, Part
from levelfield.parity.scope import Program, Scope
from levelfield.parity.tensors import KINDS
from levelfield.parity.tolerance import OWN_FACTOR, SHARP, Limits
from levelfield.spec import RunSpec
from levelfield.workloads.base import Small
from tests.fake_worker import NumpyWorker
from tests.parity.broken_workers import SinglePrecision
from tests.parity.small import IMAGES, certificate, experiment, record

SMALL = replace(IMAGES, small=Small(input_shape=IMAGES.input_shape, batch_size=8, learning_rate=1e-3))
SPEC = RunSpec(workload="resnet50", framework="torch", mode="eager", seed=0, batch_size=64, learning_rate=0.1)


def test_the_experiment_has_the_size_and_the_rate_that_the_workload_declares_whatever_the_run_has():
    of = Experiment.of(SPEC)
    assert (of.batch_size, of.workload.input_shape, of.workload.optimizer.learning_rate) == (8, (64, 64, 3), 0.1 * 8 / 256)
    assert (of.spec.batch_size, of.spec.learning_rate) == (None, None), "a worker would take the spec's"
    assert Experiment.of(replace(SPEC, workers=4)).batch_size == 32, "each worker has as many as one alone"
    kept = Experiment.of(replace(SPEC, workload="digits_cnn"))
    assert (kept.batch_size, kept.spec.learning_rate) == (64, 0.1)


def test_images_are_cut_to_that_size_from_their_middle():
    of = Experiment.of(SPEC, steps=2)
    pixels = np.arange(70 * 66, dtype=np.uint8).reshape(1, 70, 66, 1).repeat(40, 0).repeat(3, 3)
    labels = np.zeros(40, np.int64)
    cut = of.dataset(from_arrays("made up", {"x_train": pixels, "x_test": pixels, "y_train": labels, "y_test": labels}))
    np.testing.assert_array_equal(cut.x_train[0], pixels[0, 3:67, 1:65])
    assert cut.x_test.shape[1:] == (64, 64, 3)


@pytest.mark.parametrize(("workload", "precision", "shown"), [(SMALL, "fp32", True), (SMALL, "fp64", False), (IMAGES, "fp32", False)])
def test_only_in_fp32_each_part_begins_with_steps_in_fp64(workload, precision, shown):
    found = record(NumpyWorker, experiment(workload, precision), draws=0)
    exact = [(one.part, one.step) for one in found if one.exact]
    assert exact == ([(part, step) for part in (Part.OFF, Part.ON, Part.TIMED) for step in range(EXACT_STEPS)] if shown else [])
    for one in (one for one in found if one.exact and one.part is not Part.TIMED):
        assert {array.dtype for array in one.tensors.values()} == {np.dtype(np.float64)}


def test_that_step_catches_what_fp32_cannot_tell():
    """A worker that computes in fp32 what is asked for in fp64: the fp32 steps alone agree."""
    assert "in fp64 the first steps agree within 0.0e+00" in certificate(NumpyWorker, experiment(SMALL, "fp32")).verdict
    assert certificate(SinglePrecision, experiment(IMAGES, "fp32")).passed
    found = certificate(SinglePrecision, experiment(SMALL, "fp32"))
    assert not found.passed
    assert "diverge first at step 1, layer conv1: output conv1 (dropout off, in fp64)" in found.verdict


def test_the_first_step_in_fp32_may_then_go_as_far_as_rounding_goes():
    """Gradients alone: no ReLU flips in what comes before them."""
    limits = Limits("fp32", {(Part.OFF, 0): dict.fromkeys(KINDS, 0.05)}, shown_exactly=True)
    assert limits.at(Part.OFF, 0, "gradient") == pytest.approx(OWN_FACTOR * 0.05)
    assert {limits.at(Part.OFF, 0, kind) for kind in set(KINDS) - {"gradient"}} == {SHARP}


def test_such_a_certificate_speaks_of_runs_of_any_batch_size_and_rate():
    made = certificate(NumpyWorker, experiment(SMALL, "fp64"))
    made = replace(made, workload="resnet50", batch_size=8, learning_rate=0.1 * 8 / 256, steps=20)
    programs = tuple(
        Program(title=s.framework, framework=s.framework, mode=s.mode, device=s.device, codes=frozenset({s.code})) for s in made.sides
    )
    scope = Scope(
        workload="resnet50",
        track="matched",
        precision="fp64",
        programs=programs,
        batch_sizes=frozenset({128, 256}),
        learning_rates=frozenset({0.05}),
        data=frozenset({made.data_fingerprint}),
    )
    assert scope.misfits(made) == []
    gang = replace(scope, workers=2)
    assert gang.misfits(replace(made, workers=2, batch_size=16)) == []
    other = scope.misfits(replace(made, batch_size=16))
    assert other == ["was made with batch size 16, the runs used 128 and 256", "was made with learning rate 0.003125, the runs used 0.05"]
