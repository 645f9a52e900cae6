"""The report for a terminal."""

from collections.abc import Iterable
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

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

LOGS_SHOWN, LOG_LINES = 3, 5  # JSON and the page have them all


def to_rich(analysis: Analysis) -> RenderableType:
    """The whole study as something that `rich.print` shows: sentences, tables, failures."""
    # Text and not markup: a failure's reason may hold brackets.
    head = [Text(analysis.title, style="bold"), Text(track_line(analysis)), Text(subtitle(analysis), style="dim")]
    labels = [Text(labels_text(analysis.labels), style="yellow")] if analysis.labels else []
    overall = [Text(line, style="bold") for line in overall_lines(analysis)]
    parts = (part for workload in analysis.workloads for part in _section(workload, analysis.study_id))
    return Group(*head, *labels, *overall, *parts, *_scaled(analysis))


def _scaled(analysis: Analysis) -> Iterable[RenderableType]:
    if found := scaled.tables(analysis):
        yield Text(f"\n{scaled.TITLE}", style="bold")
        yield from map(Text, scaled.lines(analysis))
        yield from map(rich_table, found)
        yield Text(scaled.caption(analysis), style="dim")


def _section(workload: WorkloadAnalysis, study_id: str) -> Iterable[RenderableType]:
    if not workload.comparisons:
        yield Text(f"\n{workload.title}", style="bold")
    for comparison in workload.comparisons:
        yield Text(f"\n{comparison.sentence}", style="bold")
        if comparison.labels:
            yield Text(labels_text(comparison.labels), style="yellow")
        yield from (Text(line, style="green") for line in certified(comparison))
        yield Text(unequal(comparison, study_id))
    yield from map(Text, remarks(workload))
    tables = workload_tables(workload)
    yield from map(rich_table, tables)
    if tables:
        yield Text(CAPTION, style="dim")
    yield from (Text(line) for comparison in workload.comparisons for line in predictions.told(comparison))
    for note in notes(workload):
        yield Text(f"- {note}", style="red" if workload.incidents or workload.outside else "")
    for incident in workload.incidents[:LOGS_SHOWN]:
        if incident.log_tail:
            lines = incident.log_tail.splitlines()[-LOG_LINES:]
            yield Text(
                f"\n  last lines of the log of {incident.side.title}, seed {incident.seed}, attempt {incident.attempt}:", style="dim"
            )
            yield Text("\n".join(f"  | {line[:200]}" for line in lines), style="dim")


def rich_table(table: Table, *, justify: Literal["left", "right"] = "right") -> RichTable:
    """A table whose first column is on the left and whose other ones are on the side that ``justify`` says."""
    shown = RichTable(box=box.SIMPLE_HEAD)
    for at, title in enumerate(table.header):
        shown.add_column(Text(title), justify="left" if at == 0 else justify)
    for name, cells in table.rows:
        shown.add_row(Text(name), *(Text("\n".join(filter(None, cell))) for cell in cells))
    return shown
