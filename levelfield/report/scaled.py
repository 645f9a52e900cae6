"""How training scales, in words and as a table."""

from levelfield.report.formats import centre, estimate, heading, interval, number, percent, spread
from levelfield.report.model import Analysis, Scaling, ScalingStep
from levelfield.report.quantities import THROUGHPUT
from levelfield.report.tables import Cell, Table
from levelfield.stats import MINIMUM_PAIRS, SETTLED_PAIRS

TITLE = "How they scale"
CAPTION = (
    "Speedup: throughput of so many workers divided by that of the fewest, with the same global batch, over runs of one seed each. "
    "Efficiency: the speedup divided by how many times more workers they are; 100% is ideal. Both with the 95% t interval of the "
    "logarithms."
)


def lines(analysis: Analysis) -> list[str]:
    """A sentence on the most workers of each side on each workload."""
    return [_told(one) for one in analysis.scaling]


def tables(analysis: Analysis) -> list[Table]:
    """A table with a row for each workload, side and number of workers; none for a study with one number of them."""
    rows = tuple((f"{one.title}, {one.side.title}, {step.workers}", _cells(step)) for one in analysis.scaling for step in one.steps)
    return [Table(header=("workers", heading(THROUGHPUT), "speedup", "efficiency"), rows=rows)] if rows else []


def _told(found: Scaling) -> str:
    last, who = found.steps[-1], f"{found.title}, {found.side.title}"
    if last.efficiency is None or last.speedup.estimate is None or last.speedup.n < MINIMUM_PAIRS:
        return f"{who}: not enough runs to tell how {last.workers} workers compare with {found.base} ({last.speedup.n} of {MINIMUM_PAIRS})."
    wide = f" (95% interval {percent(last.interval.low, 0)} to {percent(last.interval.high, 0)})" if last.interval else ""
    times = f"{number(last.speedup.estimate)} times as fast as {found.base}"
    few = f"; preliminary, {last.speedup.n} seeds" if last.speedup.n < SETTLED_PAIRS else ""
    return f"{who}: {last.workers} workers train {times}, an efficiency of {percent(last.efficiency, 0)}{wide}{few}."


def _cells(step: ScalingStep) -> tuple[Cell, ...]:
    wide = f"[{percent(step.interval.low, 0)}, {percent(step.interval.high, 0)}]" if step.interval else ""
    return (
        (centre(THROUGHPUT, step.throughput), spread(THROUGHPUT, step.throughput)),
        (estimate(step.speedup), interval(step.speedup) if step.interval else ""),
        ("" if step.efficiency is None else percent(step.efficiency, 0), wide),
    )
