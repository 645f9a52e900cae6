"""TensorFlow and PyTorch compute the same function: every workload, on its real data, in both precisions."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from levelfield.parity.certificate import Certificate
from levelfield.parity.experiment import STEPS, Part
from levelfield.services import ROOT, discover
from tests.platform_process import processes_of

# 200 time steps in six workers on each side: all 20 steps in fp32 take minutes, while a difference would show in the first.
# A ResNet-50 has 25 million parameters, which cross from both sides at every step.
FEWER_STEPS = {("imdb_lstm", "fp32"): 4, ("imdb_lstm", "fp64"): 6, ("resnet50", "fp64"): 3}
WITHOUT_DROPOUT = ("digits_cnn", "resnet50")
REAL_DATA = ("cifar10_cnn", "imdb_lstm", "newsgroups_mlp")


class Answering:
    """Asks `tests.parity.answering` for certificates."""

    def __init__(self, process) -> None:
        self._process = process

    def ask(self, workload, precision, sides=("tensorflow", "torch")) -> Certificate:
        steps = FEWER_STEPS.get((workload, precision), STEPS)
        self._process.stdin.write(json.dumps({"workload": workload, "precision": precision, "sides": sides, "steps": steps}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the process has ended"}')
        assert "error" not in answer, answer["error"]
        return Certificate.from_dict(answer)


@contextmanager
def answering(folder, **environment):
    command = [sys.executable, "-m", "tests.parity.answering", str(folder / "logs")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, **pipes)
    try:
        yield Answering(process)
        process.stdin.close()  # the end of its input ends it, and its cluster
        assert process.wait(timeout=60) == 0
        assert processes_of(process.pid) == []
    finally:
        process.kill()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Needs no data but those that scikit-learn brings."""
    for name in ("tensorflow", "torch"):
        service = discover()[name]
        assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    with answering(tmp_path_factory.mktemp("digits")) as asked:
        yield asked


@pytest.fixture(scope="module")
def real(real_data, tmp_path_factory):
    with answering(tmp_path_factory.mktemp("real"), LEVELFIELD_CACHE=str(real_data)) as asked:
        yield asked


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Made-up images of ImageNet's size."""
    cache, empty = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("files")
    with answering(tmp_path_factory.mktemp("images"), LEVELFIELD_CACHE=str(cache), LEVELFIELD_DATA=str(empty)) as asked:
        yield asked


def assert_certified(certificate, workload, precision):
    assert certificate.passed, certificate.verdict
    assert [side.framework for side in certificate.sides] == ["tensorflow", "torch"]
    assert (certificate.workload, certificate.precision) == (workload, precision)
    assert certificate.steps == FEWER_STEPS.get((workload, precision), STEPS)
    assert {row.part for row in certificate.rows} == ({Part.OFF, Part.TIMED} if workload in WITHOUT_DROPOUT else set(Part))
    assert any(row.relative > 0 for row in certificate.rows), "two frameworks that do not even round differently are one"
    assert certificate.sharp_steps >= 1, certificate.verdict


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
def test_the_digits_are_certified(digits, precision):
    assert_certified(digits.ask("digits_cnn", precision), "digits_cnn", precision)


def test_a_residual_network_is_certified_at_a_small_size(images):
    """In fp32 TensorFlow makes 14 graphs of it, which takes four minutes: docs/parity has that certificate."""
    certificate = images.ask("resnet50", "fp64")
    assert_certified(certificate, "resnet50", "fp64")
    assert (certificate.batch_size, certificate.data_source) == (8, "synthetic")
    assert "resnet50 (inputs of 64 by 64 by 3, batch 8)" in certificate.verdict
    kept = {row.tensor.rpartition("/")[2] for row in certificate.rows if row.kind == "parameter"}
    assert {"moving_mean", "moving_variance", "gamma", "beta", "kernel"} <= kept


def test_the_compiled_modes_are_certified(digits):
    certificate = digits.ask("digits_cnn", "fp32", sides=("tensorflow:xla", "torch:compile"))
    assert_certified(certificate, "digits_cnn", "fp32")
    assert [side.mode for side in certificate.sides] == ["xla", "compile"]


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("workload", REAL_DATA)
def test_every_workload_is_certified_on_its_real_data(real, workload, precision):
    certificate = real.ask(workload, precision)
    assert_certified(certificate, workload, precision)
    assert certificate.data_source in {"official", "unverified"}
