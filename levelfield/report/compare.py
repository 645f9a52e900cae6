"""Two sides against each other, pair by pair."""

import math
from collections.abc import Mapping, Sequence

from levelfield.report.model import Exclusion, Side
from levelfield.report.quantities import QUANTITIES, SPEED, Quantity
from levelfield.report.runs import Run
from levelfield.report.titles import is_aligned
from levelfield.stats import Effect, difference, ratio, speed_ratio, within_pair

COMPARED = tuple(quantity for quantity in QUANTITIES if quantity.compared)
ByPair = Mapping[int, Run]


def pairs_of(a: ByPair, b: ByPair) -> list[int]:
    """The numbers of the pairs of which at least one member is recorded."""
    return sorted(a.keys() | b.keys())


def effects(a: ByPair, b: ByPair, expected: Sequence[Quantity] = QUANTITIES) -> dict[str, Effect]:
    """A/B or A - B by the name of each compared quantity that is ``expected``. A pair that cannot be used is left out and counted."""
    return {quantity.name: _effect(a, b, quantity) for quantity in COMPARED if quantity in expected}


def exclusions(a: ByPair, b: ByPair, sides: tuple[Side, Side], expected: Sequence[Quantity] = QUANTITIES) -> tuple[Exclusion, ...]:
    """Why pairs were left out of what was ``expected`` of them: one entry for each pair and reason."""
    found: dict[tuple[int, int, str], list[str]] = {}
    for pair in pairs_of(a, b):
        members = (a.get(pair), b.get(pair))
        seed = next(run.seed for run in members if run)
        for quantity in COMPARED:
            if quantity in expected and (reason := unusable(members, quantity, [side.title for side in sides])):
                found.setdefault((pair, seed, reason), []).append(quantity.name)
    return tuple(Exclusion(pair=p, seed=s, reason=r, quantities=tuple(names)) for (p, s, r), names in found.items())


def _effect(a: ByPair, b: ByPair, quantity: Quantity) -> Effect:
    if quantity is SPEED:
        return speed_ratio([_within(a.get(pair), b.get(pair)) for pair in pairs_of(a, b)])
    columns: tuple[list[float | None], list[float | None]] = ([], [])
    for pair in pairs_of(a, b):
        members = (a.get(pair), b.get(pair))
        out = unusable(members, quantity, ("", ""))
        for column, run in zip(columns, members, strict=True):
            column.append(run.value(quantity) if run and not out else None)
    return (ratio if quantity.compared == "ratio" else difference)(*columns)


def ratios(a: ByPair, b: ByPair, quantity: Quantity) -> tuple[Effect, dict[int, float]]:
    """A/B as `effects` has it, with the ratio of each pair that can be used for the quantity."""
    if quantity is SPEED:
        logs = {pair: _within(a.get(pair), b.get(pair)) for pair in pairs_of(a, b)}
        return speed_ratio(list(logs.values())), {pair: math.exp(log) for pair, log in logs.items() if log is not None}
    each = {pair: _ratio(a[pair], b[pair], quantity) for pair in a.keys() & b.keys()}
    return _effect(a, b, quantity), {pair: one for pair, one in each.items() if one is not None}


def _ratio(a: Run, b: Run, quantity: Quantity) -> float | None:
    values = a.value(quantity), b.value(quantity)
    if values[0] is None or values[1] is None or unusable((a, b), quantity, ("", "")):
        return None
    return values[0] / values[1]


def _within(a: Run | None, b: Run | None) -> float | None:
    """Both sides took turns, round by round, so what counts is their ratio within each round."""
    return within_pair(a.bursts, b.bursts) if a and b and not unusable((a, b), SPEED, ("", "")) else None


def unusable(members: tuple[Run | None, Run | None], quantity: Quantity, titles: Sequence[str]) -> str | None:
    """Why a pair cannot be used for a quantity; None where it can."""
    a, b = members
    missing = [
        f"{title}: {why}"
        for title, run in zip(titles, members, strict=True)
        if (why := run.why_missing(quantity) if run else "not recorded")
    ]
    if a is None or b is None or missing:
        return "; ".join(missing)
    return _not_comparable(a, b)


def _not_comparable(a: Run, b: Run) -> str | None:
    """Why two runs did not start from the same point (methodology, rule 2); a start that was not recorded is not known to be the same.

    Where the track leaves the initial weights to the frameworks, there are none to compare.
    """
    weights = [("initial weights", a.weights_fingerprint, b.weights_fingerprint)] if is_aligned(a.track) else []
    for name, left, right in (("seed", a.seed, b.seed), *weights, ("data", a.data_fingerprint, b.data_fingerprint)):
        if left is None or right is None:
            return f"not comparable: fingerprint of the {name} not recorded"
        if left != right:
            return f"not comparable: different {name}"
    return None
