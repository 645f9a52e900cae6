"""The audit of a study for readers: a line beside the result, and the whole of it for a terminal, as Markdown and as JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from levelfield.report.markdown import safe, table_lines
from levelfield.report.model import Analysis, Comparison, WorkloadAnalysis
from levelfield.report.tables import Table
from levelfield.report.terminal import rich_table
from levelfield.report.unequal import counted, listed, unknown

CAPTION = (
    "From what the workers report of themselves and of their machines, and from the recorded epochs and blocks. An aspect is equal where "
    "the members of every pair agree in it; arithmetic and number format decide what is computed, the other groups how fast."
)


def to_rich(analysis: Analysis, *, everything: bool) -> RenderableType:
    """The differences of every comparison, with ``everything`` also what is equal, for `rich.print`."""
    parts: list[RenderableType] = [Text(f"{analysis.title} ({analysis.study_id})", style="bold")]
    for workload, comparison in _comparisons(analysis):
        parts.append(Text(f"\n{_heading(workload, comparison)}", style="bold"))
        parts += [rich_table(table, justify="left") for table in _tables(comparison, everything=everything)]
        parts += [Text(line) for line in _closing(comparison, everything=everything)]
    return Group(*parts, Text(f"\n{CAPTION}", style="dim"))


def to_markdown(analysis: Analysis, *, everything: bool) -> str:
    """The same as Markdown (GitHub's flavour)."""
    blocks = [f"# {safe(analysis.title)}", f"Study {safe(analysis.study_id)}. {CAPTION}"]
    for workload, comparison in _comparisons(analysis):
        blocks.append(f"## {safe(_heading(workload, comparison))}")
        blocks += ["\n".join(table_lines(table)) for table in _tables(comparison, everything=everything)]
        blocks += [safe(line) for line in _closing(comparison, everything=everything)]
    return "\n\n".join(blocks) + "\n"


def to_json(analysis: Analysis) -> str:
    """All of it: differences and what is equal."""
    found = [_plain(workload, comparison) for workload, comparison in _comparisons(analysis)]
    return json.dumps({"study": analysis.study_id, "title": analysis.title, "comparisons": found}, indent=2, ensure_ascii=False) + "\n"


def _comparisons(analysis: Analysis) -> Iterable[tuple[WorkloadAnalysis, Comparison]]:
    return ((workload, comparison) for workload in analysis.workloads for comparison in workload.comparisons)


def _heading(workload: WorkloadAnalysis, comparison: Comparison) -> str:
    return f"{workload.title}: {_who(comparison.a.title, comparison.audit.a)} against {_who(comparison.b.title, comparison.audit.b)}"


def _who(title: str, framework: str) -> str:
    """A side with its framework's versions: "PyTorch 2.14.1", or "mine (PyTorch 2.14.1)" where the study gave it a name of its own."""
    if not framework:
        return title
    return framework if framework.startswith(title) else f"{title} ({framework})"


def _tables(comparison: Comparison, *, everything: bool) -> Iterable[Table]:
    audit = comparison.audit
    if audit.differences:
        rows = ((found.group, (found.aspect, found.a, found.b)) for found in audit.differences)
        yield _table(("not equal", "", comparison.a.title, comparison.b.title), rows)
    if everything and audit.equal:
        yield _table(("equal", "", "both"), ((found.group, (found.aspect, found.value)) for found in audit.equal))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, tuple[str, ...]]]) -> Table:
    """A group is named in its first row."""
    shown, before = [], None
    for group, cells in rows:
        shown.append((group if group != before else "", tuple((cell, "") for cell in cells)))
        before = group
    return Table(header=header, rows=tuple(shown))


def _closing(comparison: Comparison, *, everything: bool) -> Iterable[str]:
    audit = comparison.audit
    if not audit.known:
        yield unknown(comparison)
        return
    if not audit.differences:
        yield "Nothing that is reported differs."
    told = f"Told by {audit.runs_a} runs of {comparison.a.title} and {audit.runs_b} of {comparison.b.title}."
    yield f"{told} {counted(audit)}" + ("" if everything else " `--all` lists them.")
    if varying := [found.aspect for found in audit.equal if found.varies]:
        yield f"Equal in every pair, but not the same in all of them: {listed(varying)}."


def _plain(workload: WorkloadAnalysis, comparison: Comparison) -> dict[str, Any]:
    sides = {name: {"label": side.label, "title": side.title} for name, side in (("a", comparison.a), ("b", comparison.b))}
    return {"workload": workload.name, "title": workload.title, "sides": sides, **asdict(comparison.audit)}
