"""What a study claims, judged together: about every two sides in every case, their speed and their accuracy (methodology, rule 7).

The primary claim is the first: the speed of the first two sides on the first workload with the first number of workers. It is tested by
itself; the others share an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from levelfield.report.runs import Run
from levelfield.spec import Case
from levelfield.stats import Effect, Verdict, looks, verdicts, verdicts_at


@dataclass(frozen=True, kw_only=True)
class Claim:
    """About one quantity of side ``a`` against side ``b`` on a workload, trained by so many workers."""

    case: Case
    a: str
    b: str
    quantity: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """A study that goes on until it is decided is judged over its first ``pairs`` pairs of each case, of at most ``maximum``.

    ``reached``: all of them are recorded. Pairs that were measured since do not count before the next look.
    """

    pairs: int
    maximum: int
    reached: bool


def look_of(content: Mapping[str, Any], runs: Sequence[Run]) -> Look | None:
    """The last look that a study has come to, the first one where it has come to none; None where its number of pairs is fixed."""
    if not content.get("until_decided"):
        return None
    seeds = content["seeds"]
    maximum = seeds if isinstance(seeds, int) else len(seeds)
    complete = _complete(runs, cases=len(cases_of(content)), sides=len(content["frameworks"]))
    reached = [number for number in looks(maximum) if number <= complete]
    return Look(pairs=reached[-1] if reached else looks(maximum)[0], maximum=maximum, reached=bool(reached))


def cases_of(content: Mapping[str, Any]) -> tuple[Case, ...]:
    """What a study compares its sides on; one from before there were gangs says nothing of workers."""
    return tuple(Case(workload=name, workers=number) for name in content["workloads"] for number in content.get("workers", [1]))


def within(run: Run, look: Look | None, cases: int) -> bool:
    """Whether a run belongs to the pairs that are judged. Pairs are numbered case by case within each seed."""
    return look is None or run.pair // cases < look.pairs


def judge(effects: Mapping[Claim, Effect], margins: Mapping[str, float], look: Look | None) -> dict[Claim, Verdict]:
    """The verdict on each claim, the first of which is primary; ``margins`` are by quantity.

    At a look the number of further pairs is left out: it would count beyond a maximum that was fixed in advance.
    """
    if not effects:
        return {}
    of = {claim: margins[claim.quantity] for claim in effects}
    primary = next(iter(effects))
    if look is None:
        return verdicts(effects, of, primary=primary)
    found = verdicts_at(effects, of, primary=primary, look=look.pairs, maximum=look.maximum)
    return {claim: replace(verdict, more=None, more_than=False) for claim, verdict in found.items()}


def _complete(runs: Sequence[Run], *, cases: int, sides: int) -> int:
    """How many seeds, from the first on without a gap, have a run of every side in every case."""
    positions = sorted(run.pair // cases for run in runs if run.latest)
    number = 0
    for position, members in groupby(positions):
        if position != number or len(list(members)) < cases * sides:
            break
        number += 1
    return number
