"""After how many epochs does a slow start pay?"""

from levelfield.report.model import BreakEven, SideSummary
from levelfield.report.quantities import START, Quantity
from levelfield.stats import Verdict


def break_even(sides: tuple[SideSummary, SideSummary], verdict: Verdict, speed: Quantity, epoch_examples: float | None) -> BreakEven | None:
    """Where the straight lines start + epochs * epoch_examples / speed of both sides cross, from their medians.

    None where no side is known to be faster, or a median is missing. ``epoch_examples``: training examples in an epoch.
    """
    first = {"a": 0, "b": 1}.get(verdict.favours or "")
    if first is None or epoch_examples is None:
        return None
    faster, slower = sides[first], sides[1 - first]
    values = [side.quantities[quantity.name].median for side in (faster, slower) for quantity in (START, speed)]
    if None in values:
        return None
    start, rate, other_start, other_rate = (float(value) for value in values if value is not None)
    later, gained = start - other_start, epoch_examples / other_rate - epoch_examples / rate
    if gained <= 0:  # the medians of all runs may contradict the pairs
        return None
    return BreakEven(faster=faster.side.title, later_s=max(0.0, later), epochs=max(0.0, later / gained))


def told(found: BreakEven, titles: tuple[str, str]) -> str | None:
    """In words, where the faster side starts later; ``titles`` are those of both sides."""
    if not found.later_s:
        return None
    slower = titles[1] if found.faster == titles[0] else titles[0]
    epochs = f"{found.epochs:.2g}" if found.epochs < 100 else f"{found.epochs:,.0f}"
    return f"{found.faster} reaches its speed {found.later_s:.1f} s later than {slower}; that pays after {epochs} epochs."
