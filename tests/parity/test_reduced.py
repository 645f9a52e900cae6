"""Reduced precision: equal functions err alike, and a worker that rounds more coarsely, or computes something else, is caught."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.parity.certificate import certify
from levelfield.parity.comparison import compare, ratio
from levelfield.parity.experiment import Part
from levelfield.parity.reduced import ReducedRecorder, is_reduced, relative_errors
from tests.fake_layers import DenseOp
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
    assert {row.kind for row in found.rows} == {"output", "gradient", "parameter"}
    assert "as far as bf16 can tell" in found.verdict


@pytest.mark.parametrize("other", [RoundsMoreCoarsely, IsNotRoundedAtAll])
def test_who_rounds_otherwise_is_named(other):
    found = certificate(RoundsToBfloat16, other)
    assert not found.passed
    assert found.first_divergence.layer == "dense1"
    assert found.first_divergence.relative > 2


def test_the_errors_are_relative_to_fp64():
    exact = {"output/a": np.array([3.0, 4.0]), "output/b": np.zeros(2), "loss/loss": np.array(1.0)}
    errors = relative_errors(exact, {"output/a": np.array([3.0, 4.5]), "output/b": np.array([0.0, 0.25]), "loss/loss": np.array(2.0)})
    assert {name: float(error) for name, error in errors.items()} == {"output/a": 0.1, "output/b": 0.25}


@pytest.mark.parametrize(
    ("a", "b", "expected"), [(0.2, 0.1, 2.0), (0.1, 0.2, 2.0), (0.0, 0.0, 1.0), (0.0, 0.1, np.inf), (np.nan, 0.1, np.inf)]
)
def test_the_ratio_is_the_larger_over_the_smaller(a, b, expected):
    assert ratio(np.array(a), np.array(b))[1] == pytest.approx(expected)


def test_fp32_and_fp64_are_not_reduced():
    assert [precision for precision in ("fp32", "fp64", "bf16", "tf32") if is_reduced(precision)] == ["bf16", "tf32"]
