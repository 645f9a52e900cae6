"""A study's raw values as pandas frames, for the statistics, the report and notebooks. Units are in the column names; missing is NA."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sqlalchemy import Select, Table, select

from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.result import PHASES
from levelfield.store import certified, dueling
from levelfield.store.address import default_url, parse
from levelfield.store.records import StudyRecord
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import blocks, bursts, epochs, runs

_UTC = "datetime64[us, UTC]"
_NS_PER_S = 1e9
# Read as they are, with the type that they have in the frame, in the frame's order.
_PLAIN = {
    "side": "str",
    "spec_hash": "str",
    "attempt": "int64",
    "pair": "int64",
    "turn": "int64",
    "workload": "str",
    "workers": "int64",
    "framework": "str",
    "mode": "str",
    "precision": "str",
    "track": "str",
    "seed": "int64",
    "device": "str",
    "status": "str",
    "started_at": _UTC,
    "finished_at": _UTC,
}
_DETAILS = ("wall_ns", "phases_ns", "memory_bytes", "fingerprints", "failure", "spec", "description", "environment")
# Where a run's hyper-parameters stand at NA, it took the workload's own.
_ENDS = {
    "failure_reason": "str",
    "failure_step": "Int64",
    "failure_log_tail": "str",
    "initial_weights_fingerprint": "str",
    "data_fingerprint": "str",
    "data_source": "str",
    "worker_code": "str",
    "batch_size": "Int64",
    "epochs": "Int64",
    "learning_rate": "Float64",
    # What the worker said of itself and of its machine, as JSON holds it.
    "description": "object",
    "environment": "object",
}
_EPOCHS = {
    "run_id": "int64",
    "side": "str",
    "seed": "int64",
    "epoch": "int64",
    "train_loss": "float64",
    "test_loss": "float64",
    "test_accuracy": "float64",
    "test_correct": "int64",
    "test_examples": "int64",
    "train_s": "float64",
    "evaluate_s": "float64",
}
_BLOCKS = {
    "run_id": "int64",
    "side": "str",
    "seed": "int64",
    "epoch": "int64",
    "first_step": "int64",
    "steps": "int64",
    "samples": "int64",
    "duration_s": "float64",
    "steady": "bool",
    "step_s": "float64",
    "device_s": "Float64",
}
_DUELS = {
    "duel_id": "int64",
    "workload": "str",
    "workers": "int64",
    "pair": "int64",
    "seed": "int64",
    "attempt": "int64",
    "status": "str",
    "started_at": _UTC,
    "finished_at": _UTC,
    "failure_reason": "str",
    "members": "object",
    "evidence": "object",
}
_BURSTS = {
    "duel_id": "int64",
    "workload": "str",
    "workers": "int64",
    "pair": "int64",
    "seed": "int64",
    "status": "str",
    "round": "int64",
    "side": "str",
    "steps": "int64",
    "samples": "int64",
    "duration_s": "float64",
    "discarded_steps": "int64",
    "discarded_s": "float64",
    "cpu_s": "float64",
    "idle_cpu_s": "float64",
    "idle_s": "float64",
    "started_s": "float64",
    "device_s": "Float64",
}


@dataclass(frozen=True, kw_only=True)
class StudyFrames:
    """A study's raw values: a row of ``runs`` is a recorded run, one of ``epochs`` an epoch, one of ``blocks`` a block of steps.

    A row of ``duels`` is an attempt at a duel, one of ``bursts`` a burst of one side, in the order in which they were taken.
    ``certificates`` are those of the study's workloads, for whatever sides, newest first.
    """

    study: StudyRecord
    runs: pd.DataFrame
    epochs: pd.DataFrame
    blocks: pd.DataFrame
    duels: pd.DataFrame
    bursts: pd.DataFrame
    certificates: tuple[Certificate, ...] = ()
    source: str = field(repr=False)  # the store; a URL may hold a password

    def predictions(self) -> dict[int, Predictions]:
        """What each run's network took every test example for, by run id, read from the store only now.

        A run without any has no entry: it was not trained to its end, or recorded before there were any. Raises StoreError.
        """
        with Store.open(self.source, read_only=True) as opened:
            return opened.predictions(self.study.id)


def load(study_id: str, store: str | None = None) -> StudyFrames:
    """Read a study. ``study_id`` as in `Store.study`, ``store`` a path or URL, by default `default_url`. Raises StoreError."""
    source = store or default_url()
    with Store.open(source, read_only=True) as opened:
        study = opened.study(study_id)
        of_study = runs.c.study_id == study.id
        plain, details = [runs.c[name] for name in _PLAIN], [runs.c[name] for name in _DETAILS]
        all_runs = select(runs.c.id, *plain, *details).order_by(runs.c.id)
        queries = [query.where(of_study) for query in (all_runs, _with_run(epochs), _with_run(blocks))]
        certificates = certified.select_all(study.study.get("workloads", []))
        run_rows, epoch_rows, block_rows, duel_rows, burst_rows, certificate_rows = opened.read(
            *queries, *dueling.queries(study.id), certificates
        )
    return StudyFrames(
        study=study,
        runs=_runs(run_rows),
        epochs=_epochs(epoch_rows),
        blocks=_blocks(block_rows),
        duels=(duels := _duels(duel_rows)),
        bursts=_bursts(burst_rows, duels),
        certificates=tuple(certified.read(certificate_rows)),
        source=parse(source).render_as_string(hide_password=False),  # a path may be relative
    )


def _with_run(table: Table) -> Select[*tuple[Any, ...]]:
    """A table's rows in their order, with side and seed of their run."""
    query = select(runs.c.side, runs.c.seed, *table.c).join_from(table, runs, runs.c.id == table.c.run_id)
    return query.order_by(*table.primary_key.columns)


def _runs(found: Sequence[AnyRow]) -> pd.DataFrame:
    phases = {f"phase_{name}_s": "float64" for name in PHASES}
    memory = {f"memory_{name}_bytes": "Int64" for name in sorted({name for row in found for name in row.memory_bytes})}
    types = {"run_id": "int64"} | _PLAIN | {"wall_s": "float64"} | phases | memory | _ENDS
    frame = pd.DataFrame([_run(row) for row in found], columns=list(types)).astype(types)
    last_attempt = frame.groupby(["spec_hash", "side"])["attempt"].transform("max")
    frame.insert(list(types).index("attempt") + 1, "latest", frame["attempt"] == last_attempt)
    return frame


def _run(row: AnyRow) -> dict[str, Any]:
    """A run's record by column; what is left out is missing."""
    failure = row.failure or {}
    return {
        "run_id": row.id,
        **{name: getattr(row, name) for name in _PLAIN},
        "wall_s": row.wall_ns / _NS_PER_S,
        **{f"phase_{name}_s": ns / _NS_PER_S for name, ns in row.phases_ns.items()},
        **{f"memory_{name}_bytes": size for name, size in row.memory_bytes.items()},
        "failure_reason": failure.get("reason"),
        "failure_step": failure.get("step"),
        "failure_log_tail": failure.get("log_tail"),
        "initial_weights_fingerprint": row.fingerprints.get("initial_weights"),
        "data_fingerprint": row.fingerprints.get("data"),
        "data_source": row.description.get("data_source"),
        "worker_code": row.environment.get("worker_code"),
        **{name: row.spec.get(name) for name in ("batch_size", "epochs", "learning_rate")},
        "description": row.description,
        "environment": row.environment,
    }


def _epochs(found: Sequence[AnyRow]) -> pd.DataFrame:
    frame = _frame(found, ("side", "seed", *epochs.c.keys()))
    frame["test_accuracy"] = frame["test_correct"] / frame["test_examples"]
    frame["train_s"] = frame["train_ns"] / _NS_PER_S
    frame["evaluate_s"] = frame["evaluate_ns"] / _NS_PER_S
    return frame[list(_EPOCHS)].astype(_EPOCHS)


def _blocks(found: Sequence[AnyRow]) -> pd.DataFrame:
    frame = _frame(found, ("side", "seed", *blocks.c.keys()))
    frame["duration_s"] = frame["duration_ns"] / _NS_PER_S
    frame["step_s"] = frame["duration_s"] / frame["steps"]
    frame["device_s"] = _seconds_if_known(frame["device_ns"])
    return frame[list(_BLOCKS)].astype(_BLOCKS)


def _duels(found: Sequence[AnyRow]) -> pd.DataFrame:
    rows = [row._asdict() | {"duel_id": row.id, "failure_reason": (row.failure or {}).get("reason")} for row in found]
    return pd.DataFrame(rows, columns=list(_DUELS)).astype(_DUELS)


def _bursts(found: Sequence[AnyRow], duels: pd.DataFrame) -> pd.DataFrame:
    frame = _frame(found, tuple(bursts.c.keys()))
    for name in ("duration", "discarded", "cpu", "idle_cpu", "idle", "started"):
        frame[f"{name}_s"] = frame[f"{name}_ns"] / _NS_PER_S
    frame["device_s"] = _seconds_if_known(frame["device_ns"])
    known = frame.merge(duels[["duel_id", "workload", "workers", "pair", "seed", "status"]], on="duel_id", how="left")
    return known[list(_BURSTS)].astype(_BURSTS)


def _seconds_if_known(ns: "pd.Series[int]") -> "pd.Series[float]":
    return ns.astype("Int64") / _NS_PER_S


def _frame(found: Sequence[AnyRow], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame.from_records([tuple(row) for row in found], columns=list(columns))
