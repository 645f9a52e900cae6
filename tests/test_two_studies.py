"""Two orchestrators on one machine: those of one store take turns, pair by pair, instead of disturbing each other."""

import signal
from itertools import groupby, pairwise

import pytest

from levelfield.result import Status
from levelfield.store import Store, leasing
from tests.platform_process import Platform, wait_until


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


def database(platform):
    return Store.open(str(platform.results / "levelfield.db"), read_only=True)


def spans(platform):
    """Of every pair of every study: from the start of its first run to the end of its duel, and whose it is."""
    found = []
    with database(platform) as store:
        for study in store.studies():
            pairs = {}
            for run in store.runs(study.id):
                pairs.setdefault(run.planned.pair, []).append(run)
            for duel in store.duels(study.id):
                pairs[duel.pair].append(duel)
            found += [(min(m.started_at for m in ms), max(m.finished_at for m in ms), study.id) for ms in pairs.values()]
    return sorted(found)


def test_two_studies_of_one_store_take_turns(platform):
    file = platform.study(["fake_a", "fake_b"], seeds=3, bursts=3, epochs=3)
    processes = [platform.start("run", file) for _ in range(2)]
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    found = spans(platform)
    assert len(found) == 6
    overlapping = [(a, b) for a, b in pairwise(found) if b[0] < a[1]]
    assert overlapping == []
    turns = [(study, len(list(members))) for study, members in groupby(found, key=lambda span: span[2])]
    assert len(turns) > 2, f"one study did all of its pairs at a stretch: {turns}"
    assert any("waiting: study" in output and "holds host:" in output for output in outputs)
    assert not any("another store" in output for output in outputs)
    with database(platform) as store:
        assert leasing.claims(store) == []


def test_a_killed_study_leaves_its_turn_and_an_interrupted_one_its_place_in_the_queue(platform):
    file = platform.study(["fake_a", "fake_b"], seeds=1, epochs=500)
    first = platform.start("run", file)
    wait_until(lambda: list(platform.results.glob("logs/*/*.log")), timeout_s=60, what="the first run to start")
    second = platform.start("run", file)
    third = platform.start("run", platform.study(["fake_a", "fake_b"], seeds=1, bursts=2))

    def queue():
        with database(platform) as store:
            return [claim.holder.pid for claim in leasing.claims(store)]

    wait_until(lambda: set(queue()) == {first.pid, second.pid, third.pid}, timeout_s=60, what="both to wait")
    second.send_signal(signal.SIGINT)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 130, output
    assert queue() == [first.pid, third.pid]
    first.kill()
    first.wait()
    output, _ = third.communicate(timeout=120)
    assert third.returncode == 0, output
    with database(platform) as store:
        ended = {study.id: [run.result.status for run in store.runs(study.id)] for study in store.studies()}
    assert sorted(ended.values()) == [[], [Status.OK] * 2], "the second one had stored no study yet"


def test_studies_of_different_stores_only_warn_each_other(platform):
    first = platform.start("run", platform.study(["fake_a"], seeds=1, epochs=500))
    wait_until(lambda: list(platform.results.glob("logs/*/*.log")), timeout_s=60, what="the first run to start")
    output = platform.run("run", platform.study(["fake_a"], seeds=1), "--store", str(platform.folder / "other.db"))
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert "a study of another store is being measured on this machine" in output
