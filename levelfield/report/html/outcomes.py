"""What came of it, as charts: ratios with their intervals, what runs take, and how training scales."""

from collections.abc import Iterable, Mapping, Sequence

from levelfield.charts import amounts, forest, overview, scaling
from levelfield.charts.basis import basis_of, counted
from levelfield.charts.style import Look
from levelfield.report.html.chart import Chart, Drawn
from levelfield.report.model import Analysis
from levelfield.report.quantities import DEVICE_MEMORY, ENERGY, ENERGY_ABOVE_IDLE, FRAMEWORK_MEMORY, PROCESS_MEMORY, Quantity

UNADJUSTED = "95% intervals, unadjusted"
RANGES = "medians, whiskers from least to most"
TAKEN = {
    "Peak memory of a run by side": (PROCESS_MEMORY, FRAMEWORK_MEMORY, DEVICE_MEMORY),
    "Energy of a run by side": (ENERGY, ENERGY_ABOVE_IDLE),
}


def every_case(analysis: Analysis, look: Mapping[str, Look]) -> Iterable[Chart]:
    """The ratios of speeds on all workloads, where there are several."""
    data = overview.data(analysis)
    if len(analysis.workloads) > 1 and len(data):
        numbers = sorted({data["pairs"].min(), data["pairs"].max()})
        basis = basis_of(f"{' to '.join(map(str, numbers))} pairs", None, analysis, interval=UNADJUSTED)
        yield Chart(key="overview", figure=overview.overview(analysis, look), data=data, basis=basis)


def ratios(drawn: Drawn, at: int) -> Iterable[Chart]:
    """The interval plot of the comparison at that place; none where it has no ratio to show."""
    comparison = drawn.workload.comparisons[at]
    if len(data := forest.data(comparison)):
        yield Chart(
            key=drawn.key(f"ratios-{at}"),
            figure=forest.forest(comparison, drawn.analysis.margin, drawn.look),
            data=data,
            basis=drawn.basis(f"{comparison.pairs} pair{'' if comparison.pairs == 1 else 's'}", interval=UNADJUSTED),
        )


def taken(drawn: Drawn) -> Iterable[Chart]:
    """What runs take: memory and energy, each labelled as what it is."""
    for at, (title, quantities) in enumerate(TAKEN.items()):
        yield from _taken(drawn, drawn.key(f"taken-{at}"), title, quantities)


def _taken(drawn: Drawn, key: str, title: str, quantities: Sequence[Quantity]) -> Iterable[Chart]:
    data = amounts.data(drawn.workload.sides, quantities)
    if data.empty:
        return
    most = data.groupby("side")["runs"].max()
    runs = {side.name: int(most[label]) for label, side in drawn.look.items() if label in most.index}
    figure = amounts.amounts(data, drawn.look, title=title)
    yield Chart(key=key, figure=figure, data=data, basis=drawn.basis(counted(runs, "run"), interval=RANGES))


def scaled(analysis: Analysis, look: Mapping[str, Look]) -> Iterable[Chart]:
    """Throughput, efficiency and the exchange of gradients by number of workers, for each workload; none where all have one number."""
    for workload in dict.fromkeys(one.workload for one in analysis.scaling):
        data = scaling.data(one for one in analysis.scaling if one.workload == workload)
        seeds = f"up to {int(data['seeds'].max())} seeds a side"
        of = next(one for one in analysis.workloads if one.name == workload)
        basis, ranges = basis_of(seeds, of, analysis), basis_of(seeds, of, analysis, interval=RANGES)
        exchanged = scaling.exchange_data(workload, analysis)
        yield Chart(key=f"throughput-{workload}", figure=scaling.throughput(data, look), data=data, basis=ranges)
        yield Chart(key=f"efficiency-{workload}", figure=scaling.efficiency(data, look), data=data, basis=basis)
        if len(exchanged):
            yield Chart(key=f"exchange-{workload}", figure=scaling.exchange(exchanged, look), data=exchanged, basis=ranges)
