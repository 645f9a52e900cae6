"""How training scales, in words and as a table."""

from levelfield.report.formats import centre, estimate, heading, interval, number, percent, spread
from levelfield.report.model import Analysis, Scaling, ScalingComparison, ScalingStep, Side
from levelfield.report.quantities import THROUGHPUT
from levelfield.report.tables import Cell, Table
from levelfield.stats import MINIMUM_PAIRS, SETTLED_PAIRS

TITLE = "How they scale"
BATCHES = {
    "strong": "with the same global batch",
    "weak": "with the same batch for each worker, so that more of them train on a larger one (weak scaling)",
}


def caption(analysis: Analysis) -> str:
    """What the figures are."""
    return (
        f"Speedup: throughput of so many workers divided by that of the fewest, {BATCHES[analysis.scheme]}, over runs of one seed each. "
        "Efficiency: the speedup divided by how many times more workers they are; 100% is ideal. Both with the 95% t interval of the "
        "logarithms."
    )


def lines(analysis: Analysis) -> list[str]:
    """A sentence on the most workers of each side on each workload, and on every two sides there."""
    return [*map(_told, analysis.scaling), *filter(None, map(compared, analysis.scaling_compared))]


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


def better(found: ScalingComparison) -> Side | None:
    """The side that scales better; None where no difference is found, or there are too few runs."""
    effect = found.effect
    if effect.interval is None or effect.n < MINIMUM_PAIRS or effect.interval.low <= 1 <= effect.interval.high:
        return None
    return found.a if effect.interval.low > 1 else found.b


def compared(found: ScalingComparison) -> str | None:
    """Which of the two scales better; nothing where there are too few runs, which is said of each side already."""
    effect = found.effect
    if effect.estimate is None or effect.interval is None or effect.n < MINIMUM_PAIRS:
        return None
    few = f"; preliminary, {effect.n} seeds" if effect.n < SETTLED_PAIRS else ""
    ahead, behind, sign = (found.a, found.b, 1) if effect.estimate >= 1 else (found.b, found.a, -1)
    low, high = sorted(bound**sign for bound in (effect.interval.low, effect.interval.high))
    times, wide = number(effect.estimate**sign), f"95% interval {number(low)} to {number(high)}"
    which = f"{found.title}, from {found.base} to {found.workers} workers"
    if low <= 1 <= high:
        return f"{which}: no difference found in how they scale (efficiency of {ahead.title} / {behind.title} {times}, {wide}{few})."
    return f"{which}: {ahead.title} scales better; its efficiency is {times} times ({wide}) {behind.title}'s{few}."


def _cells(step: ScalingStep) -> tuple[Cell, ...]:
    wide = f"[{percent(step.interval.low, 0)}, {percent(step.interval.high, 0)}]" if step.interval else ""
    return (
        (centre(THROUGHPUT, step.throughput), spread(THROUGHPUT, step.throughput)),
        (estimate(step.speedup), interval(step.speedup) if step.interval else ""),
        ("" if step.efficiency is None else percent(step.efficiency, 0), wide),
    )
