"""Stretches of time between two looks at a host: raw differences of counters, and the shares that follow from them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, Self, TypeVar

from levelfield.measure.host import HostSample

SHORTEST_NS = 500_000_000  # of a window: CPU time is counted in steps of 10 ms for each process and each processor
T = TypeVar("T")
_at_ns = attrgetter("at_ns")


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the host did from ``start_ns`` on for ``wall_ns``. It names neither frameworks nor what they achieved. None is unknown.

    ``own_ns`` sums over the probes of the host, ``throttled_ns`` is the largest of theirs. ``foreign_gpu_processes`` is the largest number
    on a device; ``gpu_throttle`` and ``gpu_busy_share`` (the busiest device's) are those at the window's end.
    """

    start_ns: int
    wall_ns: int
    cores: int
    busy_ns: int
    own_ns: int
    steal_ns: int
    pressure_ns: int | None = None
    throttled_ns: int | None = None
    thermal_throttles: int | None = None
    foreign_gpu_processes: int | None = None
    gpu_throttle: tuple[str, ...] | None = None
    gpu_busy_share: float | None = None

    @property
    def foreign_cores(self) -> float:
        """CPU time of processes that are not ours, the kernel's included, in cores; around 0 it may be negative by rounding."""
        return (self.busy_ns - self.own_ns) / self.wall_ns

    @property
    def steal_share(self) -> float:
        """The part that the hypervisor withheld of the CPU time that was asked for, but of that of one core where less was asked for."""
        return self.steal_ns / max(self.busy_ns + self.steal_ns, self.wall_ns)

    @property
    def pressure_share(self) -> float | None:
        """The part of the time in which some task waited for a processor."""
        return None if self.pressure_ns is None else self.pressure_ns / self.wall_ns

    @property
    def throttled_cores(self) -> float | None:
        """How much the CPU quota held back, in cores."""
        return None if self.throttled_ns is None else self.throttled_ns / self.wall_ns

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, also after JSON made a list of the tuple."""
        throttle = data["gpu_throttle"]
        return cls(**{**data, "gpu_throttle": None if throttle is None else tuple(throttle)})


def windows(series: Sequence[Sequence[HostSample]], *, start_ns: int | None = None, end_ns: int | None = None) -> list[Window]:
    """The windows between the samples of ``series[0]``, as far as all series reach and within ``start_ns`` to ``end_ns``.

    Each series comes from one probe, all from one host, and no process may belong to two of them. Their own CPU time is interpolated to the
    first one's samples: exact where all are taken at the same moments, as `sampler.Sampler` sees to. A sample less than half a second after
    the last does not begin a window of its own. Raises ValueError where the series are of several hosts or one of them is empty.
    """
    if not all(series) or len({sample.host for samples in series for sample in samples}) != 1:
        raise ValueError("windows need samples of one host, some from each probe")
    start = max(start_ns or 0, *(samples[0].at_ns for samples in series))
    end = min(samples[-1].at_ns for samples in series)
    end = end if end_ns is None else min(end, end_ns)
    edges = _edges([sample for sample in series[0] if start <= sample.at_ns <= end])
    return [_window(before, after, series) for before, after in pairwise(edges)]


def join(parts: Sequence[Window]) -> Window:
    """One window over all of them: sums, and the worst of what does not add up. Raises ValueError where there is none."""
    if not parts:
        raise ValueError("there is no window to join")
    return Window(
        start_ns=parts[0].start_ns,
        wall_ns=sum(part.wall_ns for part in parts),
        cores=parts[0].cores,
        busy_ns=sum(part.busy_ns for part in parts),
        own_ns=sum(part.own_ns for part in parts),
        steal_ns=sum(part.steal_ns for part in parts),
        pressure_ns=_all(sum, (part.pressure_ns for part in parts)),
        throttled_ns=_all(sum, (part.throttled_ns for part in parts)),
        thermal_throttles=_all(sum, (part.thermal_throttles for part in parts)),
        foreign_gpu_processes=_all(max, (part.foreign_gpu_processes for part in parts)),
        gpu_throttle=_all(_union, (part.gpu_throttle for part in parts)),
        gpu_busy_share=_all(max, (part.gpu_busy_share for part in parts)),
    )


def _edges(samples: Sequence[HostSample]) -> list[HostSample]:
    edges = list(samples[:1])
    for sample in samples[1:]:
        if sample.at_ns - edges[-1].at_ns >= SHORTEST_NS:
            edges.append(sample)
    if len(edges) > 1 and edges[-1] is not samples[-1]:
        edges[-1] = samples[-1]  # what is left over lengthens the last window
    return edges


def _window(before: HostSample, after: HostSample, series: Sequence[Sequence[HostSample]]) -> Window:
    pairs = [(_nearest(samples, before.at_ns), _nearest(samples, after.at_ns)) for samples in series]
    gpus = after.gpus.values()
    return Window(
        start_ns=before.at_ns,
        wall_ns=after.at_ns - before.at_ns,
        cores=after.cores,
        busy_ns=after.busy_ns - before.busy_ns,
        own_ns=sum(_own_ns(samples, after.at_ns) - _own_ns(samples, before.at_ns) for samples in series),
        steal_ns=after.steal_ns - before.steal_ns,
        pressure_ns=_difference(before.pressure_ns, after.pressure_ns),
        throttled_ns=_all(max, (_difference(first.throttled_ns, last.throttled_ns) for first, last in pairs)),
        thermal_throttles=_difference(before.thermal_throttles, after.thermal_throttles),
        foreign_gpu_processes=_foreign_gpu_processes(after, [last for _, last in pairs]),
        gpu_throttle=_all(_union, (gpu.throttle for gpu in gpus)),
        gpu_busy_share=_all(max, (gpu.busy_share for gpu in gpus)),
    )


def _foreign_gpu_processes(after: HostSample, samples: Sequence[HostSample]) -> int | None:
    """NVML lists the whole device's processes to every probe, but each knows only its own among them."""
    foreign = []
    for uuid, gpu in after.gpus.items():
        own = _all(sum, (sample.gpus[uuid].own_processes for sample in samples if uuid in sample.gpus))
        foreign.append(None if gpu.processes is None or own is None else max(0, gpu.processes - own))
    return _all(max, foreign)


def _own_ns(samples: Sequence[HostSample], at_ns: int) -> int:
    """Interpolated linearly between the samples around ``at_ns``, which lies between the first and the last."""
    later = samples[bisect_left(samples, at_ns, key=_at_ns)]
    if later.at_ns == at_ns:
        return later.own_ns
    earlier = samples[bisect_left(samples, at_ns, key=_at_ns) - 1]
    return earlier.own_ns + (later.own_ns - earlier.own_ns) * (at_ns - earlier.at_ns) // (later.at_ns - earlier.at_ns)


def _nearest(samples: Sequence[HostSample], at_ns: int) -> HostSample:
    later = bisect_left(samples, at_ns, key=_at_ns)
    return min(samples[max(0, later - 1) : later + 1], key=lambda sample: abs(sample.at_ns - at_ns))


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _all(combine: Callable[[list[T]], T], values: Iterable[T | None]) -> T | None:
    """None where one of them is unknown, or where there are none."""
    found = list(values)
    known = [value for value in found if value is not None]
    return combine(known) if known and len(known) == len(found) else None


def _union(reasons: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({reason for some in reasons for reason in some}))
