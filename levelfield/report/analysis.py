"""A study analysed: every side by itself, every two sides against each other, and one sentence for the reader."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from itertools import combinations

from levelfield.report.compare import effects, exclusions, pairs_of, usable
from levelfield.report.model import (
    ACCURACY,
    QUANTITIES,
    THROUGHPUT,
    Analysis,
    Comparison,
    Incident,
    Label,
    Missing,
    Side,
    SideSummary,
    WorkloadAnalysis,
)
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.report.titles import read_sides, workload_title
from levelfield.report.wording import sentence
from levelfield.result import STATUSES, Status
from levelfield.stats import SETTLED_PAIRS, describe, verdict

MARGIN, ACCURACY_MARGIN = 0.03, 0.005  # methodology, rule 7


def analyse(frames: Frames) -> Analysis:
    """Analyse a study's raw values, finished or not. Only the latest attempt of a run counts; the others are listed."""
    study, content, runs = frames.study, frames.study.study, read_runs(frames)
    recorded = sum(run.latest for run in runs)
    margins = float(content.get("margin", MARGIN)), float(content.get("accuracy_margin", ACCURACY_MARGIN))
    sides, labels = read_sides(content), tuple(_incomplete(recorded, study.planned_runs))
    created = study.created_at if study.created_at.tzinfo is None else study.created_at.astimezone(UTC)
    return Analysis(
        study_id=study.id,
        name=study.name,
        title=str(content.get("title") or study.name),
        created_at=created.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        levelfield_version=study.levelfield_version,
        source_hash=study.source_hash,
        planned=study.planned_runs,
        recorded=recorded,
        margin=margins[0],
        accuracy_margin=margins[1],
        labels=labels,
        workloads=tuple(_workload(name, sides, runs, margins, labels) for name in content["workloads"]),
    )


def certificate_label(workload: str, a: Side, b: Side) -> Label | None:
    """The label of a comparison without a parity certificate (methodology, rule 5); None where one is stored for these sides."""
    del workload, a, b  # no certificate is stored yet
    return Label(name="unverified", why="no parity certificate is stored for these two sides")


def _workload(
    name: str, sides: Sequence[Side], runs: Sequence[Run], margins: tuple[float, float], study_labels: tuple[Label, ...]
) -> WorkloadAnalysis:
    by_side = {side.label: [run for run in runs if run.workload == name and run.side == side.label] for side in sides}
    return WorkloadAnalysis(
        name=name,
        title=workload_title(name),
        sides=tuple(_side_summary(side, by_side[side.label]) for side in sides),
        comparisons=tuple(_compare(name, two, by_side, margins, study_labels) for two in combinations(sides, 2)),
        incidents=tuple(incident for side in sides for incident in _incidents(side, by_side[side.label])),
    )


def _side_summary(side: Side, runs: Sequence[Run]) -> SideSummary:
    latest = [run for run in runs if run.latest]
    missing = Counter((quantity.name, why) for quantity in QUANTITIES for run in latest if (why := run.why_missing(quantity)))
    return SideSummary(
        side=side,
        runs=len(latest),
        statuses=dict(Counter(str(run.status) for run in latest)),
        earlier_attempts=len(runs) - len(latest),
        quantities={quantity.name: describe([run.value(quantity) for run in latest]) for quantity in QUANTITIES},
        missing=tuple(Missing(quantity=quantity, reason=reason, runs=count) for (quantity, reason), count in missing.items()),
    )


def _incidents(side: Side, runs: Iterable[Run]) -> Iterable[Incident]:
    for run in runs:
        if run.status is not Status.OK:
            yield Incident(
                side=side,
                seed=run.seed,
                attempt=run.attempt,
                status=str(run.status),
                reason=run.failure_reason or STATUSES[run.status].meaning,
                step=run.failure_step,
                log_tail=run.failure_log_tail,
                superseded=not run.latest,
            )


def _compare(
    workload: str,
    sides: tuple[Side, Side],
    by_side: Mapping[str, Sequence[Run]],
    margins: tuple[float, float],
    study_labels: tuple[Label, ...],
) -> Comparison:
    a, b = ({run.pair: run for run in by_side[side.label] if run.latest} for side in sides)
    found = effects(a, b)
    speed = verdict(found[THROUGHPUT.name], margin=margins[0])
    accuracy = verdict(found[ACCURACY.name], margin=margins[1])
    certificate = certificate_label(workload, *sides)
    return Comparison(
        a=sides[0],
        b=sides[1],
        pairs=len(pairs_of(a, b)),
        effects=found,
        speed=speed,
        accuracy=accuracy,
        excluded=exclusions(a, b, sides),
        labels=(*_preliminary(*usable(found)), *([certificate] if certificate else []), *study_labels),
        sentence=sentence(workload_title(workload), sides, found, speed=speed, accuracy=accuracy),
    )


def _preliminary(speed: int, accuracy: int) -> Iterable[Label]:
    if min(speed, accuracy) < SETTLED_PAIRS:
        yield Label(name="preliminary", why=f"fewer than {SETTLED_PAIRS} complete pairs: {speed} for speed, {accuracy} for accuracy")


def _incomplete(recorded: int, planned: int) -> Iterable[Label]:
    if recorded < planned:
        yield Label(name="incomplete", why=f"{recorded} of {planned} planned runs are recorded")
