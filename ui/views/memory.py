"""Memory and energy: the peaks, each labelled as what it is, and what energy counters say."""

from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from levelfield.charts import amounts
from levelfield.charts.basis import basis_of, counted
from levelfield.report.quantities import DEVICE_MEMORY, ENERGY, ENERGY_ABOVE_IDLE, FRAMEWORK_MEMORY, PROCESS_MEMORY, Quantity
from ui import look, visit
from ui.drawing import chart
from ui.sections import heading
from ui.visit import Shown

MEMORY = (PROCESS_MEMORY, FRAMEWORK_MEMORY, DEVICE_MEMORY)
WHAT_MEMORY = (
    "Peak memory (RSS): the largest resident size of the process, libraries included. The framework's: what its own allocator held. "
    "The GPU's: all that was taken on it, by whomever, read from outside once a second. "
    "Only runs that had their device to themselves count."
)
WHAT_ENERGY = "Counters of the GPU or of the processor packages over the whole run, whoever used them; runs of 5 s or longer."


def main() -> None:
    """The page."""
    shown = visit.case()
    _part(shown, MEMORY, "Memory", "Peak memory of a run", WHAT_MEMORY)
    _part(shown, (ENERGY, ENERGY_ABOVE_IDLE), "Energy", "Energy of a run", WHAT_ENERGY)


def _part(shown: Shown, quantities: Sequence[Quantity], title: str, what: str, meaning: str) -> None:
    heading(title, meaning)
    data = amounts.data(shown.workload.sides, quantities)
    if len(data):
        runs = {side.name: int(data.loc[data["side"] == label, "runs"].max()) for label, side in shown.sides.items() if _has(data, label)}
        basis = basis_of(counted(runs, "run"), shown.workload, shown.analysis, interval="medians, whiskers from least to most")
        key = f"{title.lower()}-{shown.key}"
        chart(amounts.amounts(data, shown.sides, title=f"{what} by side"), key, data, basis=basis)
    if missing := list(_missing(shown, quantities)):
        st.html(look.listed(missing))


def _has(data: pd.DataFrame, label: str) -> bool:
    return bool((data["side"] == label).any())


def _missing(shown: Shown, quantities: Sequence[Quantity]) -> Iterable[str]:
    """What is missing is told, never drawn as zero."""
    names = {quantity.name: quantity.label for quantity in quantities}
    found: dict[tuple[str, int, int, str], list[str]] = {}
    for one in shown.workload.sides:
        for lack in one.missing:
            if lack.quantity in names:
                found.setdefault((lack.quantity, lack.runs, one.runs, lack.reason), []).append(one.side.title)
    for (name, lacking, runs, reason), titles in found.items():
        yield f"{' and '.join(titles)}: {names[name]} is missing in {lacking} of {runs} runs: {reason}."


main()
