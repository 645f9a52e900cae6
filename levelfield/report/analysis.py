"""A study analysed: every side by itself, every two sides against each other, and one sentence for the reader."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import combinations
from typing import Any, TypeAlias

from levelfield import workloads
from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.report import predictions, target
from levelfield.report.audit import audit
from levelfield.report.break_even import break_even
from levelfield.report.claims import Claim, Look, judge, look_of, within
from levelfield.report.compare import effects, exclusions, pairs_of
from levelfield.report.duels import Duel, idle_labels, idle_shares, incidents, read_duels, watch_labels
from levelfield.report.labels import certificate_label, reference_labels, resource_labels, source_labels
from levelfield.report.model import (
    Analysis,
    Comparison,
    Incident,
    Label,
    Missing,
    OutsideReference,
    Overall,
    Side,
    SideSummary,
    WorkloadAnalysis,
)
from levelfield.report.quantities import ACCURACY, QUANTITIES, SPEED, START, THROUGHPUT, TIME_TO_TRAIN, WALL, Quantity
from levelfield.report.reference import Reference, outside, packaged
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.report.titles import has_steps, read_sides, track_question, workload_title
from levelfield.report.wording import sentence
from levelfield.result import STATUSES, Status
from levelfield.stats import SETTLED_PAIRS, Effect, Verdict, describe, geometric_mean

MARGIN, ACCURACY_MARGIN = 0.03, 0.005  # methodology, rule 7
Sides: TypeAlias = tuple[Side, Side]
TRACK = "matched"  # a study's, unless it says otherwise


@dataclass(frozen=True, kw_only=True)
class _Study:
    """What all workloads of a study have in common."""

    id: str
    track: str
    sides: tuple[Side, ...]
    margins: tuple[float, float]
    speed_from: Quantity
    trains: bool
    quantities: tuple[Quantity, ...]
    duels: Sequence[Duel]
    idle: Mapping[str, Mapping[str, float]]
    target_times: Mapping[int, float]
    predictions: Mapping[int, Predictions]
    look: Look | None
    certificates: Sequence[Certificate]
    references: Sequence[Reference]
    workloads: int

    @property
    def pairs_of_sides(self) -> tuple[Sides, ...]:
        """Every two sides, the first one's first."""
        return tuple(combinations(self.sides, 2))


def analyse(frames: Frames, references: Sequence[Reference] | None = None, *, networks: bool = True) -> Analysis:
    """Analyse a study's raw values, finished or not. Only the latest attempt of a run counts; the others are listed.

    ``references`` are the reference points for convergence, by default those that come with this version. Without ``networks`` the
    predictions are not read, which no verdict needs.
    """
    study, content, runs = frames.study, frames.study.study, read_runs(frames)
    about = _about(frames, runs, references, networks=networks)
    recorded = sum(run.latest for run in runs)
    names = tuple(content["workloads"])
    found = {(name, two): effects(*_members(name, two, runs, about), about.quantities) for name in names for two in about.pairs_of_sides}
    judged = _judge(found, about)
    labels = tuple(_unfinished(recorded, study.planned_runs, about.look, judged))
    created = study.created_at if study.created_at.tzinfo is None else study.created_at.astimezone(UTC)
    return Analysis(
        study_id=study.id,
        name=study.name,
        title=str(content.get("title") or study.name),
        track=about.track,
        question=track_question(about.track),
        created_at=created.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        levelfield_version=study.levelfield_version,
        source_hash=study.source_hash,
        planned=study.planned_runs,
        recorded=recorded,
        margin=about.margins[0],
        accuracy_margin=about.margins[1],
        quantities=tuple(quantity.name for quantity in about.quantities),
        labels=labels,
        workloads=tuple(_workload(name, runs, about, _Judged(found=found, verdicts=judged, labels=labels)) for name in names),
        overall=tuple(_overall(names, two, found, about.speed_from) for two in about.pairs_of_sides) if len(names) > 1 else (),
    )


@dataclass(frozen=True, kw_only=True)
class _Workload:
    """What all comparisons on one workload have in common: each side by itself, by its label, and runs with a surprising accuracy."""

    name: str
    summaries: Mapping[str, SideSummary]
    odd: Sequence[OutsideReference]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """The effects of every comparison, the verdicts on every claim, and what is to be said of the whole study."""

    found: Mapping[tuple[str, Sides], Mapping[str, Effect]]
    verdicts: Mapping[Claim, Verdict]
    labels: tuple[Label, ...]


def _overall(names: Sequence[str], sides: Sides, found: Mapping[tuple[str, Sides], Mapping[str, Effect]], speed: Quantity) -> Overall:
    return Overall(a=sides[0], b=sides[1], speed=geometric_mean([found[name, sides][speed.name] for name in names]))


def _about(frames: Frames, runs: Sequence[Run], references: Sequence[Reference] | None, *, networks: bool) -> _Study:
    content, sides = frames.study.study, read_sides(frames.study.study)
    trains = bool(content.get("train", True))
    return _Study(
        id=frames.study.id,
        track=str(content.get("track") or TRACK),
        sides=sides,
        margins=(float(content.get("margin", MARGIN)), float(content.get("accuracy_margin", ACCURACY_MARGIN))),
        speed_from=SPEED if _has_duels(content) else THROUGHPUT,
        trains=trains,
        quantities=_expected(content),
        duels=read_duels(frames),
        idle={name: idle_shares(frames, name) for name in content["workloads"]},
        target_times=target.times(frames.epochs, frames.runs),
        predictions=frames.predictions() if networks and trains and len(sides) > 1 else {},
        look=look_of(content, runs),
        certificates=frames.certificates,
        references=packaged() if references is None else references,
        workloads=len(content["workloads"]),
    )


def _members(name: str, sides: Sides, runs: Sequence[Run], about: _Study) -> tuple[dict[int, Run], dict[int, Run]]:
    """The latest run of each side by pair, of the pairs that are judged."""
    counted = [run for run in runs if run.workload == name and run.latest and within(run, about.look, about.workloads)]
    a, b = ({run.pair: run for run in counted if run.side == side.label} for side in sides)
    return a, b


def _judge(found: Mapping[tuple[str, Sides], Mapping[str, Effect]], about: _Study) -> dict[Claim, Verdict]:
    margins = {about.speed_from.name: about.margins[0]} | ({ACCURACY.name: about.margins[1]} if about.trains else {})
    claims = {_claim(name, two, quantity): own[quantity] for (name, two), own in found.items() for quantity in margins}
    return judge(claims, margins, about.look)


def _claim(workload: str, sides: Sides, quantity: str) -> Claim:
    return Claim(workload=workload, a=sides[0].label, b=sides[1].label, quantity=quantity)


def _workload(name: str, runs: Sequence[Run], about: _Study, judged: _Judged) -> WorkloadAnalysis:
    by_side = {side.label: [run for run in runs if run.workload == name and run.side == side.label] for side in about.sides}
    odd = [found for side in about.sides for found in outside(side, by_side[side.label], about.references, about.id)]
    summaries = {side.label: _side_summary(side, by_side[side.label], about.quantities) for side in about.sides}
    own = _Workload(name=name, summaries=summaries, odd=odd)
    return WorkloadAnalysis(
        name=name,
        title=workload_title(name),
        sides=tuple(summaries.values()),
        comparisons=tuple(_compare(own, two, _members(name, two, runs, about), about, judged) for two in about.pairs_of_sides),
        incidents=tuple(incident for side in about.sides for incident in _incidents(side, by_side[side.label])),
        duel_incidents=tuple(incidents([duel for duel in about.duels if duel.workload == name])),
        outside=tuple(odd),
    )


def _side_summary(side: Side, runs: Sequence[Run], expected: Sequence[Quantity]) -> SideSummary:
    latest = [run for run in runs if run.latest]
    missing = Counter((quantity.name, why) for quantity in expected for run in latest if (why := run.why_missing(quantity)))
    return SideSummary(
        side=side,
        runs=len(latest),
        run_ids=tuple(run.run_id for run in latest),
        statuses=dict(Counter(str(run.status) for run in latest)),
        earlier_attempts=len(runs) - len(latest),
        quantities={quantity.name: describe([run.value(quantity) for run in latest if quantity in expected]) for quantity in QUANTITIES},
        missing=tuple(Missing(quantity=quantity, reason=reason, runs=count) for (quantity, reason), count in missing.items()),
    )


def _incidents(side: Side, runs: Iterable[Run]) -> Iterable[Incident]:
    for run in runs:
        if run.status is not Status.OK:
            yield Incident(
                side=side,
                run_id=run.run_id,
                seed=run.seed,
                attempt=run.attempt,
                status=str(run.status),
                reason=run.failure_reason or STATUSES[run.status].meaning,
                step=run.failure_step,
                log_tail=run.failure_log_tail,
                superseded=not run.latest,
            )


def _compare(
    own: _Workload,
    sides: Sides,
    members: tuple[Mapping[int, Run], Mapping[int, Run]],
    about: _Study,
    judged: _Judged,
) -> Comparison:
    workload, (a, b) = own.name, members
    found = dict(judged.found[workload, sides])
    speed = judged.verdicts[_claim(workload, sides, about.speed_from.name)]
    accuracy = judged.verdicts[_claim(workload, sides, ACCURACY.name)] if about.trains else None
    parity = certificate_label(workload, about.track, sides, (list(a.values()), list(b.values())), about.certificates)
    both = [*a.values(), *b.values()]
    labels = (*([parity.label] if parity.label else []), *source_labels(both), *resource_labels(both))
    labels = (*labels, *watch_labels(duel for duel in about.duels if duel.workload == workload))
    labels = (*labels, *idle_labels(about.idle[workload], (side.label for side in sides)))
    return Comparison(
        a=sides[0],
        b=sides[1],
        pairs=len(pairs_of(a, b)),
        effects=found,
        speed_from=about.speed_from.name,
        speed=speed,
        accuracy=accuracy,
        break_even=break_even(
            (own.summaries[sides[0].label], own.summaries[sides[1].label]),
            speed,
            about.speed_from,
            next((run.epoch_examples for run in both if run.epoch_examples), None) if about.trains else None,
        ),
        to_target=target.compare(members, about.target_times) if about.trains and workload in workloads.names() else None,
        networks=predictions.compare(members, about.predictions),
        excluded=exclusions(a, b, sides, about.quantities),
        audit=audit(*({pair: run.account for pair, run in by_pair.items()} for by_pair in members)),
        labels=(*_preliminary(found, about), *labels, *reference_labels([one for one in own.odd if one.side in sides]), *judged.labels),
        certificate=parity.certificate,
        sentence=sentence(workload_title(workload), sides, found, speed=(about.speed_from.name, speed), accuracy=accuracy),
    )


def _preliminary(found: Mapping[str, Effect], about: _Study) -> Iterable[Label]:
    counts = {"speed": found[about.speed_from.name].n} | ({"accuracy": found[ACCURACY.name].n} if about.trains else {})
    if min(counts.values()) < SETTLED_PAIRS:
        told = ", ".join(f"{number} for {name}" for name, number in counts.items())
        yield Label(name="preliminary", why=f"fewer than {SETTLED_PAIRS} complete pairs: {told}")


def _has_duels(content: Mapping[str, Any]) -> bool:
    """Whether the study compares speed by bursts; one from before there were any does not."""
    return bool(content.get("bursts")) and len(content["frameworks"]) > 1 and has_steps(str(content.get("track") or TRACK))


def _expected(content: Mapping[str, Any]) -> tuple[Quantity, ...]:
    """What every run of the study should give: nothing of bursts without duels, and nothing of training where none takes place."""
    missed = {SPEED} if not _has_duels(content) else set()
    missed |= {ACCURACY, THROUGHPUT, START, TIME_TO_TRAIN, WALL} if not content.get("train", True) else set()
    return tuple(quantity for quantity in QUANTITIES if quantity not in missed)


def _unfinished(recorded: int, planned: int, look: Look | None, verdicts: Mapping[Claim, Verdict]) -> Iterable[Label]:
    """What to say of a study that is not over, or that is over without having found all that it asked."""
    decided = all(verdict.decided for verdict in verdicts.values())
    if look and look.reached and (decided or look.pairs == look.maximum):
        if not decided:
            yield Label(
                name="undecided", why=f"the maximum of {look.maximum} pairs, which was fixed in advance, did not decide every claim"
            )
    elif recorded < planned:
        yield Label(name="incomplete", why=f"{recorded} of {planned} planned runs are recorded")
