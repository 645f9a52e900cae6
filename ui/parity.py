"""The parity certificate behind a comparison, in full."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from levelfield.report.certified import CertificateSummary, layer_table, when
from levelfield.report.model import Comparison, WorkloadAnalysis
from ui.look import div, plain, row, table

FINGERPRINT_DIGITS = 12


def certificates(workload: WorkloadAnalysis) -> None:
    """For each comparison with a certificate, passed or failed, a line that opens."""
    for comparison in workload.comparisons:
        if comparison.certificate:
            _certificate(comparison, comparison.certificate, several=len(workload.comparisons) > 1)


def _certificate(comparison: Comparison, found: CertificateSummary, *, several: bool) -> None:
    whose = f" of {comparison.a.title} and {comparison.b.title}" if several else ""
    outcome = "passed" if found.passed else "FAILED"
    with st.expander(plain(f"Parity certificate{whose}: {outcome}, {found.steps} steps in {found.precision}")):
        st.html(div("", f"{found.verdict}."))
        if found.diverged:
            st.html(div("", f"First diverging layer: {found.diverged}."))
        header, rows = layer_table(found)
        cells = ((name, [f"{escape(main)}<small>{escape(detail)}</small>" for main, detail in one]) for name, one in rows)
        st.html(table("lf-figures", list(header), (row(escape(name), shown, kind=_kind(found, name)) for name, shown in cells)))
        st.html("".join(div("lf-soft", line) for line in _small_print(found)))


def _kind(found: CertificateSummary, layer: str) -> str:
    return "lf-differs" if layer == found.diverged else ""


def _small_print(found: CertificateSummary) -> Iterable[str]:
    yield "Largest relative difference max|a - b| / max|a| of any tensor of the layer, over all steps, set against what was allowed there."
    for kind, allowed in found.tolerances.items():
        yield f"Allowed at most for {kind}: {allowed}."
    data = f"{found.data_source}, fingerprint {found.data_fingerprint[:FINGERPRINT_DIGITS]}"
    yield f"Made {when(found.created_at)} with batch size {found.batch_size}, seed {found.seed}, data {data}."
    yield from (f"Tried before: {told}." for told in found.earlier)
