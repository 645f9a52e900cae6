"""The study that a replay is, and what is refused before anything is started."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from levelfield.planning.plan import plan
from levelfield.problems import StudyError
from levelfield.result import RunResult, Status
from levelfield.services import discover
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.store import StoredRun
from orchestrator import replay_command, session
from orchestrator.connect import UsageError
from orchestrator.replay_command import study_of

MATCHED = RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=3)
SET = {"batch_size": 16, "epochs": 2, "learning_rate": 0.1, "threads": 1, "precision": "fp64"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def stored(spec):
    return StoredRun(
        key=RunKey(study="digits-1", spec_hash=spec.hash, side="mine [/b]", attempt=1),
        run_id=12,
        planned=PlannedRun(spec=spec, side="mine [/b]", pair=0, turn=0),
        result=RunResult(status=Status.OK),
        started_at=NOW,
        finished_at=NOW,
    )


@pytest.mark.parametrize(
    "spec",
    [
        MATCHED,
        replace(MATCHED, **SET),
        replace(MATCHED, track="tuned", mode="compile", precision="bf16"),
        replace(MATCHED, track="article"),
    ],
)
@pytest.mark.parametrize("number", [1, 3])
def test_exactly_the_stored_run_is_planned_and_nothing_else(spec, number):
    study = study_of(stored(spec), number, discover())
    runs = plan(study, plan_seed=1)
    assert [run.spec for run in runs] == [spec] * number
    assert [run.spec.hash for run in runs] == [spec.hash] * number
    assert len({run.side for run in runs}) == number, "a run's key tells the repeats apart"
    assert not study.has_duels


def test_its_name_and_its_record_say_what_it_repeats():
    study = study_of(stored(MATCHED), 1, discover())
    assert (study.name, study.replays) == ("replay-12", 12)
    assert study.title == "Replay of run 12 (mine [/b], digits_cnn, seed 3) of digits-1"
    assert study.model_dump(mode="json")["replays"] == 12


def test_what_was_made_ready_for_a_duel_alone_is_refused():
    with pytest.raises(UsageError, match="run 12 was only made ready for a duel"):
        study_of(stored(replace(MATCHED, trains=False)), 1, discover())


@pytest.mark.parametrize(
    ("change", "words"),
    [({"framework": "jax"}, "'jax'"), ({"mode": "gone"}, "mode"), ({"workload": "gone"}, "'gone'"), ({"device": "tpu"}, "device")],
)
def test_what_is_not_offered_here_is_named(change, words):
    with pytest.raises(StudyError, match=rf"run 12: .*{words}"):
        study_of(stored(replace(MATCHED, **change)), 1, discover())


@pytest.mark.parametrize(
    ("sessions", "done"),
    [
        ([[Status.OK]], 1),
        ([[Status.INVALID, Status.OK], [Status.OK]], 2),
        ([[Status.INVALID], [Status.INVALID], []], 3),
        ([[Status.INVALID, Status.FAILED]], 1),
    ],
)
def test_what_the_machine_disturbed_is_repeated_until_it_is_done_or_given_up(monkeypatch, sessions, done):
    """A repeat that failed is what was to be found out: it is not tried again until it goes well."""
    asked = []

    def execute(_session, _record, *, is_new):
        asked.append(is_new)
        return sessions[len(asked) - 1]

    monkeypatch.setattr(session, "execute", execute)
    replay_command._work(None, None)
    assert asked == [True, False, False][:done]
