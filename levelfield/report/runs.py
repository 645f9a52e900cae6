"""The derived values of every run, from a study's frames."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.report.accounts import read_accounts, records
from levelfield.report.aspects import Account
from levelfield.report.costs import costs
from levelfield.report.quantities import (
    ACCURACY,
    COST,
    DEVICE_MEMORY,
    ENERGY,
    ENERGY_ABOVE_IDLE,
    EXCHANGE_SHARE,
    FRAMEWORK_MEMORY,
    KERNEL_SHARE,
    PROCESS_MEMORY,
    SPEED,
    START,
    THROUGHPUT,
    TIME_TO_TRAIN,
    WALL,
    Quantity,
)
from levelfield.result import STATUSES, Status
from levelfield.spec import Case
from levelfield.step_summary import STEADY_STEPS


class Record(Protocol):
    """What the report reads of a `levelfield.store.records.StudyRecord`."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def created_at(self) -> datetime: ...  # noqa: D102
    @property
    def study(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def planned_runs(self) -> int: ...  # noqa: D102
    @property
    def levelfield_version(self) -> str: ...  # noqa: D102
    @property
    def source_hash(self) -> str: ...  # noqa: D102


class Frames(Protocol):
    """What the report reads of a `levelfield.store.frames.StudyFrames`. A protocol, so that the report needs no database driver."""

    @property
    def study(self) -> Record: ...  # noqa: D102
    @property
    def runs(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def epochs(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def steps(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def duels(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def bursts(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def certificates(self) -> Sequence[Certificate]: ...  # noqa: D102
    def predictions(self) -> Mapping[int, Predictions]: ...  # noqa: D102
    def blocks(self, run_ids: Sequence[int]) -> pd.DataFrame: ...  # noqa: D102


BEFORE_FULL_SPEED = ("process_start", "import", "data", "device", "join", "build", "warmup")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recorded run. ``values`` are by the name of the quantity, whether they count or not: ask `value`.

    ``own_settings``: epochs, batch size and learning rate are the workload's own; None is the workload's, too. ``bursts``: its speed in
    examples/s by round, where its pair had a duel that is valid. ``epoch_examples``: training examples in its first epoch.
    """

    run_id: int
    side: str
    workload: str
    workers: int
    framework: str
    mode: str
    precision: str
    track: str
    device: str
    seed: int
    pair: int
    attempt: int
    latest: bool
    status: Status
    values: Mapping[str, float | None]
    failure_reason: str | None
    failure_step: int | None
    failure_log_tail: str | None
    weights_fingerprint: str | None
    data_fingerprint: str | None
    data_source: str | None
    worker_code: str | None
    own_settings: bool
    batch_size: int | None
    learning_rate: float | None
    account: Account
    bursts: Mapping[int, float]
    epoch_examples: int | None

    @property
    def case(self) -> Case:
        """What it is a run of."""
        return Case(workload=self.workload, workers=self.workers)

    @property
    def is_used(self) -> bool:
        """Whether it is the latest attempt and its timing or its learning counts."""
        return self.latest and (STATUSES[self.status].timing_counts or STATUSES[self.status].learning_counts)

    def value(self, quantity: Quantity) -> float | None:
        """The value in the quantity's base unit; None where the run has none or where its status says that it does not count."""
        return self.values[quantity.name] if self.counts(quantity) else None

    @property
    def shares_cores(self) -> bool:
        """Whether several of its ranks computed on one core, which says nothing about speed (methodology, rule 14)."""
        return bool(self.account.environment.get("cores_shared"))

    def counts(self, quantity: Quantity) -> bool:
        """Whether a run with this status gives the quantity at all."""
        if quantity.counts == "duel":
            return True
        meaning = STATUSES[self.status]
        return meaning.timing_counts and not self.shares_cores if quantity.counts == "timing" else meaning.learning_counts

    def why_missing(self, quantity: Quantity) -> str | None:
        """Why `value` is None; None where it is not."""
        if self.shares_cores and quantity.counts != "learning":
            return "more ranks than cores"
        if not self.counts(quantity):
            return str(self.status)
        return quantity.absent if self.values[quantity.name] is None else None


def read_runs(frames: Frames) -> list[Run]:
    """Every recorded run with its derived values, earlier attempts included, in the order of recording."""
    runs, steps = frames.runs.set_index("run_id", drop=False), frames.steps.set_index("run_id")
    values = pd.DataFrame(
        {
            ACCURACY.name: frames.epochs.sort_values("epoch").groupby("run_id")["test_accuracy"].last(),
            THROUGHPUT.name: (throughput := _throughput(steps)),
            START.name: _start(runs, steps, throughput),
            TIME_TO_TRAIN.name: _time_to_train(runs),
            WALL.name: runs["wall_s"],
            COST.name: costs(runs, frames.study.study),
            KERNEL_SHARE.name: runs["environment"].map(_kernel_share).astype("float64"),
            EXCHANGE_SHARE.name: runs["environment"].map(_exchange_share).astype("float64"),
            PROCESS_MEMORY.name: _memory(runs, PROCESS_MEMORY),
            FRAMEWORK_MEMORY.name: _memory(runs, FRAMEWORK_MEMORY),
            DEVICE_MEMORY.name: _memory(runs, DEVICE_MEMORY),
            **_energy(runs),
        },
        index=runs.index,
        dtype="float64",
    )
    bursts = _bursts(frames.bursts)
    first = steps["first_epoch_samples"].to_dict()
    rows, derived = records(runs[[*_PLAIN, *_OPTIONAL, *_SETTINGS]]), records(values)
    accounts = read_accounts(frames.runs, frames.epochs, steps)
    return [
        _run(row, value, accounts[row["run_id"]], _of_run(row, bursts), first.get(row["run_id"]) or None)
        for row, value in zip(rows, derived, strict=True)
    ]


_PLAIN = (
    "run_id",
    "side",
    "workload",
    "workers",
    "framework",
    "mode",
    "precision",
    "track",
    "device",
    "seed",
    "pair",
    "attempt",
    "latest",
    "status",
)
_TOLD = ("failure_reason", "failure_step", "failure_log_tail", "data_fingerprint", "data_source", "worker_code")
_OPTIONAL = (*_TOLD, "initial_weights_fingerprint")
_SETTINGS = ("epochs", "batch_size", "learning_rate")


def _run(
    row: Mapping[str, Any], values: Mapping[str, float | None], account: Account, bursts: Mapping[int, float], epoch_examples: int | None
) -> Run:
    return Run(
        **{name: row[name] for name in _PLAIN if name != "status"},
        status=Status(row["status"]),
        values={**values, SPEED.name: statistics.median(bursts.values()) if bursts else None},
        **{name: row[name] for name in _TOLD},
        weights_fingerprint=row["initial_weights_fingerprint"],
        own_settings=all(row[name] is None for name in _SETTINGS),
        batch_size=None if row["batch_size"] is None else int(row["batch_size"]),
        learning_rate=None if row["learning_rate"] is None else float(row["learning_rate"]),
        account=account,
        bursts=bursts,
        epoch_examples=epoch_examples,
    )


def _of_run(row: Mapping[str, Any], bursts: Mapping[tuple[str, int, str], Mapping[int, float]]) -> Mapping[int, float]:
    """Only the latest attempt stands for its side; an earlier one is listed, not compared."""
    return bursts.get((row["workload"], row["pair"], row["side"]), {}) if row["latest"] else {}


def _bursts(bursts: pd.DataFrame) -> dict[tuple[str, int, str], dict[int, float]]:
    """Examples per second by (workload, pair, side) and round, of duels whose timing counts; the last one of a pair decides."""
    found: dict[tuple[str, int, str], dict[int, float]] = {}
    last = bursts.drop_duplicates(["workload", "pair"], keep="last")["duel_id"]
    counted = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
    own = bursts[bursts["duel_id"].isin(last) & bursts["status"].isin(counted)]
    columns = (own[name].tolist() for name in ("workload", "pair", "side", "round"))
    rates = (own["samples"] / own["duration_s"]).tolist()
    for workload, pair, side, number, rate in zip(*columns, rates, strict=True):
        found.setdefault((workload, pair, side), {})[number] = rate
    return found


def _throughput(steps: pd.DataFrame) -> "pd.Series[float]":
    """Examples per second of each run: the median over its steady blocks, so that a pause of the machine does not decide (rule 4)."""
    rates: pd.Series[float] = steps["steady_rate"].where(steps["rated_steps"] >= STEADY_STEPS)
    return rates


def _start(runs: pd.DataFrame, steps: pd.DataFrame, throughput: "pd.Series[float]") -> "pd.Series[float]":
    """Seconds from the process's start to full speed: the phases before training, and what warm-up took longer than it would then."""
    phases = runs[[f"phase_{name}_s" for name in BEFORE_FULL_SPEED]].astype("float64").sum(axis=1, min_count=1)
    warm = steps["warm_samples"].where(steps["blocks"] > steps["steady_blocks"])
    started: pd.Series[float] = (phases - warm.reindex(runs.index) / throughput.reindex(runs.index)).clip(lower=0.0)
    return started


def _time_to_train(runs: pd.DataFrame) -> "pd.Series[float]":
    """Seconds of build, warm-up and training steps. A run that never left warm-up has no training phase; one without build is missing."""
    steps = runs[["phase_warmup_s", "phase_train_s"]].astype("float64").sum(axis=1, min_count=1)
    return runs["phase_build_s"].astype("float64") + steps


def _energy(runs: pd.DataFrame) -> "dict[str, pd.Series[float]]":
    """Joules of all devices of a run that have a counter; above idle only where each of them has a baseline."""
    taken = runs["environment"].map(lambda record: list((record or {}).get("energy", {}).values()))
    total = taken.map(lambda used: sum(one["joules"] for one in used) if used else None)
    idle = taken.map(
        lambda used: (
            sum(one["idle_watts"] * one["wall_ns"] / 1e9 for one in used)
            if used and all(one["idle_watts"] is not None for one in used)
            else None
        )
    )
    return {ENERGY.name: total.astype("float64"), ENERGY_ABOVE_IDLE.name: (total - idle).astype("float64")}


def _kernel_share(record: Mapping[str, Any] | None) -> float | None:
    share: float | None = (record or {}).get("thread_use", {}).get("kernel_share")
    return share


def _exchange_share(record: Mapping[str, Any] | None) -> float | None:
    """1 - the median over rounds of a step's time without the exchange divided by that with it; noise may bring it below 0."""
    found = (record or {}).get("exchange", {"with": [], "without": []})
    rounds = [without / exchanging for exchanging, without in zip(found["with"], found["without"], strict=False)]
    return 1 - statistics.median(rounds) if rounds else None


def _memory(runs: pd.DataFrame, quantity: Quantity) -> "pd.Series[float]":
    column = f"memory_{quantity.name}_bytes"
    values: pd.Series[float] = runs[column] if column in runs else pd.Series(index=runs.index, dtype="float64")
    return values.astype("Float64").astype("float64")
