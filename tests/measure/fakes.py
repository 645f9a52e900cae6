"""A /proc that a test writes, samples and windows with quiet defaults, and an NVML made of Python."""
# ruff: noqa: N802 - NVML's names

from types import SimpleNamespace

from levelfield.measure.host import HostSample
from levelfield.measure.windows import Window

S = 10**9
STAT = """cpu  16967 290192 40577 46673 733 7 150 451 11 13
cpu0 2963 136781 20727 36517 474 3 38 250 0 0
cpu1 14004 153410 19850 10155 258 4 111 200 0 0
intr 2147071 0 0 0
ctxt 9
"""
PRESSURE = "some avg10=16.63 avg60=13.28 avg300=9.79 total=206790474\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def process(proc, pid, parent, *, spent=0, reaped=0, started=1, command="x"):
    """``spent`` and ``reaped`` in ticks of 10 ms."""
    times = f"{spent} 0 {reaped} 0"
    write(proc / str(pid) / "stat", f"{pid} ({command}) S {parent} 1 1 0 -1 4194560 1 0 0 0 {times} 20 0 1 0 {started} 1 1\n")


def host_files(proc):
    write(proc / "stat", STAT)
    write(proc / "pressure/cpu", PRESSURE)
    write(proc / "sys/kernel/random/boot_id", "7e57\n")


def sample(at_s, **counters):
    """A host with two cores that does nothing, unless told otherwise."""
    return HostSample(**{"at_ns": round(at_s * S), "host": "h", "cores": 2, "busy_ns": 0, "steal_ns": 0, "own_ns": 0} | counters)


def window(start_s, *, foreign=0.0, own=1.5, wall=1.0, **counters):
    """``foreign`` and ``own`` in cores."""
    times = {"start_ns": round(start_s * S), "wall_ns": round(wall * S), "cores": 2, "steal_ns": 0, "pressure_ns": 0}
    times |= {"busy_ns": round((own + foreign) * wall * S), "own_ns": round(own * wall * S)}
    return Window(**times | {"thermal_throttles": 0, "throttled_ns": 0, "foreign_gpu_processes": 0, "gpu_throttle": ()} | counters)


class NVMLError(Exception):
    pass


class Nvml:
    """Two devices, of which the second offers little; ``lacks`` are functions that this driver knows but refuses."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 0x02000028  # noqa: N815 - NVML's name

    def __init__(self, *, pids=(), reasons=0, energy_mj=0, used=0, busy=0, lacks=()):
        self.pids, self.reasons, self.energy_mj, self.used, self.busy, self.lacks = pids, reasons, energy_mj, used, busy, lacks

    def __getattribute__(self, name):
        if name != "lacks" and name in self.lacks:
            return self._refuse
        return super().__getattribute__(name)

    @staticmethod
    def _refuse(*_):
        raise NVMLError("Not Supported")

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetUUID(self, handle):
        return "GPU-a" if handle == 0 else b"GPU-b"  # old versions of the package return bytes

    def nvmlDeviceGetMinorNumber(self, handle):
        return handle

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        self._only_first(handle)
        return SimpleNamespace(used=self.used if version else self.used + 400)  # the old structure counts reserved memory too

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        self._only_first(handle)
        return [SimpleNamespace(pid=pid) for pid in self.pids]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):
        self._only_first(handle)
        return self.reasons

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        self._only_first(handle)
        return self.reasons

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self._only_first(handle)
        return self.energy_mj

    def nvmlDeviceGetUtilizationRates(self, handle):
        self._only_first(handle)
        return SimpleNamespace(gpu=self.busy)

    def _only_first(self, handle):
        if handle != 0:
            self._refuse()
