"""How often something may happen in a simulation before its claimed rate is refuted."""

from scipy.stats import binom

REPETITIONS = 5000


def most(rate, repetitions=REPETITIONS, level=1e-4):
    """The largest count at which a one-sided exact test at ``level`` does not reject a true rate of ``rate``."""
    return int(binom.ppf(1 - level, repetitions, rate))


def least(rate, repetitions=REPETITIONS, level=1e-4):
    return int(binom.ppf(level, repetitions, rate))
