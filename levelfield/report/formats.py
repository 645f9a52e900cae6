"""How numbers are written, everywhere: the reports, the terminal and the UI."""

import math

from levelfield.report.quantities import Quantity
from levelfield.stats import Effect, Interval, Summary

MISSING = "missing"
SPREAD = "median (min to max)"
MIB = 1 << 20


def number(value: float, digits: int = 3) -> str:
    """At least ``digits`` significant digits, the whole part in full, thousands with commas: 3512.4 is "3,512", 0.04567 "0.0457"."""
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return fixed(value, min(decimals, 9))


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """``value`` with so many decimals and never "-0.0"; with ``sign``, also a plus."""
    text = f"{value:{'+' if sign else ''},.{decimals}f}"
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")


def percent(share: float, decimals: int | None = None) -> str:
    """A share of 1 in percent: 0.234 is "23%"; below 10% with one decimal, below 1% with two, unless ``decimals`` is given."""
    if decimals is None:
        decimals = 0 if abs(share) >= 0.0995 else 1 if abs(share) >= 0.00995 else 2
    return f"{fixed(share * 100, decimals)}%"


def margin(share: float) -> str:
    """A margin as the user wrote it: 0.03 is "3%", 0.025 "2.5%"."""
    return f"{share * 100:.6g}%"


def decimals_for(width: float) -> int:
    """How many decimals an interval of this width deserves: so many that it spans ten to a hundred units of the last one."""
    return 2 if width <= 0 else min(4, max(0, 1 - math.floor(math.log10(width))))


def unit(quantity: Quantity) -> str:
    """The unit that `value` writes in; accuracy carries its percent sign with it."""
    return {"bytes": "MiB", "share": "", "money": ""}.get(quantity.unit, quantity.unit)


def heading(quantity: Quantity) -> str:
    """The quantity's label with its unit."""
    return f"{quantity.label}, {unit(quantity)}".rstrip(", ")


def value(quantity: Quantity, raw: float) -> str:
    """A value of a quantity in the unit that `unit` names."""
    if quantity.unit == "share":
        return percent(raw, 2)
    return number(raw / MIB if quantity.unit == "bytes" else raw)


def centre(quantity: Quantity, summary: Summary) -> str:
    """The median."""
    return MISSING if summary.median is None else value(quantity, summary.median)


def spread(quantity: Quantity, summary: Summary) -> str:
    """The range in parentheses, and the number of runs where some are missing: "(3,400 to 3,600; 4 of 5 runs)"."""
    if summary.min is None or summary.max is None:
        return ""
    some = f"; {summary.n} of {summary.n + summary.missing} runs" if summary.missing else ""
    return f"({value(quantity, summary.min)} to {value(quantity, summary.max)}{some})"


def estimate(effect: Effect) -> str:
    """The estimate alone: a ratio "1.23", a difference of accuracies "+0.31 points"."""
    if effect.estimate is None:
        return MISSING
    text = _end(effect, effect.estimate)
    return f"{text} points" if effect.scale == "difference" else text


def interval(effect: Effect) -> str:
    """The 95% interval as "[1.18, 1.28]", in the unit of `estimate`, and the number of pairs where some were left out."""
    ends = effect.interval and [_end(effect, end) for end in (effect.interval.low, effect.interval.high)]
    some = f"{effect.n} of {effect.n + effect.excluded} pairs" if effect.excluded else ""
    return " ".join(filter(None, [f"[{', '.join(ends)}]" if ends else "", some]))


def percent_range(found: Interval, decimals: int) -> str:
    """An interval of ratios as percentages above 1: "18% to 28%"."""
    return f"{percent(found.low - 1, decimals)} to {percent(found.high - 1, decimals)}"


def _end(effect: Effect, raw: float) -> str:
    """An estimate or an end of its interval: as many decimals as the interval deserves, but never so few that a small ratio becomes 0."""
    if effect.scale == "difference":
        width = (effect.interval.high - effect.interval.low) * 100 if effect.interval else 0.0
        return fixed(raw * 100, decimals_for(width), sign=True)
    decimals = decimals_for(effect.interval.high - effect.interval.low if effect.interval else 0.0)
    return fixed(raw, min(4, max(decimals, 2 - math.floor(math.log10(raw)))))
