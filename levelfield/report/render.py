"""The renderings of an analysis: JSON, Markdown, CSV and terminal."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from levelfield.report.markdown import to_markdown
from levelfield.report.model import Analysis
from levelfield.report.quantities import QUANTITIES
from levelfield.report.reference import outside_text
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.report.terminal import to_rich
from levelfield.spec import Case

__all__ = ["to_csv", "to_dict", "to_json", "to_markdown", "to_rich"]

_UNITS = {"share": "", "examples/s": "_examples_per_s", "s": "_s", "bytes": "_bytes", "J": "_joules", "money": ""}
_CSV = {quantity.name: f"{quantity.name}{_UNITS[quantity.unit]}" for quantity in QUANTITIES}


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """The analysis as JSON can hold it: missing is None, never NaN, and units are those of `levelfield.report.quantities`."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(analysis), allow_nan=False))
    return plain | {"units": {quantity.name: quantity.unit for quantity in QUANTITIES}}


def to_json(analysis: Analysis) -> str:
    """`to_dict` as text."""
    return json.dumps(to_dict(analysis), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(frames: Frames, analysis: Analysis) -> str:
    """One tidy row for each recorded run, earlier attempts included. An empty cell is missing or does not count; ``reason`` says why."""
    out = io.StringIO()
    first = ["study", "run_id", "workload", "workers", "track", "side", "framework", "seed", "pair", "attempt", "latest", "status"]
    writer = csv.DictWriter(
        out,
        fieldnames=[*first, *_CSV.values(), "reason", "failure_step", "left_out_of_comparisons", "outside_reference"],
        lineterminator="\n",
    )
    writer.writeheader()
    left_out, odd = _left_out(analysis), _outside(analysis)
    for run in read_runs(frames):
        known = {name: getattr(run, name) for name in first if name != "study"}
        values = {_CSV[quantity.name]: _cell(run.value(quantity)) for quantity in QUANTITIES}
        why = {"reason": "; ".join(_reasons(run, analysis)), "failure_step": run.failure_step}
        pair = "; ".join(left_out.get((run.side, run.pair), {})) if run.latest else ""
        odd_one = odd.get((run.case, run.side, run.seed, run.attempt), "")
        row = {"study": analysis.name, **known, **values, **why, "left_out_of_comparisons": pair, "outside_reference": odd_one}
        writer.writerow(row)
    return out.getvalue()


def _cell(value: float | None) -> float | int | None:
    """Bytes are whole numbers and are written as such."""
    return int(value) if value is not None and value.is_integer() and value > 1 else value


def _reasons(run: Run, analysis: Analysis) -> Iterable[str]:
    """Why a run ended as it did, and what it lacks though it counts."""
    if run.failure_reason:
        yield " ".join(run.failure_reason.split())
    for quantity in QUANTITIES:
        if quantity.compared and quantity.name in analysis.quantities and run.counts(quantity) and (why := run.why_missing(quantity)):
            yield f"{quantity.name}: {why}"


def _outside(analysis: Analysis) -> dict[tuple[Case, str, int, int], str]:
    """What is said of runs with a surprising accuracy, by (case, side, seed, attempt)."""
    found = ((workload.case, one) for workload in analysis.workloads for one in workload.outside)
    return {(case, one.side.label, one.seed, one.attempt): outside_text(one) for case, one in found}


def _left_out(analysis: Analysis) -> dict[tuple[str, int], dict[str, None]]:
    """Why the pair of a run was left out of comparisons, by (side, pair); a dict keeps order without repeats."""
    found: dict[tuple[str, int], dict[str, None]] = {}
    for workload in analysis.workloads:
        for comparison in workload.comparisons:
            for exclusion in comparison.excluded:
                for side in (comparison.a, comparison.b):
                    found.setdefault((side.label, exclusion.pair), {})[exclusion.reason] = None
    return found
