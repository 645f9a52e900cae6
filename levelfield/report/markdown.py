"""The report as Markdown (GitHub's flavour)."""

import re
from collections.abc import Iterable

from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.tables import CAPTION, Table, labels_text, notes, subtitle, workload_tables


def to_markdown(analysis: Analysis) -> str:
    """The whole study: a heading, and a section for each workload."""
    head = [
        f"# {_safe(analysis.title)}",
        f"{_safe(subtitle(analysis))}.",
        *(f"**{label.name}**: {label.why}." for label in analysis.labels),
    ]
    sections = [block for workload in analysis.workloads for block in _section(workload)]
    return "\n\n".join([*head, *sections]) + "\n"


def _section(workload: WorkloadAnalysis) -> Iterable[str]:
    yield f"## {_safe(workload.title)}"
    for comparison in workload.comparisons:
        yield f"**{_safe(comparison.sentence)}**"
        yield f"Labels: {_safe(labels_text(comparison.labels))}."
    tables = workload_tables(workload)
    yield from ("\n".join(_table(table)) for table in tables)
    if tables:
        yield CAPTION
    if found := notes(workload):
        yield "\n".join(f"- {_safe(note)}" for note in found)


def _table(table: Table) -> Iterable[str]:
    yield _row(table.header)
    yield _row("---" for _ in table.header)
    for name, cells in table.rows:
        yield _row((name, *(" ".join(filter(None, cell)) for cell in cells)))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell if cell == '---' else _safe(cell) for cell in cells)} |"


def _safe(text: str) -> str:
    """A failure's reason or a label may hold anything: no markup, table or HTML may come of it."""
    return re.sub(r"([\\`*_<>|#\[\]])", r"\\\1", " ".join(text.split()))
