"""What a study asks, and the verdicts on it: from raw values to effects to verdicts, without the rest of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from levelfield.report.claims import Claim, Look, cases_of, judge, look_of, within
from levelfield.report.compare import effects
from levelfield.report.model import Side
from levelfield.report.quantities import ACCURACY, COST, EXCHANGE_SHARE, QUANTITIES, SPEED, START, THROUGHPUT, TIME_TO_TRAIN, WALL, Quantity
from levelfield.report.runs import Run
from levelfield.report.titles import has_steps, read_sides
from levelfield.spec import Case
from levelfield.stats import Effect, Verdict

MARGIN, ACCURACY_MARGIN = 0.03, 0.005  # methodology, rule 7
Sides: TypeAlias = tuple[Side, Side]
TRACK = "matched"  # a study's, unless it says otherwise


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a study compares, and how far its answer has come. ``margins``: those of speed and of accuracy."""

    track: str
    sides: tuple[Side, ...]
    margins: tuple[float, float]
    speed_from: Quantity
    trains: bool
    quantities: tuple[Quantity, ...]
    look: Look | None
    cases: tuple[Case, ...]

    @property
    def pairs_of_sides(self) -> tuple[Sides, ...]:
        """Every two sides, the first one's first."""
        return tuple(combinations(self.sides, 2))


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The effects of every comparison, by case and sides, and the verdicts on every claim."""

    found: Mapping[tuple[Case, Sides], Mapping[str, Effect]]
    verdicts: Mapping[Claim, Verdict]


def question_of(content: Mapping[str, Any], runs: Sequence[Run]) -> Question:
    """The question of a study whose YAML is ``content``."""
    return Question(
        track=str(content.get("track") or TRACK),
        sides=read_sides(content),
        margins=(float(content.get("margin", MARGIN)), float(content.get("accuracy_margin", ACCURACY_MARGIN))),
        speed_from=SPEED if _has_duels(content) else THROUGHPUT,
        trains=bool(content.get("train", True)),
        quantities=_expected(content),
        look=look_of(content, runs),
        cases=cases_of(content),
    )


def judged(question: Question, runs: Sequence[Run]) -> Judged:
    """Every comparison and the verdict on every claim."""
    found = {
        (case, two): effects(*members(case, two, runs, question), question.quantities)
        for case in question.cases
        for two in question.pairs_of_sides
    }
    margins = {question.speed_from.name: question.margins[0]} | ({ACCURACY.name: question.margins[1]} if question.trains else {})
    claims = {claim_of(case, two, quantity): own[quantity] for (case, two), own in found.items() for quantity in margins}
    return Judged(found=found, verdicts=judge(claims, margins, question.look))


def members(case: Case, sides: Sides, runs: Sequence[Run], question: Question) -> tuple[dict[int, Run], dict[int, Run]]:
    """The latest run of each side by pair, of the pairs that are judged."""
    number = len(question.cases)
    counted = [run for run in runs if run.case == case and run.latest and within(run, question.look, number)]
    a, b = ({run.pair: run for run in counted if run.side == side.label} for side in sides)
    return a, b


def claim_of(case: Case, sides: Sides, quantity: str) -> Claim:
    """The claim about a quantity of two sides in a case."""
    return Claim(case=case, a=sides[0].label, b=sides[1].label, quantity=quantity)


def _has_duels(content: Mapping[str, Any]) -> bool:
    """Whether the study compares speed by bursts; one from before there were any does not."""
    return bool(content.get("bursts")) and len(content["frameworks"]) > 1 and has_steps(str(content.get("track") or TRACK))


def _expected(content: Mapping[str, Any]) -> tuple[Quantity, ...]:
    """What every run of the study should give: nothing of bursts without duels, and nothing of training where none takes place."""
    missed = {SPEED} if not _has_duels(content) else set()
    missed |= set() if content.get("prices") else {COST}
    missed |= {EXCHANGE_SHARE} if all(case.workers == 1 for case in cases_of(content)) else set()
    missed |= {ACCURACY, THROUGHPUT, START, TIME_TO_TRAIN, WALL, COST} if not content.get("train", True) else set()
    return tuple(quantity for quantity in QUANTITIES if quantity not in missed)
