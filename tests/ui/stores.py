"""Small stores for tests of the page: studies of runs made by hand, in milliseconds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey, RunSpec
from levelfield.store import StudyRecord

APP = Path(__file__).parents[2] / "ui" / "app.py"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TWO = ("tensorflow", "torch")


def result(side, seed, *, speed=1.0, steady=True, status=Status.OK, failure=None, told=None, predictions=None):
    """What a short run leaves behind, with a spread that is the same in every test."""
    wobble = 1 + 0.01 * ((seed * 7 + len(side)) % 5)
    duration = int(2e7 * wobble / speed)
    epochs = [
        Epoch(epoch=n, train_loss=1 / (n + 1), test_loss=1.1 / (n + 1), test_correct=300 + 20 * n + seed % 3, test_examples=360,
              train_ns=4 * duration, evaluate_ns=10**6)
        for n in range(3)
    ]  # fmt: skip
    blocks = [
        Block(epoch=n, first_step=15 * k, steps=15, samples=480, duration_ns=duration, steady=steady and n > 0)
        for n in range(3)
        for k in range(4)
    ]
    died = status in {Status.FAILED, Status.CANCELLED}
    return RunResult(
        status=status,
        wall_ns=5 * 10**9,
        phases_ns={"import": 2 * 10**9, "build": 10**8, "warmup": 4 * duration, "train": 8 * duration, "other": 10**7},
        epochs=[] if died else epochs,
        blocks=[] if died else blocks,
        memory_bytes={"process_peak_rss": 500 * 2**20 + seed},
        fingerprints={"data": "d" * 64, "initial_weights": f"{seed:064x}"},
        environment={"cpu_model": "Model 7", "packages": {side: "1.0"}},
        description={"framework": side.title(), "version": "1.0", "threads": 2, "layout": f"{side} first"} if told is None else told,
        failure=failure,
        predictions=predictions,
    )


def fill(store, name="digits", *, sides=TWO, seeds=5, workloads=("digits_cnn",), hours=0, make=result, skip=0, track="matched", duels=()):
    """A study in which every run but the last ``skip`` has ended, as ``make(side, seed)`` says; ``duels``: how each pair's duel ended.

    Returns its id.
    """
    frameworks = [{"framework": side.split("@")[0], "label": side, "mode": "eager", "precision": "fp32"} for side in sides]
    plans = [
        PlannedRun(
            spec=RunSpec(workload=w, framework=f["framework"], mode="eager", seed=s, track=track), side=f["label"], pair=s + 100 * k, turn=t
        )
        for k, w in enumerate(workloads)
        for s in range(seeds)
        for t, f in enumerate(frameworks)
    ]
    study = {"name": name, "title": f"Study {name}", "workloads": list(workloads), "frameworks": frameworks, "seeds": seeds, "track": track}
    study |= {"bursts": 20} if duels else {}
    started = NOW + timedelta(hours=hours)
    store.add_study(
        StudyRecord(
            id=f"{name}-1", name=name, created_at=started, study=study, plan_seed=1, planned_runs=len(plans),
            levelfield_version="0.1.0", source_hash="5" * 64,
        )
    )  # fmt: skip
    for plan in plans[: len(plans) - skip]:
        key = RunKey(study=f"{name}-1", spec_hash=plan.spec.hash, side=plan.side, attempt=1)
        store.record(key, plan, make(plan.side, plan.spec.seed), started_at=started, finished_at=started + timedelta(minutes=1))
    for pair, status in enumerate(duels):
        planned = PlannedDuel(specs={}, workload=workloads[0], seed=pair, pair=pair)
        store.record_duel(f"{name}-1", planned, 1, duel(sides, status), started_at=started, finished_at=started + timedelta(minutes=1))
    return f"{name}-1"


def duel(sides, status=Status.OK):
    """Five rounds in which the first side is twice as fast."""
    common = {
        "steps": 45,
        "samples": 1440,
        "discarded_steps": 3,
        "discarded_ns": 10**7,
        "cpu_ns": 10**9,
        "idle_cpu_ns": 0,
        "idle_ns": 10**9,
    }
    turns = [
        Turn(round=n, side=side, burst=Burst(duration_ns=(1 + at) * 10**8 + n, started_ns=n, **common))
        for n in range(5)
        for at, side in enumerate(sides)
    ]
    failure = None if status is Status.OK else Failure(reason="foreign processes took 1.000 cores")
    return DuelResult(status=status, target_ns=10**8, turns=turns, evidence={"valid": status is Status.OK}, failure=failure)
