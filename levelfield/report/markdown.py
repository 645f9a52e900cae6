"""The report as Markdown (GitHub's flavour)."""

import re
from collections.abc import Iterable

from levelfield.report import predictions, scaled
from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.tables import (
    CAPTION,
    Table,
    certified,
    labels_text,
    notes,
    overall_lines,
    remarks,
    subtitle,
    track_line,
    workload_tables,
)
from levelfield.report.unequal import unequal


def to_markdown(analysis: Analysis) -> str:
    """The whole study: a heading, and a section for each workload."""
    head = [
        f"# {safe(analysis.title)}",
        safe(track_line(analysis)),
        f"{safe(subtitle(analysis))}.",
        *(f"**{label.name}**: {label.why}." for label in analysis.labels),
        *map(safe, overall_lines(analysis)),
    ]
    sections = [block for workload in analysis.workloads for block in _section(workload, analysis.study_id)]
    return "\n\n".join([*head, *sections, *_scaled(analysis)]) + "\n"


def _scaled(analysis: Analysis) -> Iterable[str]:
    if found := scaled.tables(analysis):
        yield f"## {scaled.TITLE}"
        yield from map(safe, scaled.lines(analysis))
        yield from ("\n".join(table_lines(table)) for table in found)
        yield scaled.caption(analysis)


def _section(workload: WorkloadAnalysis, study_id: str) -> Iterable[str]:
    yield f"## {safe(workload.title)}"
    for comparison in workload.comparisons:
        yield f"**{safe(comparison.sentence)}**"
        if comparison.labels:
            yield f"Labels: {safe(labels_text(comparison.labels))}."
        yield from map(safe, certified(comparison))
        yield safe(unequal(comparison, study_id))
    yield from map(safe, remarks(workload))
    tables = workload_tables(workload)
    yield from ("\n".join(table_lines(table)) for table in tables)
    if tables:
        yield CAPTION
    if networks := predictions.tables(workload):
        yield from (safe(line) for comparison in workload.comparisons for line in predictions.told(comparison))
        yield from ("\n".join(table_lines(table)) for table in networks)
        yield predictions.CAPTION
    if found := notes(workload):
        yield "\n".join(f"- {safe(note)}" for note in found)


def table_lines(table: Table) -> Iterable[str]:
    """The lines of a table."""
    yield _row(table.header)
    yield _row("---" for _ in table.header)
    for name, cells in table.rows:
        yield _row((name, *(" ".join(filter(None, cell)) for cell in cells)))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell if cell == '---' else safe(cell) for cell in cells)} |"


def safe(text: str) -> str:
    """A failure's reason or a label may hold anything: no markup, table or HTML may come of it."""
    return re.sub(r"([\\`*_<>|#\[\]])", r"\\\1", " ".join(text.split()))
