"""Pure functions of stored raw values: summaries, paired effects with intervals, equivalence and the verdict."""

from levelfield.stats.bootstrap import bootstrap_interval
from levelfield.stats.bursts import speed_ratio, within_pair
from levelfield.stats.describe import Summary, describe
from levelfield.stats.effect import Effect, Interval, difference, p_value, ratio
from levelfield.stats.equivalence import Equivalence, equivalence
from levelfield.stats.geometric import GeometricMean, geometric_mean
from levelfield.stats.mcnemar import McNemar, mcnemar
from levelfield.stats.multiple import holm, verdicts, verdicts_at
from levelfield.stats.networks import NetworkComparison, NetworkPair, compare_networks
from levelfield.stats.prediction import Prediction, centre, predict
from levelfield.stats.sequential import Levels, levels_at, looks, nominal_levels, verdict_at
from levelfield.stats.target import TimeComparison, TimeToTarget, compare_times, time_to_target
from levelfield.stats.verdict import MINIMUM_PAIRS, MORE_LIMIT, SETTLED_PAIRS, Outcome, Verdict, pairs_needed, verdict

__all__ = [
    "MINIMUM_PAIRS",
    "MORE_LIMIT",
    "SETTLED_PAIRS",
    "Effect",
    "Equivalence",
    "GeometricMean",
    "Interval",
    "Levels",
    "McNemar",
    "NetworkComparison",
    "NetworkPair",
    "Outcome",
    "Prediction",
    "Summary",
    "TimeComparison",
    "TimeToTarget",
    "Verdict",
    "bootstrap_interval",
    "centre",
    "compare_networks",
    "compare_times",
    "describe",
    "difference",
    "equivalence",
    "geometric_mean",
    "holm",
    "levels_at",
    "looks",
    "mcnemar",
    "nominal_levels",
    "p_value",
    "pairs_needed",
    "predict",
    "ratio",
    "speed_ratio",
    "time_to_target",
    "verdict",
    "verdict_at",
    "verdicts",
    "verdicts_at",
    "within_pair",
]
