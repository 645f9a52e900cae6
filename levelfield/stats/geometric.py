"""One figure for several workloads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from levelfield.stats.effect import Effect, Interval, to_reader


@dataclass(frozen=True, kw_only=True)
class GeometricMean:
    """The geometric mean ratio A/B of ``workloads`` workloads, ``missing`` of which have no complete pair.

    ``mean`` and its standard ``error`` are on the log scale, ``estimate`` and ``interval`` (95%) are ratios. What is missing leaves None.
    """

    workloads: int
    missing: int
    mean: float | None = None
    error: float | None = None
    degrees: float | None = None
    estimate: float | None = None
    interval: Interval | None = None


def geometric_mean(effects: Sequence[Effect]) -> GeometricMean:
    """The geometric mean of the ratios of k workloads, all with the same weight, measured independently of each other.

    It alone gives the same ranking whichever side the ratios are taken to (Fleming and Wallace 1986, Commun. ACM 29:218). The mean of the
    workloads' mean log ratios has variance sum(sd_i^2 / n_i) / k^2, with the degrees of freedom of Welch (1947, Biometrika 34:28) and
    Satterthwaite (1946, Biometrics 2:110). The interval speaks of these k workloads, not of others that might have been chosen. A workload
    without a complete pair leaves no mean at all, since the mean of the others answers another question; one with a single pair leaves no
    interval. Raises ValueError where there is no workload or an effect is not a ratio.
    """
    if not effects or any(effect.scale != "ratio" for effect in effects):
        raise ValueError("a geometric mean needs the ratios of one workload or more")
    means = [effect.mean for effect in effects if effect.mean is not None]
    missing = len(effects) - len(means)
    if missing:
        return GeometricMean(workloads=len(effects), missing=missing)
    mean = math.fsum(means) / len(means)
    parts = [(effect.sd**2 / effect.n, effect.n - 1) for effect in effects if effect.sd is not None]
    if len(parts) < len(effects):
        return GeometricMean(workloads=len(effects), missing=0, mean=mean, estimate=to_reader(mean, "ratio"))
    return _with_interval(mean, parts)


def _with_interval(mean: float, parts: Sequence[tuple[float, int]]) -> GeometricMean:
    """``parts``: the variance of each workload's mean and its degrees of freedom."""
    total = math.fsum(variance for variance, _ in parts)
    # Without any spread there are no degrees of freedom to compute, and no width for them to matter to.
    degrees = total**2 / math.fsum(variance**2 / free for variance, free in parts) if total else None
    error = math.sqrt(total) / len(parts)
    half = float(stdtrit(degrees, 0.975)) * error if degrees else 0.0
    return GeometricMean(
        workloads=len(parts),
        missing=0,
        mean=mean,
        error=error,
        degrees=degrees,
        estimate=to_reader(mean, "ratio"),
        interval=Interval(to_reader(mean - half, "ratio"), to_reader(mean + half, "ratio")),
    )
