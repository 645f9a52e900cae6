"""What came of runs and duels reaches the store once, whatever becomes of the store meanwhile."""

from dataclasses import asdict, fields
from datetime import UTC, datetime

import pytest

from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.planning.record import new_record
from levelfield.result import Epoch, RunResult, Status
from levelfield.store import Store, StoreError
from levelfield.store.records import StoreAwayError
from orchestrator import patience
from orchestrator.patience import Patience
from orchestrator.recording import Recorder
from tests.test_looks import study
from tests.test_schedule import planned, with_duel

NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "levelfield.db")) as opened:
        yield opened


@pytest.fixture
def record(store):
    made = new_record(study())
    store.add_study(made)
    return made


class Flaky:
    """A store that is away the next ``away`` times; with ``lost``, what it was asked is done all the same, and only the answer is lost."""

    def __init__(self, store, *, away, lost=False):
        self.store, self.away, self.lost = store, away, lost

    def record(self, *words, **more):
        return self._call(self.store.record, *words, **more)

    def record_duel(self, *words, **more):
        return self._call(self.store.record_duel, *words, **more)

    def _call(self, write, *words, **more):
        if not self.away:
            return write(*words, **more)
        self.away -= 1
        if self.lost:
            write(*words, **more)
            self.lost = False
        raise StoreAwayError("the server does not answer")


def result():
    epoch = Epoch(epoch=0, train_loss=0.5, test_loss=float("inf"), test_correct=3, test_examples=4, train_ns=1, evaluate_ns=2)
    return RunResult(status=Status.OK, epochs=[epoch], step_losses=[0.25, float("nan")], phases_ns={"train": 7})


def duel_result():
    burst = Burst(**dict.fromkeys((field.name for field in fields(Burst)), 1))
    return DuelResult(status=Status.OK, target_ns=5, turns=[Turn(round=0, side="torch", burst=burst)], members={"torch": [{"pid": 1}]})


def recorder(store, record, tmp_path, pause=lambda seconds: None, tell=lambda line: None):
    return Recorder(store=store, study_id=record.id, folder=tmp_path / "unrecorded", patience=Patience(pause=pause, tell=tell))


@pytest.mark.parametrize("lost", [False, True])
def test_a_store_that_is_away_gets_the_result_when_it_is_back_and_once(store, record, tmp_path, lost):
    waits, told = [], []

    def pause(seconds):
        waits.append((seconds, [file.name for file in (tmp_path / "unrecorded").iterdir()]))

    recording = recorder(Flaky(store, away=3, lost=lost), record, tmp_path, pause, told.append)
    recording.run(planned(2), 1, result(), NOW)
    assert waits == [(patience.RETRY_S, ["run-2-1.json"])] * 3, "it waits on disk, too"
    assert told[0] == "the server does not answer; trying again until it answers"
    [run] = store.runs(record.id)
    assert repr(run.result) == repr(result())
    assert list((tmp_path / "unrecorded").iterdir()) == []
    recording.duel(with_duel(0).duel[0], 1, duel_result(), NOW)
    assert len(store.duels(record.id)) == 1


def interrupt(seconds):
    raise KeyboardInterrupt


def test_what_could_not_be_written_is_written_by_the_next_session(store, record, tmp_path):
    for write in (
        lambda to: to.run(planned(2), 1, result(), NOW),
        lambda to: to.duel(with_duel(0).duel[0], 1, duel_result(), NOW),
    ):
        with pytest.raises(KeyboardInterrupt):
            write(recorder(Flaky(store, away=1), record, tmp_path, interrupt))
    assert store.runs(record.id) == []
    again = recorder(store, record, tmp_path)
    assert (again.take_up(), again.take_up()) == (2, 0)
    [run], [duel] = store.runs(record.id), store.duels(record.id)
    assert (repr(run.result), run.planned, run.started_at) == (repr(result()), planned(2), NOW)
    assert asdict(duel.result) == asdict(duel_result())


def test_what_was_written_although_nobody_heard_is_not_written_twice(store, record, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        recorder(Flaky(store, away=1, lost=True), record, tmp_path, interrupt).run(planned(2), 1, result(), NOW)
    again = recorder(store, record, tmp_path)
    assert again.take_up() == 0
    assert len(store.runs(record.id)) == 1


def test_a_full_disk_leaves_it_in_memory(store, record, tmp_path):
    (tmp_path / "unrecorded").write_text("a file where the folder should be")
    recorder(Flaky(store, away=2), record, tmp_path).run(planned(2), 1, result(), NOW)
    assert len(store.runs(record.id)) == 1


def test_what_is_refused_is_no_question_of_patience(store, record, tmp_path):
    recording = recorder(store, record, tmp_path)
    recording.run(planned(2), 1, result(), NOW)
    with pytest.raises(StoreError, match="already"):
        recording.run(planned(2), 1, result(), NOW)
