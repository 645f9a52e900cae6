"""Runs whose processes are killed, on a real embedded cluster: they go on from their last checkpoint, and the study completes."""

import os
import re
import signal

import pytest

from levelfield.result import Status
from levelfield.services import discover
from levelfield.store import Store
from tests.platform_process import Platform, processes_of, wait_until, workers_of
from tests.services import write_service


@pytest.fixture
def platform(tmp_path):
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "dies_once", worker="tests.misbehaving_workers:DiesOnce")
    return platform


def stored(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        study = store.study("latest").id
        return {(run.planned.side, run.planned.spec.seed): run.result for run in store.runs(study)}, store.duels(study)


def checkpoints(platform):
    return [file for file in (platform.results / "checkpoints").rglob("*") if file.is_file()]


@pytest.mark.parametrize("restart", ["checkpoint", "scratch"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_ends_as_if_nothing_had_been(platform, workers, restart):
    """Both sides are the same program on the same seeds, so they come to the same bits, whatever happened to one of them."""
    study = platform.study(["fake_a", "dies_once"], seeds=2, epochs=5, bursts=2, threads=1, workers=workers, restart=restart)
    output = platform.run("run", study, "--shares", str(workers))
    runs, duels = stored(platform)
    assert len(runs) == 4
    for seed in range(2):
        whole, again = runs["fake_a", seed], runs["dies_once", seed]
        assert (whole.status, again.status) == (Status.OK, Status.RESTARTED)
        assert again.failure.reason.startswith("restarted 1 time: ")
        assert "the worker process died" in again.failure.reason
        assert again.step_losses == whole.step_losses
        assert [epoch.test_loss for epoch in again.epochs] == [epoch.test_loss for epoch in whole.epochs]
        assert again.predictions == whole.predictions
        assert ("checkpoint" in whole.phases_ns) == (restart == "checkpoint")
    assert [duel.result.status for duel in duels] == [Status.OK] * 2, "the process that went on took its turns"
    assert checkpoints(platform) == []
    assert f"{'goes on after epoch-1' if restart == 'checkpoint' else 'begins again'}" in output
    assert "2 of 2 runs of NumPy as dies_once were restarted after a loss" in " ".join(output.split())
    assert "Nothing to do" in platform.run("resume", "latest")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_hangs_is_taken_for_lost(platform, workers):
    write_service(platform.folder / "services", "hangs_once", worker="tests.misbehaving_workers:HangsOnce")
    study = platform.study(["hangs_once"], seeds=1, epochs=5, threads=1, workers=workers, silence_limit=15)
    output = platform.run("run", study, "--shares", str(workers))
    [result] = stored(platform)[0].values()
    assert result.status is Status.RESTARTED
    assert "sign of life for 15 s" in result.failure.reason
    assert len(result.epochs) == 5
    assert "goes on after epoch-1" in output


def test_a_rank_that_never_comes_is_named(platform):
    write_service(platform.folder / "services", "never_comes", worker="tests.misbehaving_workers:NeverComes")
    study = platform.study(["never_comes"], seeds=1, epochs=2, threads=1, workers=2, silence_limit=10)
    process = platform.start("run", study, "--shares", "2")
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 1, output
    [result] = stored(platform)[0].values()
    assert result.status is Status.FAILED
    assert re.match(r"rank [01] of 2: did not come to meet the others in time", result.failure.reason), result.failure.reason
    assert processes_of(process.pid) == []


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_a_frameworks_own_process_can_be_killed(tmp_path, framework):
    service = discover()[framework]
    assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    platform = Platform(tmp_path)
    process = platform.start("run", platform.study([framework], seeds=[3], epochs=8))
    wait_until(lambda: list(platform.results.glob("checkpoints/*/*/life-*/epoch-1/rank-0/course.json")), timeout_s=120, what="a checkpoint")
    [worker] = workers_of(process.pid)
    os.kill(worker.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    [result] = stored(platform)[0].values()
    assert result.status is Status.RESTARTED
    assert [epoch.epoch for epoch in result.epochs] == list(range(8))
    assert len(result.step_losses) == 8 * 45
    assert result.epochs[-1].test_accuracy > 0.85
    platform.run("run", platform.study([framework], seeds=[3], epochs=8))
    [whole] = stored(platform)[0].values()
    assert result.step_losses == whole.step_losses, "the restart changed what was computed"
    assert processes_of(process.pid) == []
