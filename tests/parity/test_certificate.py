"""Certificates of workers that do compute the same; what a certificate says, and what becomes of it in JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from levelfield.parity.certificate import Certificate
from levelfield.parity.comparison import compare
from levelfield.parity.experiment import Part
from levelfield.parity.judge import certify
from levelfield.parity.tolerance import FP64, SHARP
from levelfield.worker import Trace
from levelfield.workloads.layers import Dense, Dropout
from tests.fake_worker import NumpyWorker
from tests.parity.broken_training import AnotherOrder, EpsilonAfterTheBiasCorrection
from tests.parity.broken_workers import GivesNaN, SamePadding
from tests.parity.small import IMAGES, STEPS, TEXTS, certificate, experiment, record, side

WORDS = replace(
    IMAGES,
    name="words",
    input_shape=(128,),
    layers=(Dense(name="dense1", units=8, activation="relu"), Dropout(name="dropout1", rate=0.5), Dense(name="logits", units=3)),
)


class Backwards(NumpyWorker):
    """The same function in another order of its sums: it takes each batch from its end."""

    def learn(self, x, y, masks):
        return super().learn(x[::-1], y[::-1], masks and {name: mask[::-1] for name, mask in masks.items()})

    def trace(self, index, masks):
        trace = super().trace(index, masks)
        return Trace(
            loss=trace.loss,
            outputs={name: array[::-1] for name, array in trace.outputs.items()},
            gradients=dict(sorted(trace.gradients.items())),
            parameters=dict(sorted(trace.parameters.items())),
        )


class Noisy(NumpyWorker):
    """No two of its workers do the same."""

    generator = np.random.Generator(np.random.PCG64(1))

    def forward(self, x):
        logits = super().forward(x)
        self.outputs["logits"] = logits + self.generator.standard_normal(logits.shape)
        return self.outputs["logits"]


def itself(make, of):
    return certify(of, compare(record(make, of), record(make, of)), (side("one"), side("other")), fingerprint="f", source="embedded")


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("workload", [IMAGES, TEXTS, WORDS], ids=lambda workload: workload.name)
def test_a_worker_computes_what_it_computes(workload, precision):
    found = certificate(NumpyWorker, experiment(workload, precision))
    assert found.passed
    assert "compute the same function" in found.verdict
    assert {row.part for row in found.rows} == set(Part)
    assert {row.kind for row in found.rows if row.part in {Part.OFF, Part.ON}} == {"output", "loss", "gradient", "parameter"}
    assert {row.kind for row in found.rows if row.part is Part.TIMED} == {"loss", "parameter"}
    assert {row.tensor for row in found.rows if row.part is Part.DRAWN} == {"output/dropout1"}
    assert {row.layer for row in found.rows} == {None, *(layer.name for layer in workload.layers)}
    assert {row.relative for row in found.rows} == {0.0}
    assert found.sharp_steps == found.steps == STEPS


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("workload", [IMAGES, TEXTS, WORDS], ids=lambda workload: workload.name)
def test_another_order_of_the_same_sums_passes(workload, precision):
    found = certificate(Backwards, experiment(workload, precision))
    assert found.passed, found.verdict
    assert any(row.relative > 0 for row in found.rows), "it differs by rounding"


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("make", [GivesNaN, Noisy])
def test_against_itself_what_computes_nothing_does_not_pass(make, precision):
    """Its own divergence must not become what it is allowed."""
    found = itself(make, experiment(IMAGES, precision))
    assert not found.passed, found.verdict
    assert found.first_divergence.failed_at == 0


def test_single_precision_allows_little():
    found = certificate(NumpyWorker, experiment(IMAGES, "fp32"))
    assert all(FP64 < row.tolerance < 1e-4 < SHARP for row in found.rows)
    assert all(tolerance.value < 1e-4 for tolerance in found.tolerances.values())


@pytest.mark.parametrize("make", [NumpyWorker, EpsilonAfterTheBiasCorrection, SamePadding, GivesNaN])
def test_a_certificate_survives_json(make):
    found = certificate(make, experiment(IMAGES, "fp32"))
    back = Certificate.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert back == found
    assert (back.passed, back.verdict) == (found.passed, found.verdict)


def test_the_verdict_says_where_it_begins():
    verdict = certificate(SamePadding, experiment(IMAGES, "fp64")).verdict
    for words in ("honest (plain) and SamePadding (plain) diverge first at step 1", "layer conv1: output conv1", "(dropout off)", "1e-12"):
        assert words in verdict
    assert "the loss: loss loss (timed step)" in certificate(AnotherOrder, experiment(IMAGES, "fp64")).verdict
    assert "allowed" not in certificate(NumpyWorker, experiment(IMAGES, "fp64")).verdict


def test_the_verdict_says_from_where_on_rounding_hides_all():
    found = certificate(NumpyWorker, experiment(IMAGES, "fp32"))
    assert "rounding" not in found.verdict
    assert "from step 3 on, rounding alone drives each framework further than 1e-03 from itself" in replace(found, sharp_steps=2).verdict
