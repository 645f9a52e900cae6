"""Energy from counters: NVML's for GPUs, RAPL's for processor packages. No counter, no figure; nothing is estimated from power ratings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from levelfield.measure.host import HostSample

# NVML renews its counter every 20 to 100 ms: over 5 s that is an error of at most 2%. The idle power is only shown, so less will do for it.
SHORTEST_NS = 5_000_000_000
SHORTEST_IDLE_NS = 1_000_000_000
NS_PER_S = 1e9


@dataclass(frozen=True, kw_only=True)
class DeviceEnergy:
    """What one device took from the supply over ``wall_ns``, whoever used it; ``idle_watts`` is its mean power in the baseline."""

    joules: float
    wall_ns: int
    idle_watts: float | None = None

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.joules * NS_PER_S / self.wall_ns

    @property
    def above_idle_joules(self) -> float | None:
        """What it took more than it would have taken idle; None where the idle power is not known."""
        return None if self.idle_watts is None else self.joules - self.idle_watts * self.wall_ns / NS_PER_S

    def to_dict(self) -> dict[str, Any]:
        """The fields, as JSON can hold them."""
        return asdict(self)


def energy(before: HostSample, after: HostSample, *, idle: tuple[HostSample, HostSample] | None = None) -> dict[str, DeviceEnergy]:
    """Energy by device: GPUs by UUID, processor packages as ``package-0``. A device is left out where it has no counter.

    Both samples come from one probe, at least 5 s apart, else the result is empty; those of ``idle`` at least 1 s. Raises ValueError where
    they come from several hosts.
    """
    if len({sample.host for sample in (before, after, *(idle or ()))}) != 1:
        raise ValueError("energy needs samples of one host")
    wall_ns = after.at_ns - before.at_ns
    if wall_ns < SHORTEST_NS:
        return {}
    watts = _idle_watts(*idle) if idle else {}
    return {
        device: DeviceEnergy(joules=joules, wall_ns=wall_ns, idle_watts=watts.get(device))
        for device, joules in _joules(before, after).items()
    }


def _idle_watts(before: HostSample, after: HostSample) -> dict[str, float]:
    wall_ns = after.at_ns - before.at_ns
    if wall_ns < SHORTEST_IDLE_NS:
        return {}
    return {device: joules * NS_PER_S / wall_ns for device, joules in _joules(before, after).items()}


def _joules(before: HostSample, after: HostSample) -> dict[str, float]:
    millijoules, microjoules = _grown(_gpu_mj(before), _gpu_mj(after)), _grown(before.rapl_uj or {}, after.rapl_uj or {})
    return {device: value / 1e3 for device, value in millijoules.items()} | {device: value / 1e6 for device, value in microjoules.items()}


def _gpu_mj(sample: HostSample) -> dict[str, int]:
    return {uuid: gpu.energy_mj for uuid, gpu in sample.gpus.items() if gpu.energy_mj is not None}


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """A counter that went back was begun anew, by a reload of the driver: what it counted before is not known."""
    return {name: after[name] - before[name] for name in before.keys() & after.keys() if after[name] >= before[name]}
