"""Studies as they might have been measured over half a year, for `bench/ui_store.py`: drawn at random, the same each time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from levelfield import workloads
from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.predictions import Predictions
from levelfield.result import Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey, RunSpec
from levelfield.store import StudyRecord

STUDIES = 40
LARGE = 17  # which of them holds a fifth of the runs
FIRST = datetime(2026, 5, 1, 8, tzinfo=UTC)
APART = timedelta(days=4.5)
LOSSES = 2000
ROUNDS = 20
VERSIONS = {"tensorflow": ("2.19.0", "2.20.0", "2.21.0"), "torch": ("2.7.1", "2.8.0", "2.9.0", "2.9.1")}
SPEEDS = {"cifar10_cnn": 3000.0, "digits_cnn": 9000.0, "imdb_lstm": 400.0, "newsgroups_mlp": 5000.0}
TESTED = {"cifar10_cnn": 10_000, "digits_cnn": 360, "imdb_lstm": 5000, "newsgroups_mlp": 7532}
TRACKS = ("matched", "matched", "tuned", "article")
SIDES = {
    "tensorflow": {"label": "tensorflow", "framework": "tensorflow", "mode": "graph", "precision": "fp32"},
    "torch": {"label": "torch", "framework": "torch", "mode": "eager", "precision": "fp32"},
    "torch compile": {"label": "torch compile", "framework": "torch", "mode": "compile", "precision": "fp32"},
}
# How an attempt ends. What failed or was disturbed is repeated once, and then ends well.
ENDS = ((0.94, Status.OK), (0.96, Status.FAILED), (0.99, Status.INVALID), (0.995, Status.DIVERGED), (1.0, Status.CANCELLED))
LOG = "\n".join(f"2026-05-01 08:00:{second:02d} step {second * 100} loss {2 / (1 + second):.4f}" for second in range(40))


@dataclass(frozen=True)
class Plan:
    """How much there is to be: ``blocks`` of a run that is timed block by block; where epochs are, a twentieth of it."""

    runs: int
    blocks: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Of a run in its study."""

    study: str
    side: str
    workload: str
    seed: int
    pair: int
    turn: int


@dataclass(kw_only=True)
class MadeRun:
    """A run without its blocks, which are columns: ``epoch``, ``first_step``, ``steps``, ``samples``, ``duration_ns``, ``steady``."""

    key: RunKey
    planned: PlannedRun
    result: RunResult
    started_at: datetime
    finished_at: datetime
    blocks: Mapping[str, Sequence[Any]]


@dataclass(kw_only=True)
class MadeStudy:
    """A study with everything in it."""

    record: StudyRecord
    runs: list[MadeRun] = field(default_factory=list)
    duels: list[tuple[PlannedDuel, DuelResult, datetime]] = field(default_factory=list)


def studies(plan: Plan) -> Iterator[MadeStudy]:
    """One after the other, from the oldest to the newest."""
    small = (plan.runs - plan.runs // 5) // (STUDIES - 1)
    for number in range(STUDIES):
        yield _Maker(number, plan.blocks).make(plan.runs // 5 if number == LARGE else small)


class _Maker:
    """Makes the study of a number."""

    def __init__(self, number: int, blocks: int) -> None:
        self._rng = np.random.default_rng(number)
        self._number, self._blocks = number, blocks
        self._at = FIRST + number * APART
        self._track = TRACKS[number % len(TRACKS)]
        names = list(SPEEDS)
        self._workloads = [names[number % 4]] if number % 5 else [names[number % 4], names[(number + 1) % 4]]
        self._sides = list(SIDES) if number % 6 == 5 else list(SIDES)[:2]
        self._versions = {name: found[number * len(found) // STUDIES] for name, found in VERSIONS.items()}
        self._sources = f"{number // 6:064x}"
        self._predicts = number % 3 != 1

    def make(self, runs: int) -> MadeStudy:
        """With about so many runs."""
        pairs = max(1, round(runs / len(self._sides) / 1.05))  # one in twenty is repeated
        study = MadeStudy(record=self._record(pairs))
        for pair in range(pairs):
            self._pair(study, pair, runs)
            if len(study.runs) >= runs:
                break
        return study

    def _record(self, pairs: int) -> StudyRecord:
        content = {
            "name": f"bench-{self._number}",
            "title": f"Study {self._number} of {', '.join(self._workloads)}",
            "workloads": self._workloads,
            "frameworks": [SIDES[side] for side in self._sides],
            "seeds": -(-pairs // len(self._workloads)),
            "track": self._track,
            "bursts": ROUNDS if self._track != "article" else 0,
            "prices": {"cpu": 0.2},
            "currency": "EUR",
        }
        return StudyRecord(
            id=f"bench-{self._number:02d}-{self._at:%Y%m%d}",
            name=content["name"],
            created_at=self._at,
            study=content,
            plan_seed=self._number,
            planned_runs=pairs * len(self._sides),
            levelfield_version=f"0.{1 + self._number // 12}.0",
            source_hash=self._sources,
        )

    def _pair(self, study: MadeStudy, pair: int, runs: int) -> None:
        workload = self._workloads[pair % len(self._workloads)]
        seed = pair // len(self._workloads)
        drift = float(self._rng.normal(0, 0.02))
        for turn, side in enumerate(self._sides):
            for attempt in (1, 2):
                place = Place(study=study.record.id, side=side, workload=workload, seed=seed, pair=pair, turn=turn)
                run = self._run(place, attempt, drift)
                study.runs.append(run)
                if run.result.status not in {Status.FAILED, Status.INVALID}:
                    break
        if self._track != "article" and len(study.runs) < runs + 4:
            study.duels.append(self._duel(workload, seed, pair))

    def _run(self, place: Place, attempt: int, drift: float) -> MadeRun:
        about = SIDES[place.side]
        spec = RunSpec(workload=place.workload, framework=about["framework"], mode=about["mode"], seed=place.seed, track=self._track)
        drawn = float(self._rng.random())
        status = Status.OK if attempt > 1 else next(end for limit, end in ENDS if drawn < limit)
        ended = status in {Status.FAILED, Status.CANCELLED}
        factor = 1 + 0.1 * list(SIDES).index(place.side) + 0.004 * self._number
        rate = SPEEDS[place.workload] * factor * float(np.exp(drift + self._rng.normal(0, 0.02)))
        blocks = self._columns(rate, part=0.3 if ended else 1.0)
        result = self._result(place.side, place.workload, place.seed, status, blocks)
        started = self._at + timedelta(minutes=2 * place.pair + place.turn + 30 * (attempt - 1))
        return MadeRun(
            key=RunKey(study=place.study, spec_hash=spec.hash, side=place.side, attempt=attempt),
            planned=PlannedRun(spec=spec, side=place.side, pair=place.pair, turn=place.turn),
            result=result,
            started_at=started,
            finished_at=started + timedelta(seconds=result.wall_ns / 1e9),
            blocks=blocks,
        )

    def _columns(self, rate: float, part: float) -> dict[str, Sequence[Any]]:
        """Ten epochs, or some of them; in `article` an epoch is a block, so there are more epochs."""
        by_epoch = self._track == "article"
        number = max(2, int(part * self._blocks * self._rng.uniform(0.9, 1.1) * (0.05 if by_epoch else 1.0)))
        epoch = np.arange(number) if by_epoch else np.arange(number) * 10 // number
        steps = np.full(number, 120 if by_epoch else 15)
        steady = epoch > 0
        took = steps * 32 / rate * np.exp(self._rng.normal(0, 0.05, number)) * np.where(steady, 1, 3)
        first = np.zeros(number, int) if by_epoch else 15 * (np.arange(number) - np.searchsorted(epoch, epoch))
        columns = {"epoch": epoch, "first_step": first, "steps": steps, "samples": steps * 32, "duration_ns": (took * 1e9).astype(int)}
        return {name: column.tolist() for name, column in columns.items()} | {"steady": steady.tolist()}

    def _result(self, side: str, workload: str, seed: int, status: Status, blocks: Mapping[str, Sequence[Any]]) -> RunResult:
        ended = status in {Status.FAILED, Status.CANCELLED}
        ns, epochs = np.asarray(blocks["duration_ns"]), np.asarray(blocks["epoch"])
        warm = ~np.asarray(blocks["steady"])
        phases = {
            "process_start": int(self._rng.uniform(0.2, 0.4) * 1e9),
            "import": int(self._rng.uniform(2, 6) * 1e9),
            "data": 300_000_000,
            "build": int(self._rng.uniform(0.5, 1.5) * 1e9),
            "warmup": int(ns[warm].sum()),
            "train": int(ns[~warm].sum()),
            "evaluate": int(self._rng.uniform(1, 2) * 1e9),
            "other": 50_000_000,
        }
        return RunResult(
            status=status,
            wall_ns=sum(phases.values()),
            phases_ns=phases,
            epochs=[] if ended else self._epochs(workload, np.bincount(epochs, weights=ns)),
            step_losses=self._rng.random(LOSSES).tolist(),
            memory_bytes={
                "process_peak_rss": int(self._rng.normal(900, 20) * 2**20),
                "framework_peak": int(self._rng.normal(300, 5) * 2**20),
            },
            fingerprints={"data": f"{list(SPEEDS).index(workload):064x}", "initial_weights": f"{seed:064x}"},
            environment=self._environment(side),
            description=self._description(side),
            failure=self._failure(status),
            predictions=None if ended or not self._predicts else self._predictions(workload),
        )

    def _epochs(self, workload: str, train_ns: Any) -> list[Epoch]:
        examples = TESTED[workload]
        best = workloads.get(workload).target_accuracy
        found = []
        for number, ns in enumerate(train_ns.tolist()):
            share = min(1.0, best * (1.02 - 0.5 / (number + 1.5)) + float(self._rng.normal(0, 0.003)))
            loss = 2 / (number + 1)
            correct = int(share * examples)
            found.append(
                Epoch(
                    epoch=number, train_loss=loss, test_loss=1.1 * loss, test_correct=correct, test_examples=examples, train_ns=int(ns),
                    evaluate_ns=10**8,
                )
            )  # fmt: skip
        return found

    def _predictions(self, workload: str) -> Predictions:
        examples, classes = TESTED[workload], workloads.get(workload).classes
        labels = np.arange(examples) % classes
        wrong = self._rng.random(examples) < 0.2
        return Predictions.pack(np.where(wrong, (labels + 1) % classes, labels), labels, classes)

    def _environment(self, side: str) -> dict[str, Any]:
        """About as much as a worker really says."""
        framework = SIDES[side]["framework"]
        number = self._rng.random
        return {
            "hostname": "bench-host",
            "host": "0123456789abcdef0123456789abcdef",
            "python": "3.11.2",
            "executable": f"/opt/levelfield/services/{framework}_worker/.venv/bin/python",
            "pid": int(self._rng.integers(1000, 99_999)),
            "kernel": "6.1.0",
            "cpu_model": "Model 7",
            "cores": [0, 1],
            "usable_cores": 2,
            "niceness": 0,
            "memory_bytes": 16 * 2**30,
            "memory_available_bytes": int(number() * 2**33),
            "shared_memory_free_bytes": int(number() * 2**33),
            "packages": {"numpy": "2.4.0", framework: self._versions[framework]} | {f"package-{at}": f"{at}.0.1" for at in range(8)},
            "source_hash": self._sources,
            "variables": {f"OMP_SETTING_{at}": "false" for at in range(8)},
            "git_commit": "0" * 40,
            "git_clean": True,
            "worker_code": f"{VERSIONS[framework].index(self._versions[framework])}{self._sources[-8:]}".rjust(64, "a"),
            "thread_use": {"threads": 9, "threads_busy": 2, "cores_used": 1 + number(), "kernel_share": 0.1 * number(), "violations": []},
            "noise": {
                "valid": True,
                "reasons": [],
                "figures": {
                    f"{of}{name}": number() for of in ("", "baseline_") for name in ("wall_s", "own_cores", "foreign_cores", "steal")
                },
                "unobserved": ["thermal_throttles"],
            },
        }

    def _description(self, side: str) -> dict[str, Any]:
        about = SIDES[side]
        return {
            "framework": {"tensorflow": "TensorFlow", "torch": "PyTorch"}[about["framework"]],
            "version": self._versions[about["framework"]],
            "device": "cpu",
            "threads": 2,
            "optimizer": "Adam",
            "learning_rate": 1e-3,
            "betas": [0.9, 0.999],
            "epsilon": f"as {about['framework']} has it",
            "mode": about["mode"],
            "precision": about["precision"],
            "initialiser": "the workload's",
            "loss": "cross entropy",
            "batch_size": 32,
            "last_batch": "smaller, kept",
            "layout": "channels last" if about["framework"] == "tensorflow" else "channels first",
            "data_source": "official",
            "input_pipeline": "whole data set on the device, each batch gathered from it by index",
            "steps_per_call": 1,
        }

    def _failure(self, status: Status) -> Failure | None:
        reasons = {
            Status.FAILED: "RuntimeError: the process was killed by signal 9, probably for want of memory",
            Status.INVALID: "foreign processes took 0.812 cores more than before (limit 0.050)",
            Status.DIVERGED: "the training loss is not finite at step 1,203",
            Status.CANCELLED: "stopped by the user",
        }
        if status not in reasons:
            return None
        return Failure(
            reason=reasons[status], log_tail=LOG if status is Status.FAILED else None, step=1203 if status is Status.DIVERGED else None
        )

    def _duel(self, workload: str, seed: int, pair: int) -> tuple[PlannedDuel, DuelResult, datetime]:
        common = {"steps": 45, "samples": 1440, "discarded_steps": 3, "discarded_ns": 10**7, "cpu_ns": 10**9, "idle_cpu_ns": 10**6}
        turns = []
        for number in range(ROUNDS):
            drift = float(np.exp(self._rng.normal(0, 0.2)))
            for at, side in enumerate(self._sides):
                ns = int(1440 / SPEEDS[workload] / (1 + 0.1 * at) * drift * float(np.exp(self._rng.normal(0, 0.02))) * 1e9)
                turns.append(Turn(round=number, side=side, burst=Burst(duration_ns=ns, started_ns=number * 10**9, idle_ns=10**9, **common)))
        members = {side: {"host": "bench-host", "pid": 1} for side in self._sides}
        evidence = {"valid": True, "reasons": [], "figures": {}, "unobserved": []}
        result = DuelResult(status=Status.OK, target_ns=250_000_000, turns=turns, members=members, evidence=evidence)
        return PlannedDuel(specs={}, workload=workload, seed=seed, pair=pair), result, self._at + timedelta(minutes=2 * pair + 1)
