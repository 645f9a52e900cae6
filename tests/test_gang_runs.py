"""A run by several processes gives the learning curve of a run by one."""

import json
import subprocess
import sys

import pytest

from levelfield.gang import free_endpoint
from levelfield.ranks import joint_result
from levelfield.result import RunResult, Status
from levelfield.services import ROOT
from tests.platform_process import Platform
from tests.services import write_service

SPEC = {"workload": "digits_cnn", "framework": "fake_a", "mode": "plain", "seed": 1, "epochs": 2, "precision": "fp64", "threads": 1}


@pytest.fixture
def ranks(tmp_path):
    """Run a spec by so many ranks; gives their results."""
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "diverges", worker="tests.misbehaving_workers:Diverges")

    def run(size, **fields):
        file, peers = tmp_path / "spec.json", ",".join(free_endpoint("127.0.0.1") for _ in range(size))
        file.write_text(json.dumps(SPEC | fields))
        files = [tmp_path / f"rank-{rank}.json" for rank in range(size)]
        service = fields.get("framework", "fake_a")
        command = [sys.executable, "-m", "levelfield.standalone", service, str(file), "--peers", peers]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        processes = [
            subprocess.Popen([*command, "--rank", str(rank), "--out", str(out)], cwd=ROOT, env=platform.env, **pipes)
            for rank, out in enumerate(files)
        ]
        words = [process.communicate(timeout=120)[0] for process in processes]
        assert all(file.exists() for file in files), words
        return [RunResult.from_dict(json.loads(file.read_text())) for file in files]

    return run


def test_three_ranks_learn_as_one(ranks):
    [alone], three = ranks(1), ranks(3)
    whole = joint_result(three)
    assert whole.status is Status.OK
    assert [epoch.test_examples for epoch in whole.epochs] == [360, 360]
    assert whole.phases_ns["join"] > 0
    # Dropout is drawn by each rank, so the curves differ a little after the first step; what they are of is the same.
    assert whole.step_losses[0] == pytest.approx(alone.step_losses[0], rel=0.3)
    assert len(whole.step_losses) == len(alone.step_losses)
    assert whole.epochs[-1].test_accuracy == pytest.approx(alone.epochs[-1].test_accuracy, abs=0.15)
    assert whole.predictions.correct().sum() == whole.epochs[-1].test_correct
    assert {tuple(rank.step_losses) for rank in three} == {tuple(whole.step_losses)}


def test_every_rank_stops_at_the_step_that_diverges(ranks):
    both = ranks(2, framework="diverges")
    assert [(rank.status, rank.failure.step) for rank in both] == [(Status.DIVERGED, 50)] * 2
