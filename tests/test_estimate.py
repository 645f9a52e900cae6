"""How long a study will take, from what is stored."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.planning.estimate import estimate, past, round_s
from levelfield.planning.plan import pending
from levelfield.planning.record import new_record
from levelfield.result import RunResult, Status
from levelfield.spec import RunKey
from levelfield.store import Store, reading
from orchestrator import listing
from tests.test_looks import study

NOW = datetime.now(UTC)
SECOND = 10**9


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "levelfield.db")) as opened:
        yield opened


def fill(store, given, *, epoch_s=2.0, before_s=5.0, sides=("tensorflow", "torch"), status=Status.OK, duel_s=None):
    """All runs of a study, as if each had taken so long."""
    record = new_record(given)
    store.add_study(record)
    burst = Burst(**dict.fromkeys((field.name for field in fields(Burst)), 1))
    for pair in pending(given, record.plan_seed, {}, {}):
        for run, attempt in pair.runs:
            if run.side in sides:
                epochs = run.spec.epochs or 8
                training = int(epochs * epoch_s * SECOND)
                phases = {"import": int(before_s * SECOND), "train": training - 7, "evaluate": 7}
                result = RunResult(status=status, wall_ns=sum(phases.values()), phases_ns=phases)
                key = RunKey(study=record.id, spec_hash=run.spec.hash, side=run.side, attempt=attempt)
                store.record(key, run, result, started_at=NOW, finished_at=NOW + timedelta(seconds=result.wall_ns / SECOND))
        if duel_s and pair.duel:
            ended = NOW + timedelta(seconds=duel_s)
            turns = [Turn(round=number, side=side, burst=burst) for number in range(given.bursts) for side in sides]
            store.record_duel(
                record.id, *pair.duel, DuelResult(status=Status.OK, target_ns=1, turns=turns), started_at=NOW, finished_at=ended
            )


def estimated(store, given):
    return estimate(given, past(store, given.workloads), round_s(store, given.workloads))


def shown(found, room=None):
    from rich.console import Console

    console = Console(width=160, record=True)
    console.print(listing.estimate(found, room=room))
    return console.export_text()


def small(**changes):
    return study(**{"until_decided": False, "seeds": 3, "epochs": 4} | changes)


def test_a_study_of_other_length_takes_what_its_epochs_do(store):
    fill(store, small(), duel_s=30)
    found = estimated(store, small(epochs=10, seeds=2, bursts=40))
    assert [(part.side, part.runs, part.known_runs) for part in sorted(found.parts, key=lambda part: part.side)] == [
        ("tensorflow", 2, 3),
        ("torch", 2, 3),
    ]
    assert all(part.seconds == pytest.approx(5 + 20) for part in found.parts)
    assert found.seconds == pytest.approx(4 * 25 + 2 * 60), "twice as many bursts as were taken then"
    assert found.device_hours == pytest.approx(found.seconds / 3600)
    assert found.is_complete
    assert "4 runs and 2 duels: about 3 min 40 s one pair at a time" in shown(found)
    assert "This cluster has 2 pairs at work at once: about 1 min 50 s" in shown(found, room=4), "there are no more"


def test_what_is_not_known_is_said_and_not_guessed(store):
    fill(store, small(), sides=("torch",))
    found = estimated(store, small())
    unknown = [part for part in found.parts if part.seconds is None]
    assert [part.side for part in unknown] == ["tensorflow"]
    assert not found.is_complete
    assert "at least" in shown(found)
    assert "unknown" in shown(found)
    assert "none stored yet" in shown(found)


def test_runs_that_did_not_go_well_tell_nothing(store):
    fill(store, small(), status=Status.FAILED)
    assert past(store, ["digits_cnn"]) == {}
    assert round_s(store, ["digits_cnn"]) == {}


def test_a_gang_takes_as_many_devices_as_it_has_workers(store):
    fill(store, small(workers=[2], bursts=0))
    found = estimated(store, small(workers=[2], bursts=0))
    assert found.duels == 0
    assert found.device_hours == pytest.approx(2 * found.seconds / 3600)


def test_a_run_of_another_kind_does_not_count(store):
    fill(store, small())
    other = estimated(store, small(threads=1))
    assert [part.seconds for part in other.parts] == [None, None]
    assert replace(other.parts[0], seconds=1.0).known_runs == 0


def test_of_each_kind_the_newest_runs_count(store, monkeypatch):
    fill(store, small(seeds=4), epoch_s=9.0)
    fill(store, small(seeds=4))
    monkeypatch.setattr(reading, "RECENT", 4)
    assert [(part.seconds, part.known_runs) for part in estimated(store, small()).parts] == [(pytest.approx(5 + 4 * 2), 4)] * 2
