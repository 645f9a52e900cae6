"""What a store keeps and refuses. `StoreContract` runs here on SQLite, and in test_store_postgres.py on PostgreSQL."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.predictions import Predictions
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey, RunSpec
from levelfield.store import Store, StoreError, StudyRecord
from levelfield.store.address import parse
from levelfield.store.tables import metadata
from tests import networks
from tests.certificates import certificate
from tests.lease_contract import LeaseContract
from tests.request_contract import RequestContract

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TIMES = {"started_at": NOW, "finished_at": NOW + timedelta(seconds=90)}
BIG = 2**40
PREDICTIONS = networks.pair(both=30, a_only=0, b_only=0, same_error=10)[0]
OPEN = "import sys; from levelfield.store import Store; print(flush=True); sys.stdin.readline(); Store.open(sys.argv[1]).close()"


def study(study_id="digits-1", **changes) -> StudyRecord:
    record = StudyRecord(
        id=study_id,
        name="digits",
        created_at=NOW,
        study={"name": "digits", "title": "größer, 学習"},
        plan_seed=2**62,
        planned_runs=4,
        levelfield_version="0.1.0",
        source_hash="abc",
    )
    return replace(record, **changes)


def planned(*, seed=0, side="torch") -> PlannedRun:
    return PlannedRun(spec=RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=seed), side=side, pair=seed, turn=1)


def key_of(run: PlannedRun, *, attempt=1, study_id="digits-1") -> RunKey:
    return RunKey(study=study_id, spec_hash=run.spec.hash, side=run.side, attempt=attempt)


def result(status=Status.OK, **changes) -> RunResult:
    counted = {"test_correct": 30, "test_examples": 40, "train_ns": BIG, "evaluate_ns": 5}
    values = {
        "wall_ns": BIG,
        "phases_ns": {"import": 2_000_000_000, "train": BIG},
        "epochs": [Epoch(epoch=n, train_loss=0.1 + n, test_loss=1 / 3, **counted) for n in range(2)],
        "blocks": [
            Block(epoch=0, first_step=s, steps=4, samples=128, duration_ns=BIG + s, steady=s > 0, device_ns=s or None) for s in (0, 4)
        ],
        "step_losses": [0.1, 1e-300, 2.5],
        "memory_bytes": {"rss_peak": BIG},
        "fingerprints": {"data": "d1", "initial_weights": "w1"},
        "environment": {"cpu": {"model": "Große CPU ©", "cores": [0, 1]}, "gpu": None},
        "description": {"version": "2.14", "threads": 2},
        "predictions": PREDICTIONS,
    }
    return RunResult(status=status, **(values | changes))


def planned_duel(pair=0) -> PlannedDuel:
    return PlannedDuel(specs={"torch": planned(seed=pair).spec}, workload="digits_cnn", seed=pair, pair=pair)


def duel_result(status=Status.OK, **changes) -> DuelResult:
    burst = Burst(
        steps=45,
        samples=1440,
        duration_ns=BIG,
        discarded_steps=15,
        discarded_ns=7,
        cpu_ns=BIG + 1,
        idle_cpu_ns=0,
        idle_ns=9,
        started_ns=BIG,
        device_ns=BIG - 1,
    )
    turns = [Turn(round=number, side=side, burst=burst) for number in range(2) for side in ("torch", "größer")]
    values = {"turns": turns, "members": {"torch": {"pid": 7}}, "evidence": {"valid": True, "foreign": 0.1}}
    return DuelResult(status=status, target_ns=BIG, **(values | changes))


def record(store, run=None, outcome=None, **key) -> int:
    run = run or planned()
    return store.record(key_of(run, **key), run, outcome or result(), **TIMES)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/results/levelfield.db"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        opened.add_study(study())
        yield opened


class StoreContract:
    """What must hold in both databases. The fixture ``url`` names a store that does not exist yet."""

    def test_a_study_comes_back_as_it_was(self, store):
        assert store.studies() == [study()]

    def test_a_run_comes_back_as_it_was(self, store):
        run_id = record(store)
        [found] = store.runs("digits-1")
        assert (found.run_id, found.key, found.planned, found.result) == (run_id, key_of(planned()), planned(), result())
        assert (found.started_at, found.finished_at) == (TIMES["started_at"], TIMES["finished_at"])
        assert found.started_at.tzinfo is UTC

    def test_times_of_another_zone_come_back_in_utc(self, store):
        elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
        store.add_study(study("z", created_at=elsewhere))
        assert store.study("z").created_at == NOW
        assert store.study("z").created_at.tzinfo is UTC
        with pytest.raises(StoreError, match="no time zone"):
            store.add_study(study("naive", created_at=NOW.replace(tzinfo=None)))

    def test_losses_that_are_not_finite_come_back(self, store):
        bad = [math.nan, math.inf, -math.inf]
        epochs = [replace(result().epochs[0], epoch=n, train_loss=loss, test_loss=-loss) for n, loss in enumerate(bad)]
        failure = Failure(reason="not finite", step=3)
        record(store, outcome=result(Status.DIVERGED, step_losses=[1.0, *bad], epochs=epochs, failure=failure))
        [found] = store.runs("digits-1")
        assert repr(found.result.step_losses) == repr([1.0, *bad])
        assert repr([epoch.train_loss for epoch in found.result.epochs]) == repr(bad)
        assert found.result.failure == failure

    def test_json_holds_no_nan(self, store):
        record(store, outcome=result(environment={"load": [math.nan, {"noise": math.inf}]}))
        assert store.runs("digits-1")[0].result.environment == {"load": ["nan", {"noise": "inf"}]}

    def test_a_failure_comes_back_with_any_text(self, store):
        failure = Failure(reason="выпало 💥", error_type="RuntimeError", traceback="line\n", log_tail="nul \x00 byte \udcff")
        record(store, outcome=RunResult(status=Status.FAILED, failure=failure))
        assert store.runs("digits-1")[0].result == RunResult(status=Status.FAILED, failure=failure)

    def test_a_key_is_recorded_once(self, store):
        record(store)
        with pytest.raises(StoreError, match=rf"{planned().spec.hash}/1 is in .* already"):
            record(store, outcome=result(Status.INVALID))
        assert [run.result.status for run in store.runs("digits-1")] == [Status.OK]

    def test_a_run_is_recorded_whole_or_not_at_all(self, store):
        with pytest.raises(StoreError, match="cannot be used"):
            record(store, outcome=result(epochs=result().epochs[:1] * 2))
        assert store.runs("digits-1") == []

    def test_predictions_come_back_by_run(self, store):
        other = networks.pair(3, 2, 1, 1, 1)[1]
        first, second = record(store), record(store, planned(seed=1), result(predictions=other))
        record(store, planned(seed=2), result(predictions=None))
        store.add_study(study("another"))
        record(store, study_id="another")
        assert store.predictions("digits-1") == {first: PREDICTIONS, second: other}
        assert store.predictions("digits-1")[second].predicted().tolist() == other.predicted().tolist()
        assert [run.result.predictions for run in store.runs("digits-1")] == [PREDICTIONS, other, None]
        assert store.predictions("absent") == {}

    def test_a_run_whose_predictions_cannot_be_written_is_not_recorded(self, store):
        unpacked = Predictions(classes=3, examples=4, packed=None)
        with pytest.raises(StoreError, match="cannot be used"):
            record(store, outcome=result(predictions=unpacked))
        assert store.runs("digits-1") == []

    def test_a_run_needs_its_study(self, store):
        with pytest.raises(StoreError, match="belongs to no study"):
            record(store, study_id="other")

    def test_a_study_is_added_once(self, store):
        with pytest.raises(StoreError, match=r"there is a study digits-1 in .* already"):
            store.add_study(study())

    def test_a_key_must_be_that_of_the_run(self, store):
        with pytest.raises(ValueError, match="not that of the planned run"):
            store.record(key_of(planned(seed=1)), planned(seed=2), result(), **TIMES)

    @pytest.mark.parametrize("table", [name for name in metadata.tables if name not in {"leases", "requests"}])
    def test_no_row_can_be_changed(self, store, url, table):
        record(store)
        store.record_duel("digits-1", planned_duel(), 1, duel_result(), **TIMES)
        store.add_certificate(certificate())
        column = metadata.tables[table].columns.keys()[-1]
        engine = create_engine(parse(url))
        with pytest.raises(DBAPIError, match=f"append-only: a row of {table} cannot be changed"), engine.begin() as connection:
            connection.execute(text(f"UPDATE {table} SET {column} = {column}"))
        engine.dispose()
        assert store.runs("digits-1")[0].result == result()

    def test_deleting_a_study_takes_its_runs_along(self, store):
        record(store)
        store.record_duel("digits-1", planned_duel(), 1, duel_result(), **TIMES)
        store.add_certificate(certificate())
        with store._transaction() as connection:
            connection.execute(text("DELETE FROM studies"))
            left = {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in metadata.tables}
        # A certificate speaks of two workers, not of a study.
        assert left == dict.fromkeys(metadata.tables, 0) | {"certificates": 1}

    def test_a_duel_comes_back_as_it_was(self, store):
        failed = duel_result(Status.FAILED, turns=[], failure=Failure(reason="its process ended"))
        for attempt, given in enumerate((failed, duel_result()), start=1):
            store.record_duel("digits-1", planned_duel(3), attempt, given, **TIMES)
        found = store.duels("digits-1")
        assert [duel.result for duel in found] == [failed, duel_result()]
        assert [(duel.workload, duel.seed, duel.pair, duel.attempt, duel.started_at) for duel in found] == [
            ("digits_cnn", 3, 3, attempt, NOW) for attempt in (1, 2)
        ]
        assert store.duel_attempts("digits-1") == {("digits_cnn", 3): [(1, Status.FAILED), (2, Status.OK)]}
        assert store.duels("another") == []

    def test_an_attempt_at_a_duel_is_recorded_once(self, store):
        store.record_duel("digits-1", planned_duel(), 1, duel_result(), **TIMES)
        with pytest.raises(StoreError, match="digits-1, digits_cnn, pair 0, attempt 1"):
            store.record_duel("digits-1", planned_duel(), 1, duel_result(), **TIMES)
        with pytest.raises(StoreError, match="another"):
            store.record_duel("another", planned_duel(), 1, duel_result(), **TIMES)
        assert len(store.duels("digits-1")[0].result.turns) == 4

    def test_a_certificate_comes_back_as_it_was(self, store):
        given = certificate(earlier=("seed 0: über der Schranke",))
        first = store.add_certificate(given)
        assert store.certificates() == [given]
        assert store.add_certificate(given) > first

    @pytest.mark.parametrize("value", [math.inf, math.nan])
    def test_differences_that_are_not_finite_come_back(self, store, value):
        """Two workers with different shapes, or one that computed NaN."""
        bad = certificate(beyond="output/conv1", relative=value)
        bad = replace(bad, tolerances={"output": replace(bad.tolerances["output"], value=math.inf)})
        store.add_certificate(bad)
        [found] = store.certificates()
        assert repr(found) == repr(bad)
        assert (found.passed, found.verdict) == (False, bad.verdict)

    def test_certificates_come_newest_first(self, store):
        days = ("2026-03-02T00:00:00+00:00", "2026-03-03T04:00:00+05:30", "2026-03-02T23:00:00+00:00", "2026-03-02T23:00:00+00:00")
        for seed, day in enumerate(days):
            store.add_certificate(certificate(created_at=day, seed=seed))
        store.add_certificate(certificate(workload="other", seed=9))
        assert [found.seed for found in store.certificates("digits_cnn")] == [3, 2, 1, 0]
        assert [found.seed for found in store.certificates()] == [3, 2, 1, 0, 9]
        assert store.certificates("absent") == []

    def test_a_certificate_s_columns_say_what_it_is_about(self, store):
        store.add_certificate(certificate(beyond="output/conv1"))
        with store._transaction() as connection:
            row = connection.execute(text("SELECT * FROM certificates")).one()._asdict()
        told = {name: value for name, value in row.items() if name not in {"id", "created_at", "content"}}
        assert told == {
            "workload": "digits_cnn", "track": "matched", "precision": "fp32", "passed": False,
            "framework_a": "tensorflow", "mode_a": "eager", "device_a": "cpu", "code_a": "tf-code",
            "framework_b": "torch", "mode_b": "eager", "device_b": "cpu", "code_b": "torch-code",
        }  # fmt: skip

    def test_a_certificate_needs_a_time_with_a_zone(self, store):
        with pytest.raises(StoreError, match="no time zone"):
            store.add_certificate(certificate(created_at="2026-03-01T12:00:00"))

    def test_attempts_and_counts_and_order(self, store):
        store.add_study(study("empty"))
        other = planned(seed=1, side="torch #2")
        ids = [record(store, planned(), result(Status.INVALID), attempt=2), record(store, planned(), result(Status.FAILED), attempt=1)]
        ids.append(record(store, other, result(Status.OK)))
        assert store.attempts("digits-1") == {
            (planned().spec.hash, "torch"): [(1, Status.FAILED), (2, Status.INVALID)],
            (other.spec.hash, "torch #2"): [(1, Status.OK)],
        }
        assert store.counts() == {"digits-1": {Status.INVALID: 1, Status.OK: 1}, "empty": {}}
        assert [run.run_id for run in store.runs("digits-1")] == ids == sorted(ids)

    def test_a_run_is_found_by_its_id_alone(self, store):
        store.add_study(study("other"))
        ids = [record(store, planned(seed=seed), study_id=study_id) for seed in range(2) for study_id in ("digits-1", "other")]
        assert [(store.run(one).run_id, store.run(one).key.study) for one in ids] == list(zip(ids, ["digits-1", "other"] * 2, strict=True))
        assert store.run(ids[-1]) == store.runs("other")[-1]

    def test_a_run_that_is_not_there_is_answered_with_those_that_are(self, store):
        with pytest.raises(StoreError, match=r"no run 5 in .*: it has none yet"):
            store.run(5)
        last = [record(store, planned(seed=seed)) for seed in range(3)][-1]
        with pytest.raises(StoreError, match=rf"no run 99 in .*: its 3 runs have ids from {last - 2} to {last}; `levelfield runs STUDY`"):
            store.run(99)

    def test_migrations_make_the_tables_of_the_code(self, store):
        with store._engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []

    def test_opening_again_keeps_what_is_there(self, store, url):
        record(store)
        with Store.open(url) as again:
            assert len(again.runs("digits-1")) == 1

    def test_a_reader_reads_and_cannot_write(self, store, url):
        record(store)
        with Store.open(url, read_only=True) as reader:
            assert reader.runs("digits-1")[0].result == result()
            with pytest.raises(StoreError, match=r"read-?only"):
                reader.add_study(study("more"))

    def test_processes_may_open_a_fresh_store_together(self, url):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        openers = [subprocess.Popen([sys.executable, "-c", OPEN, url], text=True, **pipes) for _ in range(3)]
        for opener in openers:
            opener.stdout.readline()
        for opener in openers:
            opener.stdin.write("\n")
            opener.stdin.flush()
        assert [(opener.communicate(timeout=60)[1], opener.returncode) for opener in openers] == [("", 0)] * 3
        with Store.open(url, read_only=True) as reader:
            assert reader.studies() == []

    def test_a_newer_store_is_refused(self, store, url):
        with store._transaction() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for read_only in (False, True):
            with pytest.raises(StoreError, match=r"newer Levelfield .schema 9999"):
                Store.open(url, read_only=read_only)
        with store._transaction() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


class TestSqlite(StoreContract):
    pass


class TestSqliteLeases(LeaseContract):
    pass


class TestSqliteRequests(RequestContract):
    pass
