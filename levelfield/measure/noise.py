"""Was the machine quiet enough while something was measured? Judged from outside, blind to frameworks and outcomes (methodology, rule 9).

**Foreign CPU time** is what the host's processors did beyond our own processes. In units of one core, because threads that wait for each
other are as slow as the slowest: a stranger that takes 5% of one core can cost up to 5%, however many cores there are. Where the
measurement uses only some of the host's cores, strangers are taken to spread evenly, which overstates what hits ours. What the baseline
showed is subtracted: it hits both sides alike. But only a little can be: a **baseline that is not quiet itself is refused**, else an
equally disturbed machine would pass for normal.

**CPU pressure** does not tell who waits for whom: workers with more threads than cores, or with a helper thread beside a full pool, cause
it by themselves, and more so in one framework than in the other. So it judges the baseline alone, in which the workers idle, and is only
shown for the measurement. For the same reason a GPU's power cap, which a worker reaches by its own work, is shown and judges nothing. A
CPU quota and heat do judge: they slow the worker by a limit that is no part of it.

**Over the whole and by windows.** The means over the whole decide what a disturbance may cost: a stranger that burns one core for a second
is 10% of a core over 10 s, and 0.2% over 10 minutes. Beside it stands the share of time in windows that were disturbed for themselves
(five times the limit of the mean, or any event that has no amount: heat, a throttled GPU, a stranger on it): at most a tenth, since
medians forgive a few bad blocks and not many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from levelfield.measure.limits import Limits
from levelfield.measure.windows import Window, join

__all__ = ["Judgement", "Limits", "Window", "is_quiet", "judge"]

# What slows a GPU from outside; the power cap, sync boost and display settings are left out.
GPU_SLOWDOWNS = frozenset({"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake"})


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict, with all that it rests on: `judge` comes to it again from ``windows``, ``baseline`` and ``limits``.

    ``figures`` are derived; ``unobserved`` names the evidence that this host did not offer, on which nothing was judged.
    """

    valid: bool
    reasons: tuple[str, ...]
    figures: Mapping[str, float]
    unobserved: tuple[str, ...]
    windows: tuple[Window, ...]
    baseline: Window
    limits: Limits

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, also after JSON made lists of the tuples."""
        values = dict(data)
        values["reasons"], values["unobserved"] = tuple(data["reasons"]), tuple(data["unobserved"])
        values["windows"] = tuple(Window.from_dict(window) for window in data["windows"])
        values["baseline"], values["limits"] = Window.from_dict(data["baseline"]), Limits(**data["limits"])
        return cls(**values)


def judge(windows: Sequence[Window], baseline: Window, limits: Limits) -> Judgement:
    """Whether the timing that was taken during ``windows`` counts. Without a window it does not: nobody watched."""
    gate = _Gate(baseline, limits)
    reasons = [*gate.baseline_reasons(windows), *(gate.reasons(windows) if windows else ["the machine was not watched"])]
    return Judgement(
        valid=not reasons,
        reasons=tuple(reasons),
        figures=gate.figures(windows),
        unobserved=_unobserved([*windows, baseline]),
        windows=tuple(windows),
        baseline=baseline,
        limits=limits,
    )


def is_quiet(baseline: Window, limits: Limits) -> bool:
    """Whether a baseline can serve as one: the machine was idle, and it lasted long enough."""
    return not any(_Gate(baseline, limits).baseline_reasons([]))


class _Gate:
    """The rules, for one baseline and one set of limits."""

    def __init__(self, baseline: Window, limits: Limits) -> None:
        self._baseline = baseline
        self._limits = limits
        used = min(limits.used_cores or baseline.cores, baseline.cores)
        self._part = used / baseline.cores
        self._allowed = max(limits.foreign_cores, limits.foreign_share * used)
        self._usual = max(0.0, self._foreign(baseline))

    def _foreign(self, window: Window) -> float:
        """Cores that strangers took of those that the measurement uses."""
        return window.foreign_cores * self._part

    def baseline_reasons(self, windows: Sequence[Window]) -> Iterator[str]:
        """Why the baseline cannot serve as one."""
        base, limits = self._baseline, self._limits
        if base.wall_ns < limits.baseline_shortest_ns:
            yield f"the baseline lasted {base.wall_ns / 1e9:.2f} s (at least {limits.baseline_shortest_ns / 1e9:.2f})"
        if windows and not 0 <= windows[0].start_ns - base.start_ns - base.wall_ns <= limits.baseline_age_ns:
            yield f"the baseline was not taken in the {limits.baseline_age_ns / 1e9:.0f} s before"
        idle = "the machine was not idle before: "
        if self._usual > limits.baseline_factor * self._allowed:
            yield idle + _over("foreign processes took {} cores", self._usual, limits.baseline_factor * self._allowed)
        if base.steal_share > limits.steal_share:
            yield idle + _over("the hypervisor withheld {} of the CPU time", base.steal_share, limits.steal_share)
        if (base.pressure_share or 0) > limits.baseline_pressure_share:
            yield idle + _over("tasks waited for a processor {} of the time", base.pressure_share or 0, limits.baseline_pressure_share)
        if (base.gpu_busy_share or 0) > limits.baseline_gpu_busy_share:
            yield idle + _over("the GPU was busy {} of the time", base.gpu_busy_share or 0, limits.baseline_gpu_busy_share)
        yield from (idle + event for event in _events(base))

    def reasons(self, windows: Sequence[Window]) -> Iterator[str]:
        """Why the measurement itself does not count."""
        whole, limits = join(windows), self._limits
        if self._foreign(whole) < -self._allowed:
            yield f"our own processes were counted {-self._foreign(whole):.3f} cores too high: two probes with the same processes?"
        if (excess := self._foreign(whole) - self._usual) > self._allowed:
            yield _over("foreign processes took {} cores more than before", excess, self._allowed)
        if whole.steal_share > limits.steal_share:
            yield _over("the hypervisor withheld {} of the CPU time", whole.steal_share, limits.steal_share)
        if (whole.throttled_cores or 0) > limits.throttled_cores:
            yield _over("the CPU quota held back {} cores", whole.throttled_cores or 0, limits.throttled_cores)
        if (share := self._disturbed_share(windows)) > limits.disturbed_share:
            events = sorted({event for window in windows for event in _events(window)})
            yield ", ".join([_over("{} of the time was disturbed", share, limits.disturbed_share), *events])

    def _disturbed(self, window: Window) -> bool:
        limits, factor = self._limits, self._limits.window_factor
        return (
            self._foreign(window) - self._usual > factor * self._allowed
            or window.steal_share > factor * limits.steal_share
            or (window.throttled_cores or 0) > factor * limits.throttled_cores
            or any(_events(window))
        )

    def _disturbed_share(self, windows: Sequence[Window]) -> float:
        return sum(window.wall_ns for window in windows if self._disturbed(window)) / sum(window.wall_ns for window in windows)

    def figures(self, windows: Sequence[Window]) -> dict[str, float]:
        """Derived numbers to show, of the baseline and of the whole; those that are not known are left out."""
        found: dict[str, float | None] = {f"baseline_{name}": value for name, value in _figures(self._baseline).items()}
        if windows:
            found |= _figures(join(windows))
            found["excess_foreign_cores"] = self._foreign(join(windows)) - self._usual
            found["disturbed_share"] = self._disturbed_share(windows)
            found["longest_window_s"] = max(window.wall_ns for window in windows) / 1e9
        return {name: value for name, value in found.items() if value is not None}


def _events(window: Window) -> Iterator[str]:
    """Disturbances that happen or do not."""
    if window.thermal_throttles:
        yield "a processor was throttled by heat"
    if slowdowns := GPU_SLOWDOWNS.intersection(window.gpu_throttle or ()):
        yield f"a GPU was throttled ({', '.join(sorted(slowdowns))})"
    if window.foreign_gpu_processes:
        yield "foreign processes were on the GPU"


def _figures(window: Window) -> dict[str, float | None]:
    return {
        "wall_s": window.wall_ns / 1e9,
        "own_cores": window.own_ns / window.wall_ns,
        "foreign_cores": window.foreign_cores,
        "steal_share": window.steal_share,
        "pressure_share": window.pressure_share,
        "throttled_cores": window.throttled_cores,
        "thermal_throttles": window.thermal_throttles,
        "foreign_gpu_processes": window.foreign_gpu_processes,
    }


def _unobserved(windows: Sequence[Window]) -> tuple[str, ...]:
    names = ("pressure_ns", "throttled_ns", "thermal_throttles", "foreign_gpu_processes", "gpu_throttle")
    return tuple(name for name in names if any(getattr(window, name) is None for window in windows))


def _over(text: str, value: float, limit: float) -> str:
    return f"{text.format(f'{value:.3f}')} (limit {limit:.3f})"
