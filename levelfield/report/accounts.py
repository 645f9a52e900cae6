"""What every run of a study says, from the study's frames."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from levelfield.report.aspects import Account
from levelfield.result import STATUSES, Status

_SAID = ("run_id", "status", "description", "environment")
_FINGERPRINTS = {"data_fingerprint": "fingerprint of the data", "initial_weights_fingerprint": "fingerprint of the initial weights"}


def read_accounts(runs: pd.DataFrame, epochs: pd.DataFrame, steps: pd.DataFrame) -> dict[int, Account]:
    """The account of every recorded run, by its id; ``steps`` are the summaries of their blocks, by run.

    A run whose learning does not count has not done its work to the end.
    """
    work = _work(runs, epochs, steps)
    return {
        run_id: Account(
            description=description, environment=environment, work=work[run_id] if STATUSES[Status(status)].learning_counts else {}
        )
        for run_id, status, description, environment in zip(*(runs[name].tolist() for name in _SAID), strict=True)
    }


def _work(runs: pd.DataFrame, epochs: pd.DataFrame, steps: pd.DataFrame) -> dict[int, Mapping[str, Any]]:
    """How much each run trained and was judged on (methodology, rule 6), and what it began with; what is not recorded is left out."""
    trained = steps[steps["blocks"] > 0]
    judged = epochs.groupby("run_id")
    numbers = {
        "epochs trained": trained["epochs"],
        "training steps": trained["steps"],
        "training steps that are timed": trained["steady_steps"],
        "training examples seen": trained["samples"],
        "evaluations": judged["epoch"].count(),
        "test examples in an evaluation": judged["test_examples"].min(),
    }
    prints = {name: runs.set_index("run_id")[column] for column, name in _FINGERPRINTS.items()}
    table = pd.DataFrame(numbers | prints, index=pd.Index(runs["run_id"]), dtype="object")
    rows = zip(table.index.tolist(), records(table), strict=True)
    return {run_id: {name: value for name, value in row.items() if value is not None} for run_id, row in rows}


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A dictionary for each row, in which what is missing is None: asking value by value takes longer than the statistics."""
    plain = table.astype("object").where(table.notna(), None)
    names = [str(name) for name in plain]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*(plain[name].tolist() for name in names), strict=True)]
