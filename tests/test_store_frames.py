"""A study as frames."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import Connection

import levelfield
from levelfield.result import PHASES, Failure, RunResult, Status
from levelfield.store import StoreError
from tests.certificates import certificate
from tests.test_store import NOW, PREDICTIONS, planned, record, result, store, study, url  # noqa: F401

RUNS_BEFORE = ["run_id", "side", "spec_hash", "attempt", "latest", "pair", "turn", "workload", "workers", "framework", "mode", "precision"]
RUNS_BEFORE += ["track", "seed", "device", "status", "started_at", "finished_at", "wall_s", *(f"phase_{name}_s" for name in PHASES)]
RUNS_AFTER = ["failure_reason", "failure_step", "failure_log_tail", "initial_weights_fingerprint", "data_fingerprint"]
RUNS_AFTER += ["data_source", "worker_code", "batch_size", "epochs", "learning_rate", "description", "environment"]
EPOCHS = [
    "run_id",
    "side",
    "seed",
    "epoch",
    "train_loss",
    "test_loss",
    "test_accuracy",
    "test_correct",
    "test_examples",
    "train_s",
    "evaluate_s",
]
BLOCKS = ["run_id", "side", "seed", "epoch", "first_step", "steps", "samples", "duration_s", "steady", "step_s", "device_s"]
STEPS = ["run_id", "side", "seed", "workload", "workers", "epochs", "blocks", "steady_blocks", "steps", "steady_steps", "rated_steps"]
STEPS += ["samples", "warm_samples", "first_epoch_steps", "first_epoch_samples", "steady_rate", "steady_step_s", "warm_step_s"]


@pytest.fixture
def frames(store, url):  # noqa: F811
    record(store, planned(seed=1), RunResult(status=Status.FAILED, failure=Failure(reason="lost")), attempt=1)
    record(store, planned(seed=1), result(), attempt=2)
    failure = Failure(reason="not finite", step=7)
    diverged = result(
        Status.DIVERGED, failure=failure, memory_bytes={"gpu_peak": 5}, epochs=[replace(result().epochs[0], train_loss=math.nan)]
    )
    record(store, planned(seed=2, side="torch #2"), diverged)
    store.add_study(study("other", name="other"))
    record(store, study_id="other")
    return levelfield.load("digits", url)


def test_runs(frames):
    runs = frames.runs
    assert list(runs) == [*RUNS_BEFORE, "memory_gpu_peak_bytes", "memory_rss_peak_bytes", *RUNS_AFTER]
    assert runs["attempt"].tolist() == [1, 2, 1]
    assert runs["latest"].tolist() == [False, True, True]
    assert runs["seed"].tolist() == [1, 1, 2]
    assert runs["side"].tolist() == ["torch", "torch", "torch #2"]
    assert runs["status"].tolist() == ["failed", "ok", "diverged"]
    assert runs["started_at"].iloc[0] == pd.Timestamp(NOW)
    assert runs["wall_s"].iloc[1] == 2**40 / 1e9
    assert runs["phase_import_s"].iloc[1] == 2.0


def test_what_is_missing_is_missing(frames):
    runs = frames.runs
    assert runs["memory_rss_peak_bytes"].isna().tolist() == [True, False, True]
    assert runs["memory_gpu_peak_bytes"].iloc[2] == 5
    assert runs["phase_import_s"].isna().tolist() == [True, False, False]
    assert runs["phase_build_s"].isna().all()
    assert runs["failure_step"].isna().tolist() == [True, True, False]
    assert runs["failure_reason"].isna().tolist() == [False, True, False]
    assert runs["data_fingerprint"].isna().tolist() == [True, False, False]


def test_epochs(frames):
    assert list(frames.epochs) == EPOCHS
    assert frames.epochs["run_id"].tolist() == [2, 2, 3]
    assert frames.epochs["test_accuracy"].tolist() == [0.75] * 3
    assert frames.epochs["train_loss"].isna().tolist() == [False, False, True]
    assert frames.epochs["evaluate_s"].iloc[0] == 5e-9


def test_blocks(frames):
    blocks = frames.blocks()
    assert list(blocks) == BLOCKS
    assert blocks["side"].tolist() == ["torch", "torch", "torch #2", "torch #2"]
    assert blocks["steady"].tolist() == [False, True] * 2
    assert blocks["duration_s"].iloc[0] == 2**40 / 1e9
    assert blocks["step_s"].iloc[0] == 2**40 / 1e9 / 4
    assert blocks["device_s"].iloc[1] == 4e-9
    assert blocks["device_s"].isna().tolist() == [True, False] * 2


def test_what_decides_about_certificates_and_reference_points(store, url):  # noqa: F811
    told = {"environment": {"worker_code": "abc"}, "description": {"data_source": "unverified"}}
    own = planned(seed=1)
    changed = replace(own, spec=replace(own.spec, batch_size=16, epochs=2, learning_rate=0.5))
    record(store, own, result(**told))
    record(store, changed)
    runs = levelfield.load("digits", url).runs
    assert runs["data_source"].tolist()[0] == "unverified"
    assert runs["worker_code"].tolist()[0] == "abc"
    assert runs[["data_source", "worker_code"]].isna().all(axis=1).tolist() == [False, True]
    assert runs[["batch_size", "epochs", "learning_rate"]].isna().all(axis=1).tolist() == [True, False]
    assert runs[["batch_size", "epochs", "learning_rate"]].iloc[1].tolist() == [16, 2, 0.5]


def test_the_certificates_of_the_study_s_workloads_are_there_newest_first(store, url):  # noqa: F811
    store.add_study(study("certified", study={"name": "digits", "workloads": ["digits_cnn", "imdb_lstm"]}))
    for seed, workload in enumerate(("digits_cnn", "cifar10_cnn", "imdb_lstm")):
        store.add_certificate(certificate(workload=workload, seed=seed))
    frames = levelfield.load("certified", url)
    assert frames.certificates == (certificate(workload="imdb_lstm", seed=2), certificate())


def test_an_empty_study_has_the_same_columns_and_types(frames, store, url):  # noqa: F811
    store.add_study(study("bare"))
    bare = levelfield.load("bare", url)
    assert bare.study == study("bare")
    assert list(bare.runs) == RUNS_BEFORE + RUNS_AFTER
    assert bare.runs.dtypes.equals(frames.runs.dtypes[RUNS_BEFORE + RUNS_AFTER])
    assert bare.epochs.dtypes.equals(frames.epochs.dtypes)
    assert list(bare.steps) == STEPS
    assert bare.steps.dtypes.equals(frames.steps.dtypes)
    assert bare.blocks().dtypes.equals(frames.blocks().dtypes)
    assert (len(bare.runs), len(bare.epochs), len(bare.steps), len(bare.blocks())) == (0, 0, 0, 0)


def test_the_store_is_the_default_one(monkeypatch, store, url):  # noqa: F811
    monkeypatch.setenv("LEVELFIELD_STORE", url)
    assert levelfield.load("latest").study == study()
    with pytest.raises(StoreError, match="there is no store"):
        levelfield.load("latest", url + "x")


@pytest.fixture
def asked(monkeypatch):
    """The queries that are made."""
    queries = []
    execute = Connection.execute
    monkeypatch.setattr(Connection, "execute", lambda self, query, *rest: queries.append(str(query)) or execute(self, query, *rest))
    return queries


def test_blocks_are_read_when_they_are_asked_for(store, url, asked):  # noqa: F811
    record(store)
    asked.clear()
    frames = levelfield.load("digits", url)
    assert not [query for query in asked if "FROM blocks" in query]
    assert len(frames.blocks()) == 2
    assert [query for query in asked if "FROM blocks" in query]


def test_predictions_are_read_when_they_are_asked_for(store, url, asked):  # noqa: F811
    run_id = record(store)
    record(store, planned(seed=1), result(predictions=None))
    asked.clear()
    frames = levelfield.load("digits", url)
    assert not [query for query in asked if "predictions" in query]
    assert frames.predictions() == {run_id: PREDICTIONS}
    assert [query for query in asked if "predictions" in query]


def test_predictions_of_some_runs_alone(store, url, monkeypatch):  # noqa: F811
    ids = [record(store, planned(seed=seed)) for seed in range(5)]
    frames = levelfield.load("digits", url)
    monkeypatch.setattr("levelfield.store.store.AT_ONCE", 2)
    assert list(frames.predictions(ids[1:4])) == ids[1:4]
    assert frames.predictions([]) == {}
    assert list(frames.predictions()) == ids


def test_predictions_are_found_from_another_folder(store, url, monkeypatch, tmp_path):  # noqa: F811
    run_id = record(store)
    monkeypatch.chdir(tmp_path)
    frames = levelfield.load("digits", "results/levelfield.db")
    monkeypatch.chdir("/")
    assert list(frames.predictions()) == [run_id]


def test_a_password_is_not_shown(store, url):  # noqa: F811
    assert "results/levelfield.db" not in repr(levelfield.load("digits", url))


def test_loading_takes_as_many_queries_for_many_runs_as_for_few(store, url, monkeypatch):  # noqa: F811
    for seed in range(20):
        record(store, planned(seed=seed))
    executed = []
    execute = Connection.execute
    monkeypatch.setattr(Connection, "execute", lambda self, *args, **kwargs: executed.append(args) or execute(self, *args, **kwargs))
    assert len(levelfield.load("latest", url).runs) == 20
    assert len(executed) < 10
