"""The certificate behind a comparison: a map of layers against steps, and the furthest of each layer."""

from collections.abc import Iterable

import pandas as pd

from levelfield.charts import parity as maps
from levelfield.parity.certificate import Certificate
from levelfield.report.certified import LOSS, CertificateSummary, summarise
from levelfield.report.html.chart import MAX_ROWS, Chart, Drawn
from levelfield.report.model import Comparison

MANY = 40  # rows; of more layers, blocks are shown


def certificate_of(comparison: Comparison, drawn: Drawn) -> Certificate | None:
    """The whole of the certificate that decides about a comparison."""
    summary = comparison.certificate
    return next((one for one in drawn.frames.certificates if summary is not None and _is(one, summary)), None)


def heat_maps(drawn: Drawn, at: int) -> Iterable[Chart]:
    """Of the comparison at that place a map for each part of its certificate; none of one from before every step was kept."""
    one = certificate_of(drawn.workload.comparisons[at], drawn)
    data = maps.points(one) if one else pd.DataFrame()
    if one is None or data.empty:
        return
    parts = maps.parts(data)
    first = maps.place(one.first_divergence) if one.first_divergence else None
    for part in sorted(parts, key=lambda name: name != first):
        yield _heat_map(drawn, one, data, (part, parts[part]), at)


def _heat_map(drawn: Drawn, one: Certificate, data: pd.DataFrame, part: tuple[str, str], at: int) -> Chart:
    name, title = part
    layers = maps.layers_of(data)
    blocks = maps.groups(layers) if len(layers) > MANY else {layer: layer for layer in layers}
    cells = maps.of_part(data, name, maps.ALL_KINDS)
    cells = maps.grouped(cells, blocks) if len(layers) > MANY else cells
    framed, found = None, one.first_divergence
    if found and maps.place(found) == name:
        framed = blocks[found.layer or LOSS], (found.failed_at or 0) + 1
    what = "A row is a block of layers, a cell is" if len(layers) > MANY else "A cell is"
    outcome = "passed" if one.passed else "failed"
    return Chart(
        key=drawn.key(f"parity-{at}-{name}"),
        figure=maps.heat_map(cells, title=f"Share of the tolerance: {title}", first=framed),
        data=cells.drop(columns="row").head(MAX_ROWS),
        basis=f"{one.steps} steps; one experiment (seed {one.seed}), so no intervals; track {one.track}; certificate {outcome}.",
        note=f"{what} the tensor that took most of its tolerance at that step; a cross is beyond it.",
        choices=(title,),
    )


def _is(one: Certificate, summary: CertificateSummary) -> bool:
    return one.created_at == summary.created_at and summarise(one) == summary
