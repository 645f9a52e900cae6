"""A comparison question by question: one sentence each, with effect and interval, or the word that it cannot be said yet."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from levelfield.report import scaled, target
from levelfield.report.formats import number
from levelfield.report.model import Analysis, Comparison, Side
from levelfield.report.quantities import ACCURACY, COST, PROCESS_MEMORY, Quantity
from levelfield.report.wording import accuracy_told, count, speed_told
from levelfield.spec import Case
from levelfield.stats import MINIMUM_PAIRS, Verdict

# "described": an interval that excludes equality, of a quantity that has no verdict, so is not adjusted for the number of those looked at.
Outcome: TypeAlias = Literal["found", "equivalent", "described", "open"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``favours`` is the label of the side that is better; None where neither is known to be."""

    question: str
    sentence: str
    outcome: Outcome
    favours: str | None = None


def answers(comparison: Comparison, analysis: Analysis, case: Case) -> list[Answer]:
    """What a study can say of two sides on a case; a question that it does not ask is left out."""
    return [
        _speed(comparison),
        *_accuracy(comparison),
        *_target(comparison, case),
        *_described(comparison, PROCESS_MEMORY, "Less memory?", "process's peak memory"),
        *_scaling(comparison, analysis, case),
        *_described(comparison, COST, "Cheaper?", "cost of a run"),
    ]


def _speed(comparison: Comparison) -> Answer:
    sides, verdict = (comparison.a, comparison.b), comparison.speed
    told = speed_told(sides, comparison.effects[comparison.speed_from], verdict)
    return Answer(question="Faster?", sentence=f"{told}.", outcome=_outcome(verdict), favours=_favoured(comparison, verdict.favours))


def _accuracy(comparison: Comparison) -> Iterable[Answer]:
    if (verdict := comparison.accuracy) is None:
        return
    told = accuracy_told((comparison.a, comparison.b), comparison.effects[ACCURACY.name], verdict)
    yield Answer(
        question="More accurate?",
        sentence=f"Test accuracy: {told}.",
        outcome=_outcome(verdict),
        favours=_favoured(comparison, verdict.favours),
    )


def _target(comparison: Comparison, case: Case) -> Iterable[Answer]:
    if found := comparison.to_target:
        yield Answer(
            question="Sooner at the target?",
            sentence=target.told(found, (comparison.a.title, comparison.b.title), case.workload),
            outcome="described" if found.favours else "open",
            favours=_favoured(comparison, found.favours),
        )


def _described(comparison: Comparison, quantity: Quantity, question: str, what: str) -> Iterable[Answer]:
    """A ratio whose smaller side is the better one."""
    effect = comparison.effects.get(quantity.name)
    if effect is None or not effect.n:
        return
    if effect.n < MINIMUM_PAIRS or effect.estimate is None or effect.interval is None:
        yield Answer(question=question, sentence=f"Not enough runs to tell ({effect.n} of {MINIMUM_PAIRS} pairs).", outcome="open")
        return
    less, more, seen = (comparison.b, comparison.a, effect) if effect.estimate >= 1 else (comparison.a, comparison.b, effect.inverse())
    assert seen.estimate is not None  # noqa: S101 - as that of the effect
    assert seen.interval is not None  # noqa: S101 - likewise
    low, high = seen.interval.low, seen.interval.high
    wide = f"95% interval {number(low)} to {number(high)}, unadjusted, {count(effect.n, 'pair')}"
    if low <= 1 <= high:
        told = f"No difference found: the {what} of {more.title} is {number(seen.estimate)} times that of {less.title} ({wide})."
        yield Answer(question=question, sentence=told, outcome="open")
        return
    told = f"The {what} of {more.title} is {number(seen.estimate)} times that of {less.title} ({wide})."
    yield Answer(question=question, sentence=told, outcome="described", favours=less.label)


def _scaling(comparison: Comparison, analysis: Analysis, case: Case) -> Iterable[Answer]:
    sides = {comparison.a.label, comparison.b.label}
    for found in analysis.scaling_compared:
        if found.workload == case.workload and {found.a.label, found.b.label} == sides:
            better = scaled.better(found)
            told = scaled.compared(found) or f"Not enough runs to tell ({found.effect.n} of {MINIMUM_PAIRS} seeds)."
            yield Answer(
                question="Scales better?",
                sentence=told,
                outcome="described" if better else "open",
                favours=better.label if better else None,
            )


def _outcome(verdict: Verdict) -> Outcome:
    if not verdict.decided:
        return "open"
    return "equivalent" if verdict.equivalent else "found"


def _favoured(comparison: Comparison, favours: str | None) -> str | None:
    side: Side | None = {"a": comparison.a, "b": comparison.b}.get(favours or "")
    return side.label if side else None
