"""When each side had trained enough: the time to the workload's target accuracy (methodology, rule 7)."""

from collections.abc import Mapping

import pandas as pd

from levelfield import workloads
from levelfield.report.formats import number, percent
from levelfield.report.runs import Run
from levelfield.result import STATUSES, Status
from levelfield.stats import TimeComparison, TimeToTarget, compare_times

MISSED = (Status.FAILED, Status.DIVERGED)  # they ended without it; what was cancelled or disturbed says nothing of time


def times(epochs: pd.DataFrame, runs: pd.DataFrame) -> dict[int, float]:
    """Seconds from building the network to the end of the first epoch that reached its workload's target, by run id; evaluation excluded.

    A run that never reached it has no entry, nor has one of a workload that this installation does not have.
    """
    built = runs.set_index("run_id")
    targets = built["workload"].map({name: workloads.get(name).target_accuracy for name in workloads.names()})
    data = epochs.sort_values(["run_id", "epoch"])
    seconds = data.groupby("run_id")["train_s"].cumsum() + data["run_id"].map(built["phase_build_s"].astype("float64"))
    reached = data.assign(seconds=seconds)[data["test_accuracy"] >= data["run_id"].map(targets)]
    first = reached.groupby("run_id")["seconds"].first()
    return dict(zip(first.index.tolist(), first.tolist(), strict=True))


def compare(members: tuple[Mapping[int, Run], Mapping[int, Run]], found: Mapping[int, float]) -> TimeComparison | None:
    """Over the pairs of which both members trained to the end with a timing that counts, or ended before. None without a pair."""
    a, b = members
    pairs = [pair for pair in sorted(a.keys() & b.keys()) if _tells(a[pair]) and _tells(b[pair])]
    if not pairs:
        return None
    return compare_times([found.get(a[pair].run_id) for pair in pairs], [found.get(b[pair].run_id) for pair in pairs])


def told(found: TimeComparison, titles: tuple[str, str], workload: str) -> str:
    """In words, with the target."""
    target = percent(workloads.get(workload).target_accuracy, 1).replace(".0%", "%")
    each = "; ".join(_side(title, side) for title, side in zip(titles, (found.a, found.b), strict=True))
    return f"Time to {target} test accuracy, by the end of an epoch: {each}. {_outcome(found, titles)}"


def _tells(run: Run) -> bool:
    return (STATUSES[run.status].timing_counts and not run.shares_cores) or run.status in MISSED


def _side(title: str, side: TimeToTarget) -> str:
    median = "more than half never" if side.median is None else f"median {number(side.median)} s"
    return f"{title} {side.reached} of {side.runs} runs, {median}"


def _outcome(found: TimeComparison, titles: tuple[str, str]) -> str:
    if found.favours is None:
        return "Neither is known to be there first."
    p = f"p = {found.p:.2g}, exact test on ranks, a miss last"
    return f"{titles[0] if found.favours == 'a' else titles[1]} is there first ({p}{', preliminary' if found.preliminary else ''})."
