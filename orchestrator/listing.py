"""What the listing commands print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from levelfield.planning import words
from levelfield.planning.estimate import Estimate
from levelfield.result import Status
from levelfield.services import Service
from levelfield.spec import PlannedRun
from levelfield.store import StudyRecord
from orchestrator.doctor import Finding

if TYPE_CHECKING:  # pandas takes a second to import
    from levelfield.report.runs import Run

PLAN_ROWS = 200
MARKS = {True: "[green]ok[/]     ", False: "[bold red]failed[/] ", None: "[yellow]note[/]   "}


def studies(records: Iterable[StudyRecord], counts: Mapping[str, Mapping[Status, int]]) -> RenderableType:
    """One row a study: how many of its runs are ok, and what became of the others."""
    table = Table("study", "begun (UTC)", "workloads", "sides", "runs that are ok")
    for record in records:
        ended = counts.get(record.id, {})
        runs = [f"{ended.get(Status.OK, 0)} of {record.planned_runs}"]
        runs += [f"{number} {status}" for status, number in ended.items() if status is not Status.OK]
        sides = ", ".join(side["label"] for side in record.study["frameworks"])
        table.add_row(
            record.id, f"{record.created_at:%Y-%m-%d %H:%M}", ", ".join(record.study["workloads"]), escape(sides), ", ".join(runs)
        )
    table.columns[0].no_wrap = True
    return table


def runs(recorded: Iterable["Run"]) -> RenderableType:
    """One row a run, earlier attempts included; a value that does not count is left out."""
    from levelfield.report.formats import heading, value
    from levelfield.report.quantities import ACCURACY, THROUGHPUT

    quantities = (ACCURACY, THROUGHPUT)
    table = Table("run", "workload", "workers", "seed", "side", "attempt", "status", *map(heading, quantities))
    for run in recorded:
        told = (run.value(quantity) for quantity in quantities)
        cells = ("" if raw is None else value(quantity, raw) for quantity, raw in zip(quantities, told, strict=True))
        named = (str(run.run_id), run.workload, str(run.workers), str(run.seed), escape(run.side), str(run.attempt))
        table.add_row(*named, run.status, *cells)
    return table


def frameworks(services: Iterable[Service]) -> RenderableType:
    """One paragraph a service: all that its description says."""
    return Group(*(_framework(service) for service in services))


def _framework(service: Service) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for name, meaning in service.modes.items():
        default = " (default)" if name == service.default_mode else ""
        grid.add_row("  mode", escape(f"{name}{default}: {meaning}"))
    for name, values in (
        ("precisions", service.precisions),
        ("devices", service.devices),
        ("tracks", service.tracks),
        ("workloads", service.workloads),
    ):
        grid.add_row(f"  {name}", ", ".join(values))
    grid.add_row("  environment", "ready" if service.ready else f"missing; make it with: {service.setup_command}")
    return Group(Text(f"{service.name} ({service.title})", style="bold"), grid)


def plan(runs: Sequence[PlannedRun]) -> RenderableType:
    """One row a run; of a long plan the first ones."""
    table = Table("pair", "side", "workload", "workers", "seed", "mode", "precision")
    for run in runs[:PLAN_ROWS]:
        spec = run.spec
        numbers = str(spec.workers), str(spec.seed)
        table.add_row(str(run.pair), escape(run.side), spec.workload, *numbers, spec.mode, spec.precision)
    left = len(runs) - PLAN_ROWS
    return Group(table, Text(f"and {left:,} more runs")) if left > 0 else table


def estimate(found: Estimate, *, room: int | None) -> RenderableType:
    """How long each kind of run will take, and all of it. ``room``: how many pairs the cluster has at work at once, if it was asked."""
    table = Table("side", "workload", "workers", "runs", "seconds each", "from")
    for part in found.parts:
        numbers = str(part.spec.workers), str(part.runs)
        table.add_row(escape(part.side), part.spec.workload, *numbers, words.each(part), words.source(part))
    lines = [words.whole(found)]
    if room:
        at_once = min(room, found.pairs)
        told = f"{at_once} pair{'s' if at_once > 1 else ''} at work at once"
        lines.append(f"This cluster has {told}: {words.least(found)} {words.duration(found.seconds / at_once)}.")
    return Group(table, *map(Text, lines))


def findings(found: Iterable[Finding]) -> RenderableType:
    """One line a finding, and one with what to do about it."""
    lines = []
    for finding in found:
        lines.append(f"{MARKS[finding.good]} {escape(finding.where)}: {escape(finding.what)}")
        if finding.remedy:
            lines.append(f"         {escape(finding.remedy)}")
    return Group(*map(Text.from_markup, lines))
