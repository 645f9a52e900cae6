"""What the renderings and the UI share: a workload's table and the notes under it, in words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from levelfield.report import target
from levelfield.report.break_even import told
from levelfield.report.certified import note
from levelfield.report.formats import SPREAD, centre, estimate, heading, interval, spread
from levelfield.report.model import Analysis, Comparison, Exclusion, Label, Overall, SideSummary, WorkloadAnalysis
from levelfield.report.quantities import ACCURACY, QUANTITIES, SPEED, THROUGHPUT, Quantity
from levelfield.report.reference import outside_notes

LISTED = 20  # lines of one kind; the rest is counted, and stands in full in JSON and CSV
CAPTION = (
    f"Sides: {SPREAD} over the runs that count. A / B: geometric mean of the ratio over pairs, A - B (accuracy): mean difference, each "
    "with its 95% t interval, unadjusted for the number of comparisons. Test accuracy: after the last epoch, on every test example. "
    "Speed in bursts: both sides alive, taking turns; the ratio is the median over rounds within a pair, so that what the machine does "
    "meanwhile cancels. Throughput: the median over the steady blocks of a whole run. Start until full speed: process start, import, "
    "data, device, building, and what compilation and warm-up took longer than the same steps take at full speed. Time to train: from "
    "building the network to the last training step, evaluation excluded. Total wall clock: with process start, import and evaluation. "
    "Cost: that time on each of its devices, by the study's prices. "
    "Processor time in the kernel: its share from the first step to the end, such as for memory that was freed and is asked for anew. "
    "Exchange of gradients: by how much a step of several workers is longer than one without it, as a share of the step. "
    "Peak memory (RSS): the largest resident size of the process; the framework's: what its own allocator held; the GPU's: all that "
    "was taken on it, read from outside once a second. Energy: counters of the GPU or the processor packages over the whole run, "
    "whoever used them."
)
WORDS = {
    "failed": "failed",
    "diverged": "diverged",
    "invalid": "{be} measured while the machine was not quiet",
    "restarted": "{be} restarted after a loss, so the timing does not count",
    "unsupported": "{be} not supported by the framework",
    "cancelled": "{be} cancelled",
}
_ALWAYS = (SPEED.name, THROUGHPUT.name, ACCURACY.name)  # their absence is told even where no run has them
Cell: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table in words. A cell is its main figure and the spread or interval that belongs to it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def workload_table(workload: WorkloadAnalysis) -> Table:
    """One row a quantity, one column a side; of two sides also their comparison. A quantity that no run has is left out."""
    quantities = [quantity for quantity in QUANTITIES if any(side.quantities[quantity.name].n for side in workload.sides)]
    return Table(
        header=("", *(side.side.title for side in workload.sides), *(_versus(comparison) for comparison in _beside(workload))),
        rows=tuple((heading(quantity), tuple(_cells(workload, quantity))) for quantity in quantities),
    )


def workload_tables(workload: WorkloadAnalysis) -> list[Table]:
    """The table of the sides, with their comparison where there is one; several comparisons stand in a table of their own."""
    return [table for table in (workload_table(workload), *_comparison_table(workload)) if table.rows]


def _comparison_table(workload: WorkloadAnalysis) -> Iterable[Table]:
    """One row a comparison, one column a compared quantity."""
    if len(workload.comparisons) < 2:
        return
    quantities = [
        quantity for quantity in QUANTITIES if any(quantity.name in c.effects and c.effects[quantity.name].n for c in workload.comparisons)
    ]
    cells = ((estimate(c.effects[q.name]), interval(c.effects[q.name])) for c in workload.comparisons for q in quantities)
    rows = tuple((_versus(comparison), tuple(islice(cells, len(quantities)))) for comparison in workload.comparisons)
    yield Table(header=("", *(quantity.label for quantity in quantities)), rows=rows)


def labels_text(labels: Sequence[Label]) -> str:
    """The labels with their reasons: "preliminary (fewer than 10 pairs), unverified (...)"."""
    return ", ".join(f"{label.name} ({label.why})" for label in labels)


def subtitle(analysis: Analysis) -> str:
    """Which study this is, when it was begun, and in which mode and precision the sides ran."""
    begun = analysis.created_at[:16].replace("T", " ")
    sides = [summary.side for workload in analysis.workloads[:1] for summary in workload.sides]
    prices = [f"prices: {analysis.prices}"] if analysis.prices else []
    settings = [f"{side.title}: {', '.join(known)}" for side in sides if (known := [s for s in (side.mode, side.precision) if s])]
    return "; ".join(
        [f"Study {analysis.name} ({analysis.study_id}), begun {begun} UTC, Levelfield {analysis.levelfield_version}", *settings, *prices]
    )


def track_line(analysis: Analysis) -> str:
    """The track and the question that it asks."""
    return f"Track {analysis.track}{f': {analysis.question}' if analysis.question else ''}"


def certified(comparison: Comparison) -> Iterable[str]:
    """One line where a certificate stands behind a comparison; where one failed, the label says so."""
    if comparison.certificate and comparison.certificate.passed:
        yield note(comparison.certificate)


def remarks(workload: WorkloadAnalysis) -> list[str]:
    """What else the figures say of every two sides: who reaches the target first, and where a slow start pays."""
    lines = []
    for one in workload.comparisons:
        titles = one.a.title, one.b.title
        lines += [target.told(one.to_target, titles, workload.name)] if one.to_target else []
        lines += [line] if one.break_even and (line := told(one.break_even, titles)) else []
    return lines


def overall_lines(analysis: Analysis) -> list[str]:
    """One line for every two sides of a study with several workloads."""
    return list(map(_overall, analysis.overall))


def _overall(one: Overall) -> str:
    gang = f" with {one.workers} workers" if one.workers > 1 else ""
    found, sides, number = one.speed, f"{one.a.title} / {one.b.title}{gang}", one.workloads
    if found.estimate is None:
        return f"{sides}, speed over {number} workloads: not known, {found.missing} of them without a complete pair."
    ends = f" [{found.interval.low:.3f}, {found.interval.high:.3f}]" if found.interval else ""
    return f"{sides}, geometric mean of the speed ratios over these {number} workloads: {found.estimate:.3f}{ends}."


def notes(workload: WorkloadAnalysis) -> list[str]:
    """Everything that did not go as planned: accuracies that surprise, runs that did not end well, values missing, pairs left out."""
    return [
        *_limited(outside_notes(workload.outside)),
        *(line for side in workload.sides for line in _side_notes(side)),
        *_limited([line for comparison in workload.comparisons for line in _exclusion_notes(comparison)]),
        *_limited(_incident_lines(workload)),
        *_limited(_duel_lines(workload)),
    ]


def _beside(workload: WorkloadAnalysis) -> tuple[Comparison, ...]:
    """The comparisons that stand beside the sides: the only one. Several have a table of their own."""
    return workload.comparisons if len(workload.comparisons) == 1 else ()


def _versus(comparison: Comparison) -> str:
    return f"{comparison.a.title} / {comparison.b.title}"


def _cells(workload: WorkloadAnalysis, quantity: Quantity) -> Iterable[Cell]:
    for side in workload.sides:
        summary = side.quantities[quantity.name]
        yield centre(quantity, summary), spread(quantity, summary)
    for comparison in _beside(workload):
        effect = comparison.effects.get(quantity.name)
        yield (estimate(effect), interval(effect)) if effect else ("", "")


def _side_notes(side: SideSummary) -> Iterable[str]:
    title = side.side.title
    if side.runs == 0:
        yield f"No run of {title} is recorded."
    for status, count in side.statuses.items():
        if status in WORDS:
            yield f"{count} of {side.runs} runs of {title} {WORDS[status].format(be='was' if count == 1 else 'were')}."
    if side.earlier_attempts:
        yield f"{side.earlier_attempts} earlier attempt(s) of {title} were replaced by later ones."
    for missing in side.missing:
        if missing.reason not in WORDS and (side.quantities[missing.quantity].n or missing.quantity in _ALWAYS):
            yield f"{_label(missing.quantity)} is missing in {missing.runs} of {side.runs} runs of {title}: {missing.reason}."


def _exclusion_notes(comparison: Comparison) -> Iterable[str]:
    groups: dict[tuple[str, tuple[str, ...]], list[Exclusion]] = defaultdict(list)
    for exclusion in comparison.excluded:
        groups[exclusion.reason, exclusion.quantities].append(exclusion)
    for (reason, quantities), members in groups.items():
        if any(comparison.effects[name].n or name in _ALWAYS for name in quantities):
            pairs = f"{len(members)} of {comparison.pairs} pairs"
            yield f"{_versus(comparison)}: {pairs} left out of {_names(quantities, comparison)}: {reason} ({_seeds(members)})."


def _seeds(members: Sequence[Exclusion]) -> str:
    seeds = ", ".join(str(member.seed) for member in members[:LISTED]) + (", ..." if len(members) > LISTED else "")
    return f"seed{'s' if len(members) > 1 else ''} {seeds}"


def _names(quantities: Sequence[str], comparison: Comparison) -> str:
    every = len(quantities) == len(comparison.effects)
    return "every comparison" if every else ", ".join(_label(name).partition(" (")[0] for name in quantities)


def _incident_lines(workload: WorkloadAnalysis) -> list[str]:
    return [
        f"{incident.side.title}, seed {incident.seed}, attempt {incident.attempt}: {incident.status}"
        f"{f' at step {incident.step}' if incident.step is not None else ''}: {' '.join(incident.reason.split())}"
        f"{' (replaced by a later attempt)' if incident.superseded else ''}"
        for incident in workload.incidents
    ]


def _duel_lines(workload: WorkloadAnalysis) -> list[str]:
    return [
        f"Duel, seed {duel.seed}, attempt {duel.attempt}: {duel.status}: {' '.join(duel.reason.split())}"
        f"{' (replaced by a later attempt)' if duel.superseded else ''}"
        for duel in workload.duel_incidents
    ]


def _limited(lines: Sequence[str]) -> list[str]:
    more = len(lines) - LISTED
    return [*lines[:LISTED], f"... and {more} more; JSON and CSV have them all."] if more > 0 else list(lines)


def _label(name: str) -> str:
    return next(quantity.label for quantity in QUANTITIES if quantity.name == name)
