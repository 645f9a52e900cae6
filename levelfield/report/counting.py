"""Which runs a chart is drawn over: those that count for it, the latest attempt of each."""

import pandas as pd

from levelfield.result import STATUSES
from levelfield.spec import Case

TIMED = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
LEARNED = [str(status) for status, meaning in STATUSES.items() if meaning.learning_counts]


def of_case(rows: pd.DataFrame, case: Case) -> pd.DataFrame:
    """Those of runs, duels or bursts that belong to a case."""
    return rows[(rows["workload"] == case.workload) & (rows["workers"] == case.workers)]


def counted(runs: pd.DataFrame, case: Case, statuses: list[str]) -> pd.DataFrame:
    """The latest attempts in a case that ended with one of the statuses."""
    own = of_case(runs, case)
    return own[own["latest"] & own["status"].isin(statuses)]
