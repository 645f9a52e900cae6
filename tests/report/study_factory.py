"""Frames of a study as the store gives them, made by hand."""

from dataclasses import fields
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd

from levelfield.result import PHASES
from levelfield.step_summary import BLOCK_COLUMNS, StepSummary
from tests.certificates import CODES

TABLES = ("runs", "epochs", "block_rows")  # what a test changes or takes away by run
DUELS = ["duel_id", "workload", "workers", "pair", "seed", "attempt", "status", "failure_reason", "members", "evidence"]
BURSTS = ["duel_id", "workload", "workers", "pair", "status", "round", "side", "samples", "duration_s", "idle_cpu_s", "idle_s"]
TENSORFLOW, TORCH = "tensorflow", "torch"


class Given(SimpleNamespace):
    """A study whose summaries always say what its ``block_rows`` say, which tests change."""

    @property
    def steps(self):
        rows = self.block_rows.assign(duration_ns=(self.block_rows["duration_s"] * 1e9).round())
        found = dict(list(rows.groupby("run_id")))
        summaries = [StepSummary.of_columns(**{n: found.get(i, rows[:0])[n] for n in BLOCK_COLUMNS}) for i in self.runs["run_id"]]
        columns = [field.name for field in fields(StepSummary)]
        steps = pd.DataFrame([one.to_dict() for one in summaries], columns=columns)
        of_run = self.runs[["run_id", "side", "seed", "workload", "workers"]].reset_index(drop=True)
        seconds = {
            f"{n}_s": pd.Series([np.asarray(ns) / 1e9 for ns in steps[f"{n}_ns"]], dtype="object") for n in ("steady_step", "warm_step")
        }
        return pd.concat([of_run, steps], axis=1).assign(**seconds).astype({"steady_rate": "float64"})

    def blocks(self, run_ids=None):
        return self.block_rows if run_ids is None else self.block_rows[self.block_rows["run_id"].isin(run_ids)]


def frames(
    *,
    pairs=5,
    speed=(3000.0, 2400.0),
    accuracy=(0.97, 0.97),
    noise=0.02,
    sides=(TENSORFLOW, TORCH),
    frameworks=None,
    workloads=("digits_cnn",),
    track="matched",
    certificates=(),
    draw=5,
):
    """``pairs`` pairs for each workload; ``speed`` in examples/s and ``accuracy`` by side; a run takes 1 s of build and two epochs.

    In the track article the frameworks own the loop: no initial weights of ours, and a block is an epoch.
    """
    block_rows = epoch_blocks if track == "article" else step_blocks
    frameworks = frameworks or sides
    rng = np.random.default_rng(draw)
    runs, epochs, blocks = [], [], []
    for workload in workloads:
        for seed in range(pairs):
            pair = seed * len(workloads) + workloads.index(workload)
            for at, side in enumerate(sides):
                run_id = len(runs) + 1
                rate = speed[at] * np.exp(rng.normal(0, noise))
                runs.append(
                    run_row(run_id, side=side, framework=frameworks[at], workload=workload, seed=seed, pair=pair, train_s=3000 / rate)
                )
                right = round((accuracy[at] + rng.normal(0, noise / 10)) * 10_000)
                epochs += [epoch_row(run_id, side, seed, 0, 5000), epoch_row(run_id, side, seed, 1, right)]
                blocks += block_rows(run_id, side, seed, rate)
    content = {
        "name": "trial",
        "workloads": list(workloads),
        "frameworks": [{"label": side, "framework": framework} for side, framework in zip(sides, frameworks, strict=True)],
        "track": track,
        "margin": 0.03,
        "accuracy_margin": 0.005,
    }
    study = SimpleNamespace(
        id="trial-1",
        name="trial",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        study=content,
        plan_seed=0,
        planned_runs=len(runs),
        levelfield_version="0.1.0",
        source_hash="abc",
    )
    types = {"memory_process_peak_rss_bytes": "Int64", "failure_step": "Int64"}
    runs = pd.DataFrame(runs).astype(types | {"failure_reason": "str"}).assign(track=track)
    if track == "article":
        runs["initial_weights_fingerprint"] = None
    return Given(
        study=study,
        runs=runs,
        epochs=pd.DataFrame(epochs),
        block_rows=pd.DataFrame(blocks),
        duels=pd.DataFrame(columns=DUELS),
        bursts=pd.DataFrame(columns=BURSTS),
        certificates=certificates,
        predictions=dict,
    )


def run_row(run_id, *, side, framework, workload, seed, pair, train_s):
    phases = {f"phase_{name}_s": 0.5 for name in PHASES} | {"phase_build_s": 1.0, "phase_warmup_s": 2.0, "phase_train_s": train_s}
    return {
        "run_id": run_id,
        "side": side,
        "spec_hash": f"{workload}-{framework}-{seed}",
        "attempt": 1,
        "latest": True,
        "pair": pair,
        "turn": run_id,
        "workload": workload,
        "workers": 1,
        "framework": framework,
        "mode": "eager",
        "precision": "fp32",
        "track": "matched",
        "seed": seed,
        "device": "cpu",
        "status": "ok",
        "started_at": pd.Timestamp("2026-01-02", tz="UTC"),
        "finished_at": pd.Timestamp("2026-01-02", tz="UTC"),
        "wall_s": sum(phases.values()),
        **phases,
        "memory_process_peak_rss_bytes": (600 if side == TENSORFLOW else 400) * 2**20,
        "failure_reason": None,
        "failure_step": None,
        "failure_log_tail": None,
        "initial_weights_fingerprint": f"w{seed}",
        "data_fingerprint": "d" * 64,
        "data_source": "official",
        "worker_code": CODES.get(framework, "code"),
        "batch_size": None,
        "epochs": None,
        "learning_rate": None,
        "description": {"framework": framework, "version": "1.0", "threads": 2, "epsilon": f"as {framework} has it"},
        "environment": {"cpu_model": "Model 7", "packages": {"numpy": "2.0"}, "thread_use": {"kernel_share": 0.25}},
    }


def epoch_row(run_id, side, seed, epoch, correct):
    return {
        "run_id": run_id,
        "side": side,
        "seed": seed,
        "epoch": epoch,
        "train_loss": 0.1,
        "test_loss": 0.2,
        "test_accuracy": correct / 10_000,
        "test_correct": correct,
        "test_examples": 10_000,
        "train_s": 1.0,
        "evaluate_s": 0.1,
    }


def step_blocks(run_id, side, seed, rate):
    """One slow block of warm-up and three steady ones."""
    base = {"run_id": run_id, "side": side, "seed": seed, "steps": 40, "samples": 1280}
    durations = [(False, 5.0), *[(True, whole_ns(1280 / rate))] * 3]
    return [
        base | {"epoch": 0, "first_step": 40 * at, "steady": steady, "duration_s": duration, "step_s": duration / 40}
        for at, (steady, duration) in enumerate(durations)
    ]


def epoch_blocks(run_id, side, seed, rate):
    """The first epoch, which compiles, and a steady one."""
    base = {"run_id": run_id, "side": side, "seed": seed, "steps": 120, "samples": 3840, "first_step": 0}
    durations = [(False, 15.0), (True, whole_ns(3840 / rate))]
    return [
        base | {"epoch": at, "steady": steady, "duration_s": duration, "step_s": duration / 120}
        for at, (steady, duration) in enumerate(durations)
    ]


def whole_ns(seconds):
    """As a clock tells it."""
    return round(seconds * 1e9) / 1e9


def end(given, run_id, status, reason=None, step=None, *, keep=False):
    """Let a run end otherwise; unless ``keep``, without the values that only a run to its end has."""
    row = given.runs["run_id"] == run_id
    given.runs.loc[row, ["status", "failure_reason"]] = [status, reason]
    given.runs.loc[row, "failure_step"] = step
    if not keep:
        given.runs.loc[row, ["initial_weights_fingerprint", "data_fingerprint"]] = None
        given.epochs = given.epochs[given.epochs["run_id"] != run_id]
        given.block_rows = given.block_rows[given.block_rows["run_id"] != run_id]
    return given


def drop(given, run_id):
    """A run that is not recorded yet."""
    kept = {name: (f := getattr(given, name))[f["run_id"] != run_id] for name in TABLES}
    return Given(**(vars(given) | kept))
