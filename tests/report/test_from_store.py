"""The whole way: results are stored, loaded as frames, analysed and rendered."""

from datetime import UTC, datetime, timedelta

import pytest

from levelfield.report.analysis import analyse
from levelfield.report.render import to_csv, to_json, to_markdown
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.store.frames import load
from levelfield.store.records import StudyRecord
from levelfield.store.store import Store

START = datetime(2026, 1, 2, tzinfo=UTC)
STUDY = {"name": "trial", "workloads": ["digits_cnn"], "frameworks": [{"label": "tensorflow"}, {"label": "torch", "framework": "torch"}]}


def finished(step_ns, seed):
    blocks = [Block(epoch=0, first_step=50 * at, steps=50, samples=1600, duration_ns=50 * step_ns, steady=at > 0) for at in range(3)]
    epoch = Epoch(
        epoch=0, train_loss=0.1, test_loss=0.2, test_correct=350 + seed, test_examples=360, train_ns=150 * step_ns, evaluate_ns=10
    )
    return RunResult(
        status=Status.OK,
        wall_ns=10**10,
        phases_ns={"build": 10**9, "warmup": 10**9, "train": 60 * step_ns},
        epochs=[epoch],
        blocks=blocks,
        memory_bytes={"process_peak_rss": 2**29},
        fingerprints={"data": "d", "initial_weights": f"w{seed}"},
    )


def store_study(path, results, planned):
    record = StudyRecord(
        id="trial-1",
        name="trial",
        created_at=START,
        study=STUDY,
        plan_seed=0,
        planned_runs=planned,
        levelfield_version="0.1.0",
        source_hash="x",
    )
    with Store.open(str(path)) as store:
        store.add_study(record)
        for turn, (side, seed, result) in enumerate(results):
            spec = RunSpec(workload="digits_cnn", framework=side, mode="eager", seed=seed)
            key = RunKey(study=record.id, spec_hash=spec.hash, side=side, attempt=1)
            store.record(
                key,
                PlannedRun(spec=spec, side=side, pair=seed, turn=turn),
                result,
                started_at=START,
                finished_at=START + timedelta(seconds=1),
            )
    return load("trial-1", str(path))


def test_a_stored_study_is_reported(tmp_path):
    speeds = {"tensorflow": 10**6, "torch": 2 * 10**6}
    results = [(side, seed, finished(ns + seed * 1000, seed)) for seed in range(6) for side, ns in speeds.items()]
    failure = Failure(reason="RuntimeError: lost", step=3)
    results[1] = ("torch", 0, RunResult(status=Status.FAILED, failure=failure))
    frames = store_study(tmp_path / "store.db", results, planned=12)
    found = analyse(frames)
    (comparison,) = found.workloads[0].comparisons
    assert comparison.effects["throughput"].estimate == pytest.approx(2, rel=0.01)
    assert comparison.effects["throughput"].n == 5
    assert "TensorFlow trains 99.8" in comparison.sentence or "TensorFlow trains 99.7" in comparison.sentence
    assert comparison.accuracy.equivalent
    assert "PyTorch, seed 0, attempt 1: failed at step 3: RuntimeError: lost" in to_markdown(found)
    assert '"failure_step"' not in to_json(found)
    assert to_csv(frames, found).count("\n") == 13


def test_a_stored_study_without_runs_is_reported(tmp_path):
    frames = store_study(tmp_path / "store.db", [], planned=12)
    found = analyse(frames)
    assert found.labels[0].why == "0 of 12 planned runs are recorded"
    assert "No run of PyTorch is recorded." in to_markdown(found)
    assert to_csv(frames, found).count("\n") == 1
