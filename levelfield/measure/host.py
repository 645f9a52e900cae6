"""What goes on in a host, seen from outside the measured processes: the evidence on which `levelfield.measure.noise` judges.

Standard library only; NVML through ``pynvml`` where it is installed.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from levelfield.measure import counters
from levelfield.measure.counters import host_id
from levelfield.measure.gpu import Gpus, GpuSample, load_nvml
from levelfield.measure.processes import PROC, ProcessTree

__all__ = ["HostProbe", "HostSample", "host_id"]


@dataclass(frozen=True, kw_only=True)
class HostSample:
    """Counters of one host at one moment: only differences of two samples mean something. What is not known is None.

    ``at_ns`` is CLOCK_MONOTONIC, the same in all containers of a host. ``busy_ns``, ``steal_ns``, ``pressure_ns`` and
    ``thermal_throttles`` count for the whole host with all of its ``cores``; ``own_ns`` for the probe's processes; ``throttled_ns`` for the
    cgroup of the process that samples. ``rapl_uj`` has an entry for each processor package, counted from the probe's first sample;
    ``gpus`` one for each device, by UUID.
    """

    at_ns: int
    host: str
    cores: int
    busy_ns: int
    steal_ns: int
    own_ns: int
    pressure_ns: int | None = None
    throttled_ns: int | None = None
    thermal_throttles: int | None = None
    rapl_uj: Mapping[str, int] | None = None
    gpus: Mapping[str, GpuSample] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists and numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "gpus": {uuid: GpuSample.from_dict(gpu) for uuid, gpu in data["gpus"].items()}})


class HostProbe:
    """Reads the counters. ``roots`` are the processes that with all of their descendants are not foreign."""

    def __init__(self, roots: Iterable[int], *, gpus: Iterable[str] | None = None, proc: Path = PROC, nvml: Any = None) -> None:
        """``gpus`` are the UUIDs of the devices in use, all by default; ``nvml`` replaces ``pynvml``.

        Raises ProcessLookupError where a root and LookupError where a device does not exist.
        """
        self._proc = proc
        self._tree = ProcessTree(roots, proc=proc)
        self._gpus = Gpus(nvml or load_nvml(), gpus, proc=proc)
        self._host, self._cores = host_id(proc), counters.host_cores(proc)
        self._cgroups, self._thermal, self._rapl = counters.cgroup_files(proc), counters.thermal_files(), counters.Rapl()

    def sample(self) -> HostSample:
        """The counters now. What belongs together is read together: the clock, the processors' time and our processes'."""
        at_ns = time.monotonic_ns()
        busy_ns, steal_ns = counters.cpu_time(self._proc)
        own_ns = self._tree.cpu_ns()
        return HostSample(
            at_ns=at_ns,
            host=self._host,
            cores=self._cores,
            busy_ns=busy_ns,
            steal_ns=steal_ns,
            own_ns=own_ns,
            pressure_ns=counters.cpu_pressure(self._proc),
            throttled_ns=counters.throttled(self._cgroups),
            thermal_throttles=counters.thermal_throttles(self._thermal),
            rapl_uj=self._rapl.energy_uj(),
            gpus=self._gpus.sample(self._tree.pids),
        )
