"""A study analysed: every side by itself, every two sides against each other, and one sentence for the reader."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from levelfield import workloads
from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.report import predictions, target
from levelfield.report.audit import audit
from levelfield.report.break_even import break_even
from levelfield.report.claims import Claim, Look
from levelfield.report.compare import exclusions, pairs_of
from levelfield.report.costs import price_list
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
from levelfield.report.quantities import ACCURACY, QUANTITIES, Quantity
from levelfield.report.reference import Reference, outside, packaged
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.report.scaling import scaling, scaling_compared
from levelfield.report.titles import case_title, track_question
from levelfield.report.verdicts import Judged, Question, Sides, claim_of, judged, members, question_of
from levelfield.report.wording import sentence
from levelfield.result import STATUSES, Status
from levelfield.spec import Case
from levelfield.stats import SETTLED_PAIRS, Effect, Verdict, describe, geometric_mean


@dataclass(frozen=True, kw_only=True)
class _Study:
    """What all workloads of a study have in common."""

    id: str
    asked: Question
    duels: Sequence[Duel]
    idle: Mapping[Case, Mapping[str, float]]
    target_times: Mapping[int, float]
    predictions: Mapping[int, Predictions]
    certificates: Sequence[Certificate]
    references: Sequence[Reference]


def analyse(frames: Frames, references: Sequence[Reference] | None = None, *, networks: bool = True) -> Analysis:
    """Analyse a study's raw values, finished or not. Only the latest attempt of a run counts; the others are listed.

    ``references`` are the reference points for convergence, by default those that come with this version. Without ``networks`` the
    predictions are not read, which no verdict needs.
    """
    study, content, runs = frames.study, frames.study.study, read_runs(frames)
    asked = question_of(content, runs)
    about = _about(frames, asked, references, networks=networks)
    recorded = sum(run.latest for run in runs)
    answer = judged(asked, runs)
    labels = tuple(_unfinished(recorded, study.planned_runs, asked.look, answer.verdicts))
    created = study.created_at if study.created_at.tzinfo is None else study.created_at.astimezone(UTC)
    return Analysis(
        study_id=study.id,
        name=study.name,
        title=str(content.get("title") or study.name),
        track=asked.track,
        question=track_question(asked.track),
        created_at=created.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        levelfield_version=study.levelfield_version,
        source_hash=study.source_hash,
        planned=study.planned_runs,
        recorded=recorded,
        margin=asked.margins[0],
        accuracy_margin=asked.margins[1],
        prices=price_list(content),
        quantities=tuple(quantity.name for quantity in asked.quantities),
        labels=labels,
        workloads=tuple(_workload(case, runs, about, answer, labels) for case in asked.cases),
        overall=tuple(_overall(asked, answer)),
        scaling=scaling(asked, runs),
        scaling_compared=scaling_compared(asked, runs),
        scheme=str(content.get("scaling", "strong")),
    )


@dataclass(frozen=True, kw_only=True)
class _Workload:
    """What all comparisons in one case have in common: each side by itself, by its label, runs with a surprising accuracy.

    ``labels`` are those of the whole study.
    """

    case: Case
    summaries: Mapping[str, SideSummary]
    odd: Sequence[OutsideReference]
    labels: tuple[Label, ...]


def _overall(asked: Question, answer: Judged) -> Iterable[Overall]:
    """Every two sides with each number of workers, where there are several workloads."""
    for workers in dict.fromkeys(case.workers for case in asked.cases):
        cases = [case for case in asked.cases if case.workers == workers]
        for two in asked.pairs_of_sides if len(cases) > 1 else ():
            speeds = [answer.found[case, two][asked.speed_from.name] for case in cases]
            yield Overall(a=two[0], b=two[1], workers=workers, workloads=len(cases), speed=geometric_mean(speeds))


def _about(frames: Frames, asked: Question, references: Sequence[Reference] | None, *, networks: bool) -> _Study:
    return _Study(
        id=frames.study.id,
        asked=asked,
        duels=read_duels(frames),
        idle={case: idle_shares(frames, case) for case in asked.cases},
        target_times=target.times(frames.epochs, frames.runs),
        predictions=frames.predictions() if networks and asked.trains and len(asked.sides) > 1 else {},
        certificates=frames.certificates,
        references=packaged() if references is None else references,
    )


def _workload(case: Case, runs: Sequence[Run], about: _Study, answer: Judged, labels: tuple[Label, ...]) -> WorkloadAnalysis:
    asked = about.asked
    by_side = {side.label: [run for run in runs if run.case == case and run.side == side.label] for side in asked.sides}
    odd = [found for side in asked.sides for found in outside(side, by_side[side.label], about.references, about.id)]
    summaries = {side.label: _side_summary(side, by_side[side.label], asked.quantities) for side in asked.sides}
    own = _Workload(case=case, summaries=summaries, odd=odd, labels=labels)
    return WorkloadAnalysis(
        name=case.workload,
        workers=case.workers,
        title=case_title(case),
        sides=tuple(summaries.values()),
        comparisons=tuple(_compare(own, two, members(case, two, runs, asked), about, answer) for two in asked.pairs_of_sides),
        incidents=tuple(incident for side in asked.sides for incident in _incidents(side, by_side[side.label])),
        duel_incidents=tuple(incidents([duel for duel in about.duels if duel.case == case])),
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
    two: tuple[Mapping[int, Run], Mapping[int, Run]],
    about: _Study,
    answer: Judged,
) -> Comparison:
    case, (a, b), asked = own.case, two, about.asked
    found = dict(answer.found[case, sides])
    speed = answer.verdicts[claim_of(case, sides, asked.speed_from.name)]
    accuracy = answer.verdicts[claim_of(case, sides, ACCURACY.name)] if asked.trains else None
    parity = certificate_label(case, asked.track, sides, (list(a.values()), list(b.values())), about.certificates)
    both = [*a.values(), *b.values()]
    trained = predictions.trained(two)
    labels = (*([parity.label] if parity.label else []), *source_labels(both), *resource_labels(both))
    labels = (*labels, *watch_labels(duel for duel in about.duels if duel.case == case))
    labels = (*labels, *idle_labels(about.idle[case], (side.label for side in sides)))
    return Comparison(
        a=sides[0],
        b=sides[1],
        pairs=len(pairs_of(a, b)),
        effects=found,
        speed_from=asked.speed_from.name,
        speed=speed,
        accuracy=accuracy,
        break_even=break_even(
            (own.summaries[sides[0].label], own.summaries[sides[1].label]),
            speed,
            asked.speed_from,
            next((run.epoch_examples for run in both if run.epoch_examples), None) if asked.trains else None,
        ),
        to_target=target.compare(two, about.target_times) if asked.trains and case.workload in workloads.names() else None,
        networks=predictions.compare(trained, about.predictions),
        trained=trained,
        excluded=exclusions(a, b, sides, asked.quantities),
        audit=audit(*({pair: run.account for pair, run in by_pair.items()} for by_pair in two)),
        labels=(*_preliminary(found, asked), *labels, *reference_labels([one for one in own.odd if one.side in sides]), *own.labels),
        certificate=parity.certificate,
        sentence=sentence(case_title(case), sides, found, speed=(asked.speed_from.name, speed), accuracy=accuracy),
    )


def _preliminary(found: Mapping[str, Effect], asked: Question) -> Iterable[Label]:
    counts = {"speed": found[asked.speed_from.name].n} | ({"accuracy": found[ACCURACY.name].n} if asked.trains else {})
    if min(counts.values()) < SETTLED_PAIRS:
        told = ", ".join(f"{number} for {name}" for name, number in counts.items())
        yield Label(name="preliminary", why=f"fewer than {SETTLED_PAIRS} complete pairs: {told}")


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
