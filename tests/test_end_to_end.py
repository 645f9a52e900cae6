"""From the command line to the stored result and back, on a real embedded cluster, with NumPy workers in place of the frameworks."""

import csv
import io
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from levelfield.result import Status
from levelfield.services import ROOT
from levelfield.store import Store
from tests.platform_process import Platform, descendants, processes_of, wait_until
from tests.services import write_service


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of two fakes that has been run once."""
    platform = Platform(tmp_path_factory.mktemp("finished"))
    process = platform.start("run", platform.study(["fake_a", "fake_b"], seeds=5, epochs=4))
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return platform, output, process.pid


def stored_runs(platform, study="latest"):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return store.runs(store.study(study).id)


def test_a_study_runs_and_ends_with_a_verdict(finished):
    _, output, _ = finished
    for words in ("fake_a", "seed 4", "95%", "preliminary", "unverified", "make ui", "levelfield.db"):
        assert words in output


def test_both_sides_computed_the_same_on_every_seed(finished):
    """Two processes of one program are bit for bit alike: same weights, same order, same arithmetic."""
    runs = {(run.planned.side, run.planned.spec.seed): run.result for run in stored_runs(finished[0])}
    assert len(runs) == 10
    for seed in range(5):
        a, b = runs["fake_a", seed], runs["fake_b", seed]
        assert a.status is b.status is Status.OK
        assert a.step_losses == b.step_losses
        assert a.fingerprints == b.fingerprints
        assert a.epochs[-1].test_examples == 360
    assert len({tuple(result.step_losses) for result in runs.values()}) == 5


def test_each_run_is_a_process_of_its_own_with_all_of_its_phases(finished):
    results = [run.result for run in stored_runs(finished[0])]
    for result in results:
        assert sum(result.phases_ns.values()) == result.wall_ns
        assert {"process_start", "import", "data", "build", "warmup", "train", "evaluate"} <= set(result.phases_ns)
        assert result.memory_bytes["process_peak_rss"] > 10_000_000
        assert result.environment["packages"]["numpy"]


def test_every_pair_ends_with_a_duel_of_the_processes_that_trained(finished):
    with Store.open(str(finished[0].results / "levelfield.db"), read_only=True) as store:
        duels = store.duels(store.study("latest").id)
    assert [(duel.pair, duel.attempt, duel.result.status) for duel in duels] == [(pair, 1, Status.OK) for pair in range(5)]
    for duel in duels:
        assert [turn.round for turn in duel.result.turns] == sorted(list(range(20)) * 2)
        assert all(turn.burst.duration_ns >= duel.result.target_ns for turn in duel.result.turns)
        assert all(member["pid"] for [member] in duel.result.members.values())
    pids = [member["pid"] for duel in duels for [member] in duel.result.members.values()]
    assert len(set(pids)) == 10, "every process is fresh"
    assert "duel, digits_cnn, seed 4" in finished[1]


def test_what_another_process_disturbs_does_not_count_and_is_repeated(tmp_path):
    """Somebody burns a core all the time, so no duel is ever valid: the gate gives up after three attempts, and keeps everything."""
    platform = Platform(tmp_path, gate=True)
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        process = platform.start("run", platform.study(["fake_a", "fake_b"], seeds=1, bursts=2))
        output, _ = process.communicate(timeout=240)
    finally:
        burner.kill()
        burner.wait()
    assert process.returncode == 0, output
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        duels = store.duels(store.study("latest").id)
    assert [(duel.attempt, duel.result.status) for duel in duels] == [(n, Status.INVALID) for n in (1, 2, 3)]
    assert all("foreign processes took" in duel.result.failure.reason and duel.result.turns for duel in duels)
    runs = stored_runs(platform)
    assert [run.result.status for run in runs] == [Status.INVALID] * 2
    assert all(run.result.epochs for run in runs), "what was learned counts"
    assert "speed: no complete pair (1 left out)" in " ".join(output.split())


def test_nothing_is_left_behind(finished):
    assert processes_of(finished[2]) == []
    assert not list(Path("/tmp").glob(f"lf-{finished[2]}-*"))


def test_the_report_comes_in_every_format(finished):
    platform = finished[0]
    assert json.loads(platform.run("report", "latest", "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(platform.run("report", "latest", "--format", "csv"))))
    assert len(rows) == 10
    assert "|" in platform.run("report", "latest", "--format", "md")
    assert "fake_b" in platform.run("report")


def test_the_page_shows_the_study(finished, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_STORE", str(finished[0].results / "levelfield.db"))
    page = AppTest.from_file(str(ROOT / "ui" / "app.py"), default_timeout=60).run()
    assert not page.exception
    said = " ".join(element.proto.body for element in page.get("html"))
    assert "fake_a" in said
    assert "preliminary" in said


def test_a_finished_study_has_nothing_to_resume_and_is_listed(finished):
    platform = finished[0]
    assert "Nothing to do" in platform.run("resume", "latest")
    assert len(stored_runs(platform)) == 10
    assert "10 of 10" in platform.run("studies")
    assert "fake_a" in platform.run("frameworks")


def test_failures_are_recorded_and_the_others_go_on(platform):
    kinds = ["Raises", "KilledBySignal", "Diverges", "Exits", "PrintsAndRaises", "RaisesUnpicklable"]
    for kind in kinds:
        write_service(platform.folder / "services", kind.lower(), worker=f"tests.misbehaving_workers:{kind}")
    study = platform.study([*map(str.lower, kinds), "fake_a"], seeds=[1, 2])
    output = platform.run("run", study, expect=1)
    runs = {(run.planned.side, run.planned.spec.seed): run.result for run in stored_runs(platform)}
    assert {key for key, result in runs.items() if result.status is Status.OK} == {(k.lower(), 2) for k in kinds} | {
        ("fake_a", 1),
        ("fake_a", 2),
    }
    failures = {side: result.failure for (side, seed), result in runs.items() if seed == 1 and result.failure}
    assert runs["diverges", 1].status is Status.DIVERGED
    assert failures["diverges"].step == 50
    fail = [kind for kind in kinds if kind not in {"Diverges", "KilledBySignal"}]
    assert all(runs[kind.lower(), 1].status is Status.FAILED for kind in fail)
    assert runs["killedbysignal", 1].status is Status.RESTARTED, "it is killed once, and goes on from its first epoch"
    assert "RuntimeError" in failures["raises"].reason
    assert "Traceback" in failures["raises"].traceback
    assert "died" in failures["killedbysignal"].reason
    assert "SystemExit" in failures["exits"].reason
    assert failures["printsandraises"].log_tail
    assert failures["raisesunpicklable"].reason
    for words in ("diverged", "failed", "step 50"):
        assert words in output

    platform.run("resume", "latest", expect=1)
    attempts = [(run.planned.side, run.planned.spec.seed, run.key.attempt) for run in stored_runs(platform)]
    again = sorted(entry for entry in attempts if entry[2] == 2)
    assert again == sorted((kind.lower(), 1, 2) for kind in fail)


@contextmanager
def a_long_study(platform, *, seeds=1, epochs=500):
    process = platform.start("run", platform.study(["fake_a", "fake_b"], seeds=seeds, epochs=epochs), start_new_session=True)
    try:
        wait_until(lambda: list(platform.results.glob("logs/*/*.log")), timeout_s=60, what="the first run to start")
        yield process
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_everything_and_the_study_can_go_on(platform, number):
    with a_long_study(platform) as process:
        family = descendants(process.pid)
        assert len(family) > 5
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "levelfield resume" in output
    assert not any(member.is_running() for member in family)
    assert processes_of(process.pid) == []
    assert [run.result.status for run in stored_runs(platform)] == [Status.CANCELLED]


def test_a_killed_orchestrator_takes_its_cluster_with_it(platform):
    with a_long_study(platform) as process:
        family = descendants(process.pid)
        process.kill()
        process.wait()
    # A process that nobody waits for stays as a zombie where the machine's init does not reap: it has ended all the same.
    wait_until(lambda: not [p for p in family if _alive(p)], timeout_s=30, what="the cluster to end")
    assert stored_runs(platform) == []


def test_a_study_that_is_being_run_is_not_run_twice(platform):
    with a_long_study(platform) as process:
        assert "is being run by another process" in platform.run("resume", "latest", expect=2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_an_interrupt_before_the_first_run_stores_no_study(platform):
    process = platform.start("run", platform.study(["fake_a"], seeds=1), start_new_session=True)
    wait_until(lambda: any("ray" in " ".join(child.cmdline()) for child in descendants(process.pid)), timeout_s=30, what="a Ray node")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "levelfield resume" not in output
    assert processes_of(process.pid) == []
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        assert store.studies() == []


def test_when_a_ray_node_dies_its_runs_fail_and_the_others_go_on(platform):
    with a_long_study(platform, seeds=2, epochs=60) as process:
        (run,) = [child for child in descendants(process.pid) if child.name().startswith("ray::WorkerActor")]
        node = run.parent()
        assert node.name() == "raylet"
        node.kill()
        output, _ = process.communicate(timeout=180)
    assert process.returncode == 1, output
    by_side = {}
    for stored in stored_runs(platform):
        by_side.setdefault(stored.planned.side, []).append(stored.result)
    assert sorted(len({result.status for result in results}) for results in by_side.values()) == [1, 1]
    dead = next(results for results in by_side.values() if results[0].status is Status.FAILED)
    assert {len(results) for results in by_side.values()} == {2}
    assert "cannot be placed: a device is needed" in dead[1].failure.reason
    assert processes_of(process.pid) == []


def _alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
