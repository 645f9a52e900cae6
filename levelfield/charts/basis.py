"""What a chart rests on, in a line: how many of what, the level of its intervals, the track, and whether the comparison is certified."""

from collections.abc import Mapping, Sequence

import pandas as pd

from levelfield.charts.style import Look
from levelfield.report.model import Analysis, Comparison, WorkloadAnalysis

LEVEL = "95% intervals"


def basis_of(n: str, workload: WorkloadAnalysis | None, analysis: Analysis, *, interval: str = LEVEL) -> str:
    """The line; ``n`` says how many of what, ``interval`` is empty where the chart has none. Without a workload it is a chart of all."""
    comparisons = [one for case in analysis.workloads if workload in (case, None) for one in case.comparisons]
    parts = [n, interval, f"track {analysis.track}", _certified(comparisons)]
    return f"{'; '.join(filter(None, parts))}."


def counted(numbers: Mapping[str, int], unit: str) -> str:
    """How many of a unit each side has: "5 runs a side", or "TensorFlow 5 runs, PyTorch 4"."""
    different = set(numbers.values())
    if len(different) == 1:
        (n,) = different
        return f"{n:,} {unit}{'' if n == 1 else 's'} a side"
    return ", ".join(f"{name} {n:,} {unit}{'' if n == 1 else 's'}" for name, n in numbers.items())


def per_side(rows: pd.DataFrame, sides: Mapping[str, Look], column: str, unit: str) -> str:
    """How many different values of a column each side has, as `counted` says it."""
    numbers = rows.groupby("side")[column].nunique()
    return counted({side.name: int(numbers.get(label, 0)) for label, side in sides.items()}, unit)


def _certified(comparisons: Sequence[Comparison]) -> str:
    """For all of them together."""
    if not comparisons:
        return ""
    passed = [bool(one.certificate and one.certificate.passed) for one in comparisons]
    if all(passed):
        return "certified"
    return "partly certified" if any(passed) else "not certified"
