"""What NVML tells about NVIDIA devices, as far as it does: without NVML, or where a device does not offer a figure, None or empty.

Names of functions, bits and errors: NVML API Reference (nvml.h), through the package nvidia-ml-py, which is imported only if it is there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelfield.measure.processes import PROC

# nvmlClocksEventReason* (called nvmlClocksThrottleReason* before driver 535). Left out: 0x1, idle, and 0x2, clocks set by the user.
CLOCK_REASONS = {
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake",
    0x100: "display_clock",
    0x200: "board_limit",
    0x400: "reliability",
}
FIRST_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h
UVM = "/dev/nvidia-uvm"


@dataclass(frozen=True, kw_only=True)
class GpuSample:
    """One device at one moment.

    ``processes`` have a compute context on it, ``own_processes`` of them are ours; ``throttle`` names why the clocks are held back now;
    ``energy_mj`` counts millijoules since the driver was loaded; ``used_bytes`` is all that is taken, contexts of others included;
    ``busy_share`` is the part of the last sixth of a second to second in which a kernel ran, 0 to 1.
    """

    processes: int | None = None
    own_processes: int | None = None
    throttle: tuple[str, ...] | None = None
    energy_mj: int | None = None
    used_bytes: int | None = None
    busy_share: float | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "GpuSample":
        """The inverse of `dataclasses.asdict`, also after JSON made a list of the tuple."""
        throttle = data["throttle"]
        return cls(**{**data, "throttle": None if throttle is None else tuple(throttle)})


def load_nvml() -> Any:
    """The module ``pynvml``, initialised; None where it, the driver or a device is missing."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - NVMLError, whose class we have only if the import went well; or a broken installation
        return None
    return pynvml


class Gpus:
    """The devices that NVML shows, or those of them with these UUIDs."""

    def __init__(self, nvml: Any, uuids: Iterable[str] | None = None, *, proc: Path = PROC) -> None:
        """``nvml`` is what `load_nvml` returned. Raises LookupError where a UUID is asked for that is not there."""
        self._nvml = nvml
        self._proc = proc
        found = dict(self._devices()) if nvml else {}
        if missing := set(uuids or ()) - found.keys():
            raise LookupError(f"NVML shows no device {', '.join(sorted(missing))}")
        self._handles = {uuid: handle for uuid, handle in found.items() if uuids is None or uuid in set(uuids)}
        self._owners: dict[str, tuple[Any, int | None]] = {}

    @property
    def uuids(self) -> tuple[str, ...]:
        """The devices, in NVML's order."""
        return tuple(self._handles)

    def models(self) -> dict[str, str | None]:
        """What each device calls itself, by its UUID; None where it does not tell."""
        names = {uuid: self._ask("nvmlDeviceGetName", handle) for uuid, handle in self._handles.items()}
        return {uuid: name.decode() if isinstance(name, bytes) else name for uuid, name in names.items()}

    def sample(self, own: frozenset[int] = frozenset()) -> dict[str, GpuSample]:
        """Every device now; ``own`` are the process ids, in our own numbering, that are not foreign."""
        return {uuid: self._sample(uuid, own) for uuid in self._handles}

    def used_bytes(self, uuid: str) -> int | None:
        """Device memory in use, by whomever; without what the driver reserves, where the driver tells it apart (version 510 and later)."""
        get, handle = "nvmlDeviceGetMemoryInfo", self._handles[uuid]
        memory = self._ask(get, handle, getattr(self._nvml, "nvmlMemory_v2", None)) or self._ask(get, handle)
        return None if memory is None else int(memory.used)

    def processes(self, uuid: str) -> frozenset[int] | None:
        """Process ids with a compute context on the device. In a container too they are the host's: count them, do not look them up."""
        found = self._ask("nvmlDeviceGetComputeRunningProcesses", self._handles[uuid])
        return None if found is None else frozenset(int(process.pid) for process in found)

    def _sample(self, uuid: str, own: frozenset[int]) -> GpuSample:
        handle = self._handles[uuid]
        processes = self.processes(uuid)
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
        if reasons is None:
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        rates = self._ask("nvmlDeviceGetUtilizationRates", handle)
        return GpuSample(
            processes=None if processes is None else len(processes),
            own_processes=None if processes is None else self._count_own(uuid, processes, own),
            throttle=None if reasons is None else tuple(name for bit, name in CLOCK_REASONS.items() if reasons & bit),
            energy_mj=self._ask("nvmlDeviceGetTotalEnergyConsumption", handle),
            used_bytes=self.used_bytes(uuid),
            busy_share=None if rates is None else rates.gpu / 100,
        )

    def _count_own(self, uuid: str, processes: frozenset[int], own: frozenset[int]) -> int | None:
        if in_first_namespace(self._proc):
            return len(processes & own)
        # Looking through open files is dear. A new context shows in NVML's list, so as long as both lists stay, so does the answer.
        key = (processes, own)
        if self._owners.get(uuid, (None, None))[0] != key:
            minor = self._ask("nvmlDeviceGetMinorNumber", self._handles[uuid])
            self._owners[uuid] = (key, None if minor is None else cuda_processes(own, f"/dev/nvidia{minor}", proc=self._proc))
        return self._owners[uuid][1]

    def _devices(self) -> Iterable[tuple[str, Any]]:
        for index in range(self._ask("nvmlDeviceGetCount") or 0):
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            uuid = self._ask("nvmlDeviceGetUUID", handle) if handle is not None else None
            if uuid is not None:
                yield (uuid.decode() if isinstance(uuid, bytes) else uuid), handle

    def _ask(self, function: str, *words: Any) -> Any:
        """None where this package, this driver or this device does not offer it, or the device was lost."""
        call: Callable[..., Any] | None = getattr(self._nvml, function, None)
        try:
            return call(*words) if call else None
        except self._nvml.NVMLError:
            return None


def in_first_namespace(proc: Path = PROC) -> bool:
    """Whether our process ids are the host's, so that NVML's can be compared with them: not in a container with its own numbering."""
    try:
        return (proc / "self/ns/pid").stat().st_ino == FIRST_PID_NAMESPACE
    except OSError:
        return False


def cuda_processes(pids: Iterable[int], device: str, *, proc: Path = PROC) -> int | None:
    """How many of the processes hold the device file and CUDA's; None where that may not be seen.

    Both, because what only asks NVML (Ray's agents) holds the device file too. One that has started CUDA without a context yet counts.
    """
    try:
        return sum({device, UVM} <= _open_files(proc / str(pid) / "fd") for pid in pids)
    except PermissionError:
        return None


def _open_files(folder: Path) -> set[str]:
    try:
        return {str(link.readlink()) for link in folder.iterdir()}
    except (FileNotFoundError, ProcessLookupError):  # it, or one of its files, was closed in between
        return set()


def device_used_bytes(uuid: str, nvml: Any = None) -> int | None:
    """`Gpus.used_bytes` of one device; None without NVML or without this device."""
    gpus = Gpus(nvml or load_nvml())
    return gpus.used_bytes(uuid) if uuid in gpus.uuids else None


def device_peak_bytes(samples: Iterable[Mapping[str, GpuSample]]) -> dict[str, int]:
    """By device, the largest ``used_bytes`` that was seen: a lower bound of the peak, as NVML keeps none. Unknown ones are left out."""
    peaks: dict[str, int] = {}
    for sample in samples:
        for uuid, gpu in sample.items():
            if gpu.used_bytes is not None:
                peaks[uuid] = max(gpu.used_bytes, peaks.get(uuid, 0))
    return peaks
