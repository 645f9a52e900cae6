"""How much the machine may be disturbed while something is measured; `levelfield.measure.noise` explains and applies it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may disturb. Cores are CPU time over wall clock; shares go from 0 to 1.

    ``used_cores`` is the number of cores that the measurement may use, None for all of the host's. ``foreign_cores`` and, on a large
    machine where it is more, ``foreign_share`` of the used cores is allowed on them beyond the baseline: the kernel's own work and the
    error of its accounts grow with the cores (found on 2 full cores: a standard deviation of 0.023 over one second, a mean of 0.001 over
    thirty). Shared virtual machines often show steal below 1%. ``window_factor`` times these limits make a single window disturbed;
    ``disturbed_share`` of the time may be. The baseline may have ``baseline_factor`` times the foreign work, and
    ``baseline_pressure_share`` and ``baseline_gpu_busy_share``; it lasts at least ``baseline_shortest_ns`` and ended at most
    ``baseline_age_ns`` before the measurement.
    """

    used_cores: int | None = None
    foreign_cores: float = 0.05
    foreign_share: float = 0.005
    steal_share: float = 0.02
    throttled_cores: float = 0.01
    window_factor: float = 5.0
    disturbed_share: float = 0.1
    baseline_factor: float = 2.0
    baseline_pressure_share: float = 0.1
    baseline_gpu_busy_share: float = 0.05
    baseline_shortest_ns: int = 900_000_000
    baseline_age_ns: int = 300_000_000_000
