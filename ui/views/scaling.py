"""Scaling: what more workers bring, how far that is from ideal, and what the exchange of gradients costs."""

from html import escape

import pandas as pd
import streamlit as st

from levelfield.charts import scaling
from levelfield.charts.basis import basis_of
from levelfield.report import scaled
from ui import look, visit
from ui.drawing import chart
from ui.sections import cell, heading
from ui.visit import Shown


def main() -> None:
    """The page."""
    shown = visit.case()
    found = [one for one in shown.analysis.scaling if one.workload == shown.workload.name]
    heading(scaled.TITLE)
    if not found:
        one = f"This study has one number of workers, {shown.workload.workers}."
        told = f"{one} A study with `workers: [1, 2, 4]` says what more of them bring; studies/scaling.yaml is one."
        st.html(f'<div class="lf">{look.with_code(told)}</div>')
        return
    for line in scaled.lines(shown.analysis):
        st.html(look.div("lf-verdict lf-next", line))
    _charts(shown, scaling.data(found))
    for table in scaled.tables(shown.analysis):
        st.html(look.table("lf-figures", table.header, (look.row(escape(name), map(cell, cells)) for name, cells in table.rows)))
    st.html(look.div("lf-soft", scaled.caption(shown.analysis)))


def _charts(shown: Shown, data: pd.DataFrame) -> None:
    seeds = f"up to {int(data['seeds'].max())} seeds a side"
    ranges = basis_of(seeds, shown.workload, shown.analysis, interval="medians, whiskers from least to most")
    chart(scaling.throughput(data, shown.sides), f"throughput-{shown.workload.name}", data, basis=ranges)
    chart(
        scaling.efficiency(data, shown.sides),
        f"efficiency-{shown.workload.name}",
        data,
        basis=basis_of(seeds, shown.workload, shown.analysis),
    )
    exchanged = scaling.exchange_data(shown.workload.name, shown.analysis)
    if len(exchanged):
        chart(scaling.exchange(exchanged, shown.sides), f"exchange-{shown.workload.name}", exchanged, basis=ranges)


main()
