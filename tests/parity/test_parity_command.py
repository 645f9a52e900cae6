"""``levelfield parity``, and the certificates of ``levelfield run``, on a real cluster with NumPy workers in place of the frameworks."""

import json
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from levelfield.parity.certificate import Certificate
from levelfield.parity.experiment import STEPS
from levelfield.parity.scope import Scope
from levelfield.spec import RunSpec
from levelfield.store import Store
from levelfield.workloads.digits_cnn import WORKLOAD
from orchestrator import cli, run_commands
from orchestrator.certificates import _is_stored
from tests.certificates import CODES, certificate
from tests.platform_process import Platform, processes_of
from tests.services import write_service

FAKES = ("--frameworks", "fake_a,fake_b")


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path, certify=True)


def stored(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return store.certificates()


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_equal_workers_end_with_status_0_and_a_row_for_every_layer(platform):
    process = platform.start("parity", "digits_cnn", *FAKES, "--precision", "fp64")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    first_words = {line.split()[0] for line in output.splitlines() if line.strip()}
    assert {"loss", *(layer.name for layer in WORKLOAD.layers)} <= first_words
    for words in ("fake_a (plain) and fake_b (plain) compute the same function", "dropout off", "timed step", f"{STEPS} optimizer steps"):
        assert words in " ".join(output.split())
    assert "from step" not in output
    (found,) = stored(platform)
    assert found.passed
    assert (found.precision, found.steps, found.seed) == ("fp64", STEPS, WORKLOAD.parity_seed)
    assert found.sides[0].versions["numpy"]
    assert processes_of(process.pid) == []


def test_a_difference_ends_with_status_1_and_the_name_of_its_layer(platform):
    write_service(platform.folder / "services", "broken", worker="tests.parity.broken_workers:ExtraReLU")
    output = platform.run("parity", "digits_cnn", "--frameworks", "fake_a,broken", "--precision", "fp64", "--steps", "2", expect=1)
    assert "diverge first at step 1, layer logits: output logits (dropout off)" in " ".join(output.split())
    assert "from step 1" in output
    assert [one.passed for one in stored(platform)] == [False]


def test_json_is_the_certificate_alone(platform):
    """One framework against itself, with what it says on the way on the other stream; and infinite differences, which JSON has not."""
    write_service(platform.folder / "services", "broken", worker="tests.parity.broken_workers:GivesNaN")
    words = ("parity", "digits_cnn", "--frameworks", "broken,broken", "--format", "json", "--steps", "2", "--seed", "5")
    process = platform.start(*words, stderr=subprocess.DEVNULL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    found = Certificate.from_dict(strict(output))
    assert (found.seed, found.steps, found.earlier) == (5, 2, ())
    assert [side.framework for side in found.sides] == ["broken", "broken"]
    assert found.first_divergence.layer == "conv1"
    assert found.first_divergence.relative == float("inf")
    assert stored(platform) == [found]


def test_a_worker_that_raises_is_named_with_its_reason(platform):
    write_service(platform.folder / "services", "broken", worker="tests.parity.test_parity_errors:RaisesInTheMiddle")
    output = platform.run("parity", "digits_cnn", "--frameworks", "fake_a,broken", "--precision", "fp64", "--steps", "2", expect=2)
    assert "error: digits_cnn: broken (plain): LocalError: an imaginary kernel was not found" in output
    assert "Traceback" not in output
    assert stored(platform) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["digit_cnn", *FAKES], "Did you mean 'digits_cnn'"),
        (["digits_cnn", "--frameworks", "fake_a,fake_c"], "Did you mean 'fake_"),
        (["digits_cnn", "--frameworks", "fake_a,fake_b:fast"], "allowed are plain"),
        (["digits_cnn", "--frameworks", "fake_a,fake_b@tpu"], "allowed are cpu"),
        (["digits_cnn", *FAKES, "--precision", "fp46"], "Did you mean 'fp64'"),
        (["digits_cnn", *FAKES, "--track", "article"], "allowed are matched, tuned"),
        (["digits_cnn", "--frameworks", "fake_a"], "exactly two"),
        (["imdb_lstm", *FAKES], "allowed are digits_cnn"),
        (["digits_cnn", *FAKES, "--steps", "0"], "--steps"),
    ],
)
def test_what_cannot_be_certified_is_refused_before_anything_is_started(platform, words, says):
    output = platform.run("parity", *words, expect=2, timeout=60)
    assert says in output
    assert "starting the Ray nodes" not in output
    assert "Traceback" not in output
    assert not platform.results.exists()


def test_a_study_gets_its_certificate_once(platform):
    study = platform.study(["fake_a", "fake_b"], seeds=1, epochs=1)
    assert "parity: fake_a (plain) and fake_b (plain) compute the same function" in " ".join(platform.run("run", study).split())
    assert "parity:" not in platform.run("run", study)
    assert [one.passed for one in stored(platform)] == [True]


def test_a_stored_certificate_is_one_that_the_report_will_judge_by():
    given = certificate()
    store = SimpleNamespace(certificates=lambda workload: [given] if workload == "digits_cnn" else [])
    spec = RunSpec(workload="digits_cnn", framework="tensorflow", mode="eager", seed=7)
    specs, codes = (spec, replace(spec, framework="torch")), (CODES["tensorflow"], CODES["torch"])
    assert _is_stored(store, Scope.of(specs, codes, given.data_fingerprint))
    assert _is_stored(store, Scope.of(specs[::-1], codes[::-1], given.data_fingerprint)), "the sides may be named in either order"
    assert not _is_stored(store, Scope.of(specs, codes[::-1], given.data_fingerprint))
    assert not _is_stored(store, Scope.of(specs, codes, "other"))
    for change in ({"batch_size": 33}, {"learning_rate": 0.5}, {"precision": "fp64"}, {"mode": "fast"}, {"workload": "imdb_lstm"}):
        assert not _is_stored(store, Scope.of(tuple(replace(one, **change) for one in specs), codes, given.data_fingerprint)), change


@pytest.mark.parametrize(
    ("words", "variable", "certifies"),
    [([], None, True), (["--no-certify"], None, False), ([], "0", False), (["--certify"], "0", True), (["--no-certify"], "1", False)],
)
def test_certificates_can_be_left_out(platform, monkeypatch, words, variable, certifies):
    heard = []
    monkeypatch.setattr(run_commands, "_execute", lambda *_, certify, **__: heard.append(certify))
    environment = {"LEVELFIELD_SERVICES": platform.env["LEVELFIELD_SERVICES"], "LEVELFIELD_CERTIFY": variable}
    result = CliRunner().invoke(cli.app, ["run", platform.study(["fake_a", "fake_b"]), *words], env=environment)
    assert result.exit_code == 0, result.output
    assert heard == [certifies]


def test_gangs_are_certified_too(platform):
    process = platform.start("parity", "digits_cnn", *FAKES, "--precision", "fp64", "--workers", "2", "--shares", "2", "--steps", "3")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "fake_a (plain) and fake_b (plain), 2 workers each, compute the same function" in " ".join(output.split())
    (found,) = stored(platform)
    assert (found.passed, found.workers) == (True, 2)
    assert {row.kind for row in found.rows} == {"output", "loss", "gradient", "parameter"}
    assert processes_of(process.pid) == []


def test_a_gang_that_does_not_learn_as_one_is_caught(platform):
    write_service(platform.folder / "services", "broken", worker="tests.contract.broken_gangs:KeepsItsGradients")
    words = ("parity", "digits_cnn", "--frameworks", "fake_a,broken", "--precision", "fp64", "--steps", "2")
    output = platform.run(*words, "--workers", "2", "--shares", "2", expect=1)
    assert "gradient" in " ".join(output.split()).partition("diverge first")[2]
    assert "compute the same function" in " ".join(platform.run(*words).split()), "alone it is as good as any"
