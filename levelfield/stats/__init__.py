"""Pure functions of stored raw values: summaries, paired effects with intervals, equivalence and the verdict."""

from levelfield.stats.describe import Summary, describe
from levelfield.stats.effect import Effect, Interval, difference, ratio
from levelfield.stats.equivalence import Equivalence, equivalence
from levelfield.stats.verdict import MINIMUM_PAIRS, MORE_LIMIT, SETTLED_PAIRS, Outcome, Verdict, pairs_needed, verdict

__all__ = [
    "MINIMUM_PAIRS",
    "MORE_LIMIT",
    "SETTLED_PAIRS",
    "Effect",
    "Equivalence",
    "Interval",
    "Outcome",
    "Summary",
    "Verdict",
    "describe",
    "difference",
    "equivalence",
    "pairs_needed",
    "ratio",
    "verdict",
]
