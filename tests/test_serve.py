"""`levelfield serve`: studies of several users, by priority, then in order; cancelled, followed, taken up again, removed."""

import signal
import time
from contextlib import contextmanager, suppress

import pytest

from levelfield.result import Status
from levelfield.store import Store, StoreError, leasing, requesting
from tests.platform_process import Platform, processes_of, wait_until
from tests.services import write_service

SLOW = {"seeds": 1, "epochs": 300, "bursts": 0, "threads": 1}


def opened(platform):
    return Store.open(str(platform.results / "levelfield.db"), read_only=True)


@contextmanager
def serving(folder):
    """A platform with a scheduler that is ready."""
    platform = Platform(folder)
    for side in ("slow_a", "slow_b"):
        write_service(folder / "services", side, worker="tests.misbehaving_workers:Slow")
    platform.server = platform.start("serve")
    wait_until(lambda: is_ready(platform), timeout_s=120, what="the scheduler")
    yield platform
    platform.server.send_signal(signal.SIGTERM)
    output, _ = platform.server.communicate(timeout=60)
    assert "Traceback" not in output, output
    assert processes_of(platform.server.pid) == []


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One for all tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("served")) as platform:
        yield platform


@pytest.fixture
def mortal(tmp_path):
    """One for a test that kills it."""
    with serving(tmp_path) as platform:
        yield platform


def is_ready(platform):
    with suppress(StoreError), opened(platform) as store:
        return any(claim.acquired_at for claim in leasing.claims(store))
    return False


def at_work(platform):
    with opened(platform) as store:
        return [entry for one in requesting.unfinished(store) for entry in one.progress if entry["what"] == "run"]


def asked(platform, name, priority=0, **fields):
    """Ask for a study without following it; its id."""
    output = platform.run("run", platform.study(["slow_a", "slow_b"], name=name, **fields), "--detach", "--priority", str(priority))
    return next(word for word in output.split() if word.startswith(f"{name}-"))


def outcome(platform, study_id):
    with opened(platform) as store:
        return requesting.latest(store, study_id).outcome


def finished(platform, study_id):
    wait_until(lambda: outcome(platform, study_id), timeout_s=150, what=f"the end of {study_id}")
    return outcome(platform, study_id)


def runs_of(platform, study_id):
    with opened(platform) as store:
        return store.runs(study_id)


def test_run_asks_the_scheduler_and_follows_it_to_the_report(served):
    output = served.run("run", served.study(["fake_a", "fake_b"], name="mine", seeds=2, bursts=2))
    assert "is asked for" in output
    assert "fake_b, digits_cnn, seed 1" in output
    assert "done: 6 of 6 ok" in output
    assert "(mine-" in output, "the report"
    assert "is asked for" in served.run("duel", "fake_a", "fake_b", "--pairs", "1", "--bursts", "2"), "by a duel, too"
    assert "Nothing is under way" in served.run("queue") or "role:scheduler" in served.run("queue")


def test_priority_comes_first_then_order(served):
    first = asked(served, "first", seeds=2, epochs=40, bursts=0)
    wait_until(lambda: at_work(served), timeout_s=30, what="the first run")
    low = asked(served, "low", seeds=1, epochs=2, bursts=0)
    high = asked(served, "high", seeds=1, epochs=2, bursts=0, priority=5)
    assert [finished(served, one) for one in (first, low, high)] == ["done: 4 of 4 ok", "done: 2 of 2 ok", "done: 2 of 2 ok"]
    began = sorted((run.started_at, study) for study in (first, low, high) for run in runs_of(served, study))
    order = list(dict.fromkeys(study for _, study in began))
    assert order == [first, high, low]
    assert [study for _, study in began] == [first] * 2 + [high] * 2 + [first] * 2 + [low] * 2, "between pairs, not within one"


def test_queue_shows_what_is_at_work_and_a_study_can_be_cancelled(served):
    study = asked(served, "long", **SLOW)
    waiting = asked(served, "waiting", **SLOW)
    wait_until(lambda: [entry for entry in at_work(served) if entry["curve"]], timeout_s=60, what="an epoch")
    output = served.run("queue")
    assert study in output
    assert waiting in output
    assert "of 300, test accuracy" in output
    assert "held since" in output
    served.run("cancel", study)
    assert finished(served, study).startswith("cancelled by ")
    assert {run.result.status for run in runs_of(served, study)} == {Status.CANCELLED}
    served.run("cancel", waiting)
    assert finished(served, waiting).startswith("cancelled by ")
    refused = served.run("cancel", study, expect=2)
    assert "is not under way" in refused


def test_a_run_can_be_cancelled_alone(served):
    study = asked(served, "long", **SLOW)
    wait_until(lambda: at_work(served), timeout_s=60, what="the first run")
    turn = at_work(served)[0]["turn"]
    served.run("cancel", study, str(turn))
    wait_until(lambda: [entry for entry in at_work(served) if entry["turn"] != turn], timeout_s=60, what="the other side")
    refused = served.run("cancel", study, str(turn), expect=2)
    assert f"run {turn} of {study} has ended already: cancelled" in refused
    served.run("cancel", study, str(1 - turn))
    assert finished(served, study) == "done: 0 of 2 ok, 2 cancelled"


def test_who_follows_may_leave_and_the_study_goes_on(served):
    follower = served.start("run", served.study(["slow_a"], name="left", seeds=1, epochs=30, bursts=0))
    wait_until(lambda: at_work(served), timeout_s=60, what="the run")
    follower.send_signal(signal.SIGINT)
    output, _ = follower.communicate(timeout=20)
    assert "It goes on" in output
    [entry] = at_work(served)
    assert entry["side"] == "slow_a"
    with opened(served) as store:
        [request] = requesting.unfinished(store)
    assert finished(served, request.study_id) == "done: 1 of 1 ok"


def test_a_study_that_has_no_place_is_refused_with_the_reason(served):
    output = served.run("run", served.study(["fake_a", "fake_b"], name="large", workers=[2], seeds=1), expect=2)
    assert "2 workers need 2 devices" in output
    with opened(served) as store:
        assert not [study for study in store.studies() if study.name == "large"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_serves_next_takes_up_what_was_at_work(mortal, end):
    study = asked(mortal, "long", seeds=1, epochs=16, bursts=0)
    wait_until(lambda: at_work(mortal) and len(runs_of(mortal, study)) == 1, timeout_s=60, what="the first result")
    mortal.server.send_signal(end)
    mortal.server.communicate(timeout=30)
    mortal.server = mortal.start("serve")
    assert finished(mortal, study).startswith("done: ")
    ended = {}
    for run in runs_of(mortal, study):
        ended.setdefault(run.planned.side, []).append(run.result.status)
    assert len(ended) == 2
    assert all(statuses[-1] is Status.OK and statuses.count(Status.OK) == 1 for statuses in ended.values())


def test_a_second_scheduler_waits_until_the_first_has_ended(mortal):
    second = mortal.start("serve")
    time.sleep(4)
    assert second.poll() is None
    mortal.server.send_signal(signal.SIGKILL)
    mortal.server.communicate()
    study = asked(mortal, "later", seeds=1, epochs=2, bursts=0)
    mortal.server = second
    assert finished(mortal, study) == "done: 2 of 2 ok"


def test_logs_are_followed_to_the_end_and_a_study_can_be_removed(served):
    study = asked(served, "noisy", seeds=1, epochs=10, bursts=0)
    refused = served.run("delete", study, "--yes", expect=2)
    assert "is under way" in refused
    wait_until(lambda: at_work(served), timeout_s=60, what="the first run")
    following = served.start("logs", study, "--follow")
    assert finished(served, study) == "done: 2 of 2 ok"
    output, _ = following.communicate(timeout=20)
    assert following.returncode == 0, output
    assert output.count("==> 00") >= 2
    assert "slow_a" in served.run("logs", study, "0") + served.run("logs", study, "1")
    run = runs_of(served, study)[0].run_id
    served.run("delete", study, "--run", str(run), "--yes")
    assert len(runs_of(served, study)) == 1
    served.run("delete", study, "--yes")
    assert not (served.results / "logs" / study).exists()
    assert f"there is no study '{study}'" in served.run("logs", study, expect=2)
