"""A worker without Ray."""

import json
import subprocess
import sys

import pytest

from levelfield.result import RunResult, Status
from levelfield.services import ROOT
from tests.platform_process import Platform
from tests.services import write_service

SPEC = {"workload": "digits_cnn", "framework": "fake_a", "mode": "plain", "seed": 1, "epochs": 2}


@pytest.fixture
def standalone(tmp_path):
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "diverges", worker="tests.misbehaving_workers:Diverges")

    def run(service, spec, *, expect):
        file = tmp_path / "spec.json"
        file.write_text(spec if isinstance(spec, str) else json.dumps(spec))
        command = [sys.executable, "-m", "levelfield.standalone", service, str(file), "--out", str(tmp_path / "out" / "result.json")]
        done = subprocess.run(command, cwd=ROOT, env=platform.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr, tmp_path / "out" / "result.json"

    return run


def test_a_run_gives_the_same_result_as_under_ray_but_for_the_clock(standalone):
    output, file = standalone("fake_a_worker", SPEC, expect=0)
    result = RunResult.from_dict(json.loads(file.read_text()))
    assert result.status is Status.OK
    assert "epoch 2: train loss" in output
    assert sum(result.phases_ns.values()) == result.wall_ns
    assert result.phases_ns["process_start"] > 0
    assert 0 <= result.environment["thread_use"]["kernel_share"] < 1
    assert result.predictions.correct().sum() == result.epochs[-1].test_correct


def test_a_result_from_before_predictions_is_read():
    older = {name: value for name, value in RunResult(status=Status.OK).to_dict().items() if name != "predictions"}
    assert RunResult.from_dict(older) == RunResult(status=Status.OK)


def test_a_run_that_diverges_says_so_in_strict_json(standalone):
    output, file = standalone("diverges", SPEC | {"framework": "diverges"}, expect=1)
    assert "step 50" in output
    written = json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert written["step_losses"][49] is None


@pytest.mark.parametrize(
    ("service", "spec", "words"),
    [("nobody", SPEC, "no service 'nobody'"), ("fake_a", "{", "error"), ("fake_a", SPEC | {"batchsize": 1}, "unknown field batchsize")],
)
def test_bad_input_is_refused(standalone, service, spec, words):
    output, file = standalone(service, spec, expect=2)
    assert words in output
    assert "Traceback" not in output
    assert not file.exists()
