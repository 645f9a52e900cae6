"""Several pairs of a study at work at once, on devices of their own; and how all of it is stopped."""

import signal
import time
from itertools import combinations

import pytest

from levelfield.result import Status
from levelfield.store import Store, leasing
from tests.platform_process import Platform, processes_of, wait_until, workers_of
from tests.services import write_service


@pytest.fixture
def platform(tmp_path):
    platform = Platform(tmp_path)
    for side in ("slow_a", "slow_b"):
        write_service(tmp_path / "services", side, worker="tests.misbehaving_workers:Slow")
    return platform


def study(platform, **fields):
    """Of which two pairs are at work at once, on a share of the processors each."""
    return platform.study(["slow_a", "slow_b"], **{"seeds": 4, "shares": 2, "isolation": "device", "bursts": 2, "threads": 1} | fields)


def stored(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        assert leasing.claims(store) == []
        [only] = store.studies()
        return store.runs(only.id), store.duels(only.id)


def test_two_pairs_are_at_work_at_once_and_never_on_the_same_cores(platform):
    platform.run("run", study(platform))
    runs, duels = stored(platform)
    assert [run.result.status for run in runs] == [Status.OK] * 8
    assert [duel.result.status for duel in duels] == [Status.OK] * 4
    spans = {}
    for one in [*runs, *duels]:
        pair = one.planned.pair if hasattr(one, "planned") else one.pair
        spans.setdefault(pair, []).append(one)
    whole = {pair: (min(one.started_at for one in ones), max(one.finished_at for one in ones)) for pair, ones in spans.items()}
    cores = {run.planned.pair: tuple(run.result.environment["cores"]) for run in runs}
    together = [(a, b) for a, b in combinations(whole, 2) if whole[a][0] < whole[b][1] and whole[b][0] < whole[a][1]]
    assert together, "one pair began when the one before had ended"
    assert all(cores[a] != cores[b] for a, b in together)
    assert len(set(cores.values())) == 2
    for pair in whole:
        assert {run.result.environment["cores"][0] for run in runs if run.planned.pair == pair} == {cores[pair][0]}, "a pair's sides"


def test_with_hosts_to_themselves_pairs_come_one_after_the_other(platform):
    platform.run("run", study(platform, seeds=2, isolation="host"))
    runs, _ = stored(platform)
    ends = {run.planned.pair: max(other.finished_at for other in runs if other.planned.pair == run.planned.pair) for run in runs}
    assert min(run.started_at for run in runs if run.planned.pair == 1) > ends[0]


def test_ctrl_c_ends_all_of_them_in_order_and_resume_goes_on(platform):
    process = platform.start("run", study(platform, epochs=60))
    wait_until(lambda: len(workers_of(process.pid)) == 2, timeout_s=60, what="both pairs")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    output, _ = process.communicate(timeout=30)
    assert "levelfield resume" in output
    wait_until(lambda: processes_of(process.pid) == [], timeout_s=10, what="the end of all processes")
    runs, _ = stored(platform)
    assert [run.result.status for run in runs] == [Status.CANCELLED] * 2
    assert {run.planned.pair for run in runs} == {0, 1}
    assert {run.result.failure.reason for run in runs} == {"interrupted by the user"}


def test_a_second_ctrl_c_ends_it_at_once(platform):
    """Here the store cannot be written, so that ending in order would last."""
    process = platform.start("run", study(platform, epochs=60))
    wait_until(lambda: len(workers_of(process.pid)) == 2, timeout_s=60, what="both pairs")
    time.sleep(0.5)
    with Store.open(str(platform.results / "levelfield.db")) as store, store.locking():
        process.send_signal(signal.SIGINT)
        time.sleep(1.5)
        assert process.poll() is None, "it waits for the store"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=2) == 130
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "stopped at once" in output
    wait_until(lambda: processes_of(process.pid) == [], timeout_s=15, what="the end of all processes")
