"""Reduced precision: equal functions err alike, and a worker that rounds more coarsely, or computes something else, is caught."""

import json
from dataclasses import replace

import numpy as np
import pytest

from levelfield.parity.certificate import Certificate
from levelfield.parity.comparison import compare, ratio
from levelfield.parity.experiment import Part
from levelfield.parity.judge import certify
from levelfield.parity.reduced import ENOUGH, ReducedRecorder, is_reduced, relative_errors
from levelfield.parity.tolerance import FP64
from tests.fake_layers import Conv2DOp, DenseOp
from tests.fake_worker import NumpyWorker
from tests.parity.small import IMAGES, TEXTS, dataset, experiment, side


class _Rounds(NumpyWorker):
    """Dense layers give numbers with so many binary digits after the first, in bf16; in fp64 it is the honest worker."""

    digits = 7

    def setup(self, spec, *, threads):
        self.exact = spec.precision == "fp64"
        super().setup(spec if self.exact else replace(spec, precision="fp32"), threads=threads)

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for op in self.network:
            if isinstance(op, DenseOp) and not self.exact:
                op.forward = self._rounding(op.forward)

    def _rounding(self, forward):
        def rounded(x):
            mantissa, exponent = np.frexp(forward(x))
            return np.ldexp(np.round(mantissa * 2.0 ** (self.digits + 1)) / 2.0 ** (self.digits + 1), exponent).astype(x.dtype)

        return rounded


class RoundsToBfloat16(_Rounds):
    pass


class RoundsMoreCoarsely(_Rounds):
    digits = 4


class IsNotRoundedAtAll(_Rounds):
    digits = 22


class NegatesAFilter(RoundsToBfloat16):
    """Errs as the honest one, since its function is another in fp64, too."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for op in self.network:
            if isinstance(op, Conv2DOp):
                op.forward = self._negated(op.forward)

    def _negated(self, forward):
        return lambda x: forward(x) * np.array([-1, 1, 1, 1], x.dtype)


class NeverDrops(RoundsToBfloat16):
    def own_masks(self, examples):
        return None


def reduced(make, workload):
    of = experiment(workload, "bf16", steps=1)
    recorder = ReducedRecorder(make, of, dataset(workload), threads=1, draws=0, draw_mode="plain")
    return of, list(recorder.records())


def certificate(a, b, workload=IMAGES):
    (of, left), (_, right) = reduced(a, workload), reduced(b, workload)
    return certify(of, compare(left, right, measure=ratio), (side("a"), side("b")), fingerprint="f", source="embedded")


@pytest.mark.parametrize("workload", [IMAGES, TEXTS], ids=lambda workload: workload.name)
def test_equal_functions_err_alike(workload):
    found = certificate(RoundsToBfloat16, RoundsToBfloat16, workload)
    assert found.passed, found.verdict
    assert found.steps == found.sharp_steps == 1
    assert {row.part for row in found.rows} == set(Part)
    assert {row.kind for row in found.rows if not row.exact} == {"output", "gradient", "parameter"}
    assert {row.kind for row in found.rows if row.exact} == {"output", "loss", "gradient", "parameter"}
    assert {row.tolerance for row in found.rows if row.exact} == {FP64}
    assert "compute the same function in fp64, and in bf16 err alike" in found.verdict
    assert Certificate.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


@pytest.mark.parametrize("other", [RoundsMoreCoarsely, IsNotRoundedAtAll])
def test_who_rounds_otherwise_is_named(other):
    found = certificate(RoundsToBfloat16, other)
    assert not found.passed
    assert found.first_divergence.layer == "dense1"
    assert found.first_divergence.relative > 2
    assert "ratio of the errors" in found.verdict


def test_another_function_that_errs_alike_is_named_by_its_step_in_fp64():
    found = certificate(RoundsToBfloat16, NegatesAFilter)
    assert (found.first_divergence.tensor, found.first_divergence.exact) == ("output/conv1", True)
    assert "layer conv1: output conv1 (dropout off, in fp64), relative difference" in found.verdict


def test_dropout_of_its_own_keeps_to_its_rules_in_reduced_precision_too():
    found = certificate(NeverDrops, NeverDrops)
    assert (found.first_divergence.tensor, found.first_divergence.part) == ("output/dropout1", Part.DRAWN)


def test_a_full_batch_is_recorded():
    of, _ = reduced(RoundsToBfloat16, IMAGES)
    assert len(of.batches()[0]) == of.batch_size
    (first,) = [one for one in reduced(Watches, IMAGES)[1] if one.part is Part.TIMED and one.exact]
    assert first.tensors["loss/loss"].shape == ()
    assert set(Watches.seen) == {of.batch_size}


class Watches(RoundsToBfloat16):
    seen = []

    def learn(self, x, y, masks):
        self.seen.append(len(x))
        return super().learn(x, y, masks)


def test_the_errors_are_relative_to_fp64():
    first, nothing = np.zeros(ENOUGH), np.zeros(ENOUGH)
    first[:2] = 3.0, 4.0
    exact = {"output/a": first, "output/b": nothing, "gradient/few": first[:-1], "loss/loss": np.array(1.0)}
    moved = {"output/a": first + 0.5 * (first == 4), "output/b": nothing + 0.25 * (first == 4)}
    errors = relative_errors(exact, {**moved, "gradient/few": first[:-1] * 2, "loss/loss": np.array(2.0)})
    assert {name: float(error) for name, error in errors.items()} == {"output/a": 0.1, "output/b": 0.25}, "the error of few is luck"


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(0.2, 0.1, 2.0), (0.1, 0.2, 2.0), (0.0, 0.0, 1.0), (0.0, 0.1, np.inf), (np.nan, 0.1, np.inf)]
)
def test_the_ratio_is_the_larger_over_the_smaller(a, b, expected):
    assert ratio(np.array(a), np.array(b))[1] == pytest.approx(expected)


def test_fp32_and_fp64_are_not_reduced():
    assert [precision for precision in ("fp32", "fp64", "bf16", "tf32") if is_reduced(precision)] == ["bf16", "tf32"]
