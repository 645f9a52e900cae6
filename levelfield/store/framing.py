"""From the store's rows to pandas frames. Units are in the column names; missing is NA."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import LargeBinary, type_coerce

from levelfield.result import PHASES
from levelfield.store.rows import AnyRow, whole
from levelfield.store.tables import blocks, bursts, epochs, step_summaries
from levelfield.store.types import Float64s

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
RUN_COLUMNS = (*_PLAIN, *_DETAILS)  # of the table of runs, beside the id
# Of the summaries; what a NumPy array is made of is read as it is stored.
STEP_COLUMNS = [
    type_coerce(column, LargeBinary).label(column.name) if isinstance(column.type, Float64s) else column for column in step_summaries.c
]
RUN_OF_PART = ("side", "seed")  # what an epoch or a block says of its run
RUN_OF_STEPS = (*RUN_OF_PART, "workload", "workers")
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
_STEPS = {
    "run_id": "int64",
    "side": "str",
    "seed": "int64",
    "workload": "str",
    "workers": "int64",
    **dict.fromkeys(("epochs", "blocks", "steady_blocks", "steps", "steady_steps", "rated_steps", "samples", "warm_samples"), "int64"),
    **dict.fromkeys(("first_epoch_steps", "first_epoch_samples"), "int64"),
    "steady_rate": "float64",
    "steady_step_s": "object",
    "warm_step_s": "object",
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


def runs_frame(found: Sequence[AnyRow]) -> pd.DataFrame:
    """A row for each run, from its id and `RUN_COLUMNS`; ``latest`` says whether it is the last attempt."""
    phases = {f"phase_{name}_s": "float64" for name in PHASES}
    memory = {f"memory_{name}_bytes": "Int64" for name in sorted({name for row in found for name in row.memory_bytes})}
    types = {"run_id": "int64"} | _PLAIN | {"wall_s": "float64"} | phases | memory | _ENDS
    said = [_run(row) for row in found]
    # Column by column, each with its type: pandas would look for both among thousands of dictionaries.
    frame = pd.DataFrame({name: pd.Series([run.get(name) for run in said], dtype=kind) for name, kind in types.items()})
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
        "failure_reason": _whole(failure.get("reason")),
        "failure_step": failure.get("step"),
        "failure_log_tail": _whole(failure.get("log_tail")),
        "initial_weights_fingerprint": row.fingerprints.get("initial_weights"),
        "data_fingerprint": row.fingerprints.get("data"),
        "data_source": row.description.get("data_source"),
        "worker_code": row.environment.get("worker_code"),
        **{name: row.spec.get(name) for name in ("batch_size", "epochs", "learning_rate")},
        "description": row.description,
        "environment": row.environment,
    }


def epochs_frame(found: Sequence[AnyRow], runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each epoch of ``runs``."""
    frame = _of_runs(_frame(found, tuple(epochs.c.keys())), runs, RUN_OF_PART)
    frame["test_accuracy"] = frame["test_correct"] / frame["test_examples"]
    frame["train_s"] = frame["train_ns"] / _NS_PER_S
    frame["evaluate_s"] = frame["evaluate_ns"] / _NS_PER_S
    return frame[list(_EPOCHS)].astype(_EPOCHS)


def blocks_frame(found: Sequence[AnyRow], runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each block of ``runs``."""
    frame = _of_runs(_frame(found, tuple(blocks.c.keys())), runs, RUN_OF_PART)
    frame["duration_s"] = frame["duration_ns"] / _NS_PER_S
    frame["step_s"] = frame["duration_s"] / frame["steps"]
    frame["device_s"] = _seconds_if_known(frame["device_ns"])
    return frame[list(_BLOCKS)].astype(_BLOCKS)


def steps_frame(found: Sequence[AnyRow], runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each of ``runs``, from `STEP_COLUMNS`."""
    frame = _of_runs(_frame(found, tuple(step_summaries.c.keys())), runs, RUN_OF_STEPS)
    for name in ("steady_step", "warm_step"):
        quantiles = [np.frombuffer(ns, dtype="<f8") / _NS_PER_S for ns in frame[f"{name}_ns"]]
        frame[f"{name}_s"] = pd.Series(quantiles, index=frame.index, dtype="object")
    return frame[list(_STEPS)].astype(_STEPS)


def duels_frame(found: Sequence[AnyRow]) -> pd.DataFrame:
    """A row for each attempt at a duel."""
    rows = [row._asdict() | {"duel_id": row.id, "failure_reason": _whole((row.failure or {}).get("reason"))} for row in found]
    return pd.DataFrame(rows, columns=list(_DUELS)).astype(_DUELS)


def bursts_frame(found: Sequence[AnyRow], duels: pd.DataFrame) -> pd.DataFrame:
    """A row for each burst, with what `duels_frame` says of its duel."""
    frame = _frame(found, tuple(bursts.c.keys()))
    for name in ("duration", "discarded", "cpu", "idle_cpu", "idle", "started"):
        frame[f"{name}_s"] = frame[f"{name}_ns"] / _NS_PER_S
    frame["device_s"] = _seconds_if_known(frame["device_ns"])
    known = frame.merge(duels[["duel_id", "workload", "workers", "pair", "seed", "status"]], on="duel_id", how="left")
    return known[list(_BURSTS)].astype(_BURSTS)


def _of_runs(frame: pd.DataFrame, runs: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """With what ``runs`` says under these names; rows of other runs, which were recorded since, are left out."""
    known = frame[frame["run_id"].isin(runs["run_id"])].reset_index(drop=True)
    at = pd.Index(runs["run_id"]).get_indexer(known["run_id"])
    return known.assign(**{name: runs[name].take(at).to_numpy() for name in names})


def _whole(text: str | None) -> str | None:
    return None if text is None else whole(text)


def _seconds_if_known(ns: "pd.Series[int]") -> "pd.Series[float]":
    return ns.astype("Int64") / _NS_PER_S


def _frame(found: Sequence[AnyRow], columns: tuple[str, ...]) -> pd.DataFrame:
    values = zip(*found, strict=True) if found else ((),) * len(columns)
    return pd.DataFrame({name: _column(own) for name, own in zip(columns, values, strict=True)}, columns=list(columns))


def _column(values: tuple[Any, ...]) -> Any:
    """Numbers as NumPy takes them, which looks at them once; pandas looks at each several times."""
    return np.asarray(values) if values and isinstance(values[0], int | float) else list(values)
