"""``levelfield replay`` and ``levelfield runs`` with NumPy workers in place of the frameworks."""

import json
import re
import sqlite3

import pytest

from levelfield.result import Status
from levelfield.store import Store
from tests.platform_process import Platform
from tests.services import write_service


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of two fakes, run once."""
    platform = Platform(tmp_path_factory.mktemp("replayed"))
    platform.run("run", platform.study(["fake_a", {"framework": "fake_b", "label": "mine [/b]"}], seeds=2, bursts=0, threads=1))
    return platform


def stored(platform, study="study"):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return store.runs(store.study(study).id)


def run_id(platform, side, seed):
    return next(run.run_id for run in stored(platform) if (run.planned.side, run.planned.spec.seed) == (side, seed))


def test_the_runs_of_a_study_are_listed_with_their_ids(finished):
    output = finished.run("runs", "study")
    for run in stored(finished):
        accuracy = f"{run.result.epochs[-1].test_accuracy:.2%}"
        assert re.search(rf"{run.run_id} .*{run.planned.spec.seed} .*{re.escape(run.planned.side)} .*ok .*{accuracy}", output)
    assert "throughput, examples/s" in output


def test_a_run_is_repeated_in_processes_of_its_own_and_learns_bit_for_bit_the_same(finished):
    """What is timed may fall outside here, where anything may be at work: exit status 1 is as good as 0."""
    before, number = stored(finished), run_id(finished, "mine [/b]", 1)
    process = finished.start("replay", str(number), "--runs", "2", "--format", "json", stderr=-1)
    output, progress = process.communicate(timeout=240)
    found = json.loads(output)
    assert process.returncode == (0 if found["is_confirmed"] else 1), progress
    assert (found["run_id"], found["side"], found["workload"], found["seed"]) == (number, "mine [/b]", "digits_cnn", 1)

    assert stored(finished) == before, "the store only grows"
    old, new = next(run for run in before if run.run_id == number), stored(finished, f"replay-{number}-")
    assert [run["run_id"] for run in found["runs"]] == [run.run_id for run in new]
    assert [run.result.status for run in new] == [Status.OK] * 2
    assert {run.planned.spec for run in new} == {old.planned.spec}
    assert all(run.result.step_losses == old.result.step_losses for run in new)
    assert all(run["curve"]["is_identical"] for run in found["runs"])
    values = {value["quantity"]: value for value in found["values"]}
    for name in ("test_accuracy", "test_loss", "train_loss"):
        assert values[name]["new"] == [values[name]["old"]] * 2
        assert values[name]["inside"] is True
    assert values["wall"]["interval"]["low"] < values["wall"]["interval"]["high"]
    assert len(set(values["wall"]["new"])) == 2
    with Store.open(str(finished.results / "levelfield.db"), read_only=True) as store:
        assert store.study("latest").study["replays"] == number


def test_what_changed_is_told_in_the_terminal(finished, monkeypatch):
    monkeypatch.setitem(finished.env, "MALLOC_ARENA_MAX", "1")
    number = run_id(finished, "fake_a", 0)
    process = finished.start("replay", str(number))
    output, _ = process.communicate(timeout=240)
    assert process.returncode in (0, 1), output
    words = " ".join(output.split())
    assert "variable MALLOC_ARENA_MAX not set 1" in words
    assert "are bit for bit those of the old run" in words
    assert "such intervals" in words


def test_a_repeat_that_fails_ends_with_exit_status_1(finished):
    write_service(finished.folder / "services", "fake_b", worker="tests.misbehaving_workers:Raises")
    try:
        output = finished.run("replay", str(run_id(finished, "mine [/b]", 1)), expect=1)
    finally:
        write_service(finished.folder / "services", "fake_b")
    assert "failed: RuntimeError" in output
    assert "Without a new value: " in output


def refused(platform, *words):
    before = (platform.results / "levelfield.db").read_bytes()
    output = platform.run("replay", *words, expect=2, timeout=60)
    assert "Traceback" not in output
    assert (platform.results / "levelfield.db").read_bytes() == before
    return output


def test_a_run_that_is_not_there_is_answered_with_those_that_are(finished):
    assert re.search(r"there is no run 999 in .*: its \d+ runs have ids from 1 to \d+; `levelfield runs STUDY`", refused(finished, "999"))
    assert "RUN_ID" in refused(finished, "study")


def test_a_run_of_a_framework_that_is_gone_is_refused(finished):
    file = finished.folder / "services" / "fake_a_worker" / "service.toml"
    text = file.read_text()
    file.unlink()
    try:
        assert "'fake_a'" in refused(finished, str(run_id(finished, "fake_a", 0)))
    finally:
        file.write_text(text)


def test_a_run_on_other_data_is_refused(finished):
    """The store is append-only: the fingerprint is changed in a copy of it whose triggers are gone."""
    other = finished.folder / "other"
    other.mkdir(exist_ok=True)
    (other / "levelfield.db").write_bytes((finished.results / "levelfield.db").read_bytes())
    with sqlite3.connect(other / "levelfield.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE runs SET fingerprints = ?", (json.dumps({"data": "f" * 64}),))
    output = refused(finished, "1", "--results", str(other))
    assert "the fingerprint of digits was ffffffffffff, here it is " in output


def test_without_results_there_is_nothing_to_repeat(tmp_path):
    for words in (["replay", "1"], ["runs"]):
        assert "levelfield run STUDY" in Platform(tmp_path).run(*words, expect=2)
