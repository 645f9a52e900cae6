"""Studies with several workers, on a real embedded cluster: gangs of NumPy workers in processes of their own."""

import signal

import psutil
import pytest

from levelfield.result import Status
from levelfield.store import Store
from tests.platform_process import Platform, processes_of, wait_until, workers_of
from tests.services import write_service


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


def stored(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        study = store.study("latest").id
        return store.runs(study), store.duels(study)


def test_a_study_compares_sides_with_each_number_of_workers(platform):
    study = platform.study(["fake_a", "fake_b"], workers=[1, 2], seeds=2, bursts=3, threads=1, epochs=4)
    output = platform.run("run", study, "--shares", "2")
    runs, duels = stored(platform)
    assert {(run.planned.side, run.planned.spec.workers, run.result.status) for run in runs} == {
        (side, workers, Status.OK) for side in ("fake_a", "fake_b") for workers in (1, 2)
    }
    assert [(duel.workers, duel.result.status) for duel in duels] == [(workers, Status.OK) for workers in (1, 2)] * 2
    for run in runs:
        ranks = run.result.environment.get("ranks", [])
        assert len(ranks) == (run.planned.spec.workers if run.planned.spec.workers > 1 else 0)
        assert run.result.epochs[-1].test_examples == 360
        assert sum(run.result.phases_ns.values()) == run.result.wall_ns
        assert ("join" in run.result.phases_ns) == bool(ranks)
    losses = {(run.planned.side, run.planned.spec.workers, run.planned.spec.seed): run.result.step_losses for run in runs}
    for side in ("fake_a", "fake_b"):
        # Dropout is drawn by each rank, so what follows the first step is another draw.
        assert losses[side, 2, 0][0] == pytest.approx(losses[side, 1, 0][0], rel=0.3)
    members = [ranks for duel in duels if duel.workers == 2 for ranks in duel.result.members.values()]
    assert all(len({rank["pid"] for rank in ranks}) == 2 for ranks in members)
    for words in ("2 workers", "How they scale", "not enough runs to tell how 2 workers compare", "on cpu with 2 workers"):
        assert words in " ".join(output.split())


def test_each_share_has_cores_of_its_own(platform):
    platform.run("run", platform.study(["fake_a"], workers=2, seeds=1, threads=1), "--shares", "2")
    [run], _ = stored(platform)
    assert run.result.environment["thread_use"]["violations"] == []
    assert "cores_shared" not in run.result.environment


def test_more_ranks_than_cores_tell_nothing_about_speed(platform):
    cores = len(psutil.Process().cpu_affinity())
    study = platform.study(["fake_a", "fake_b"], workers=cores + 1, seeds=1, bursts=2, threads=1)
    output = platform.run("run", study, "--shares", str(cores + 1), timeout=400)
    runs, duels = stored(platform)
    assert [run.result.status for run in runs] == [Status.OK] * 2
    assert all(run.result.epochs for run in runs)
    assert [duel.result.status for duel in duels] == [Status.UNSUPPORTED]
    assert "more ranks than cores" in output
    assert "Nothing to do" in platform.run("resume", "latest")


def test_what_can_never_be_placed_is_told_before_anything_runs(platform):
    output = platform.run("run", platform.study(["fake_a"], workers=[1, 3]), expect=2)
    assert "digits_cnn cannot be placed: 3 workers need 3 devices" in output
    assert not (platform.results / "levelfield.db").exists() or "no studies" in platform.run("report", expect=2)


def test_a_rank_that_dies_fails_the_gang_and_is_named(platform):
    write_service(platform.folder / "services", "dies", worker="tests.misbehaving_workers:DiesAsSecondRank")
    study = platform.study(["dies"], workers=2, seeds=2, threads=1)
    process = platform.start("run", study, "--shares", "2")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1, output
    runs, _ = stored(platform)
    assert [run.result.status for run in runs] == [Status.FAILED] * 2
    for run in runs:
        assert run.result.failure.reason.startswith("rank 1 of 2: the worker process died"), run.result.failure
    assert processes_of(process.pid) == []


def test_ctrl_c_ends_a_gang_and_leaves_nothing_behind(platform):
    study = platform.study(["fake_a"], workers=2, seeds=1, threads=1, epochs=4000)
    process = platform.start("run", study, "--shares", "2", start_new_session=True)
    try:
        wait_until(lambda: len(workers_of(process.pid)) == 2, timeout_s=60, what="two ranks")
        ranks = workers_of(process.pid)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert [run.result.status for run in stored(platform)[0]] == [Status.CANCELLED]
    assert not any(rank.is_running() for rank in ranks)
    assert processes_of(process.pid) == []
