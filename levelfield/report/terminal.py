"""The report for a terminal."""

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.tables import CAPTION, Table, labels_text, notes, subtitle, workload_tables

LOGS_SHOWN, LOG_LINES = 3, 5  # JSON and the page have them all


def to_rich(analysis: Analysis) -> RenderableType:
    """The whole study as something that `rich.print` shows: sentences, tables, failures."""
    # Text and not markup: a failure's reason may hold brackets.
    head = [Text(analysis.title, style="bold"), Text(subtitle(analysis), style="dim")]
    labels = [Text(labels_text(analysis.labels), style="yellow")] if analysis.labels else []
    return Group(*head, *labels, *(part for workload in analysis.workloads for part in _section(workload)))


def _section(workload: WorkloadAnalysis) -> Iterable[RenderableType]:
    if not workload.comparisons:
        yield Text(f"\n{workload.title}", style="bold")
    for comparison in workload.comparisons:
        yield Text(f"\n{comparison.sentence}", style="bold")
        yield Text(labels_text(comparison.labels), style="yellow")
    tables = workload_tables(workload)
    yield from map(_table, tables)
    if tables:
        yield Text(CAPTION, style="dim")
    for note in notes(workload):
        yield Text(f"- {note}", style="red" if workload.incidents else "")
    for incident in workload.incidents[:LOGS_SHOWN]:
        if incident.log_tail:
            lines = incident.log_tail.splitlines()[-LOG_LINES:]
            yield Text(
                f"\n  last lines of the log of {incident.side.title}, seed {incident.seed}, attempt {incident.attempt}:", style="dim"
            )
            yield Text("\n".join(f"  | {line[:200]}" for line in lines), style="dim")


def _table(table: Table) -> RichTable:
    rich_table = RichTable(box=box.SIMPLE_HEAD)
    for at, title in enumerate(table.header):
        rich_table.add_column(Text(title), justify="left" if at == 0 else "right")
    for name, cells in table.rows:
        rich_table.add_row(Text(name), *(Text("\n".join(filter(None, cell))) for cell in cells))
    return rich_table
