"""Verdicts in words: one sentence for each comparison."""

from collections.abc import Mapping

from levelfield.report.formats import decimals_for, fixed, margin, percent, percent_range
from levelfield.report.model import Side
from levelfield.report.quantities import ACCURACY
from levelfield.stats import Effect, Interval, Verdict


def sentence(
    workload: str, sides: tuple[Side, Side], effects: Mapping[str, Effect], *, speed: tuple[str, Verdict], accuracy: Verdict | None
) -> str:
    """What the comparison says, speed first, with the name of the quantity that it rests on. ``workload`` is the title.

    ``accuracy`` is None where nothing was trained to be judged.
    """
    first = f"{workload}: {speed_told(sides, effects[speed[0]], speed[1])}"
    return f"{first}; test accuracy: {accuracy_told(sides, effects[ACCURACY.name], accuracy)}." if accuracy else f"{first}."


def not_enough(effect: Effect, verdict: Verdict) -> str:
    """How far an open verdict is from one: "not enough runs to tell (7 more)"."""
    if effect.n == 0 and effect.excluded:
        return f"no complete pair ({effect.excluded} left out)"
    if verdict.more is None:
        return "not enough runs to tell"
    return f"not enough runs to tell ({f'more than {verdict.more}' if verdict.more_than else verdict.more} more)"


def speed_told(sides: tuple[Side, Side], effect: Effect, verdict: Verdict) -> str:
    """Which trains faster."""
    a, b = (side.title for side in sides)
    winner, loser, seen = (b, a, effect.inverse()) if verdict.favours == "b" else (a, b, effect)
    if not verdict.decided or seen.interval is None or seen.interval90 is None:
        return f"{a} against {b}, speed: {not_enough(effect, verdict)}"
    faster = f"{_share(seen)} faster"
    pairs, wide = count(effect.n, "pair"), f"95% interval {_shares(seen.interval)}"
    if not verdict.equivalent:
        return f"{winner} trains {faster} than {loser} ({wide}, {pairs})"
    detail = f"{winner} {faster}, {wide}" if verdict.favours else f"90% interval of {a} against {b} {_shares(seen.interval90)}"
    return f"{a} and {b} train at equivalent speed within ±{margin(verdict.margin)} ({detail}, {pairs})"


def accuracy_told(sides: tuple[Side, Side], effect: Effect, verdict: Verdict) -> str:
    """Whose accuracy is higher, without naming the two where it is open."""
    winner, seen = (sides[1].title, effect.inverse()) if verdict.favours == "b" else (sides[0].title, effect)
    if not verdict.decided or seen.estimate is None or seen.interval is None or seen.interval90 is None:
        return not_enough(effect, verdict)
    seeds, wide = count(effect.n, "seed"), f"95% interval {_points(seen.interval)} points"
    higher = f"{_point(seen.estimate, seen.interval)} points higher"
    if not verdict.equivalent:
        return f"{higher} with {winner} ({wide}, {seeds})"
    narrow = f"90% interval of {winner} minus {sides[1].title} {_points(seen.interval90)} points"
    detail = f"{winner} {higher}, {wide}" if verdict.favours else narrow
    return f"equivalent within ±{margin(verdict.margin).rstrip('%')} points ({detail}, {seeds})"


def _share(effect: Effect) -> str:
    """How much faster, in percent, with the decimals of its interval."""
    return percent((effect.estimate or 1.0) - 1, _decimals(effect.interval))


def _shares(found: Interval) -> str:
    return percent_range(found, _decimals(found))


def _decimals(found: Interval | None) -> int:
    return decimals_for((found.high - found.low) * 100) if found else 0


def _point(estimate: float, found: Interval) -> str:
    return fixed(estimate * 100, _decimals(found))


def _points(found: Interval) -> str:
    decimals = _decimals(found)
    return f"{fixed(found.low * 100, decimals)} to {fixed(found.high * 100, decimals)}"


def count(n: int, noun: str) -> str:
    """So many of something: "1 pair", "1,200 pairs"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
