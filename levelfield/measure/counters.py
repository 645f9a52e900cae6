"""Counters that the whole host shares, from /proc and /sys. A counter that this kernel or container does not offer is None."""

from pathlib import Path

from levelfield.measure.processes import NS_PER_TICK, PROC, read

CPU = Path("/sys/devices/system/cpu")
POWERCAP = Path("/sys/class/powercap")


def host_id(proc: Path = PROC) -> str:
    """Names this start of this host's kernel, the same in all of its containers. Raises OSError where there is no /proc."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def host_cores(proc: Path = PROC) -> int:
    """The processors that are online in the whole host, whatever this process may use."""
    return sum(line.startswith("cpu") for line in (proc / "stat").read_text().splitlines()) - 1  # one line sums up


def cpu_time(proc: Path = PROC) -> tuple[int, int]:
    """Busy and stolen time of all processors, in nanoseconds. Raises OSError where there is no /proc.

    Busy is user, nice, system, irq and softirq (proc_stat(5)); guests are contained in user. Not idle, iowait or steal.
    """
    text = read(proc / "stat")
    if text is None:
        raise FileNotFoundError(proc / "stat")
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, text.split(maxsplit=9)[1:9])
    return NS_PER_TICK * (user + nice + system + irq + softirq), NS_PER_TICK * steal


def cpu_pressure(proc: Path = PROC) -> int | None:
    """Nanoseconds in which at least one task of the host waited for a processor (PSI, ``some total``)."""
    text = read(proc / "pressure/cpu") or b""  # a kernel with psi=0 offers the file, but reading it fails
    line = next((line for line in text.splitlines() if line.startswith(b"some ")), None)
    return 1000 * int(line.rpartition(b"total=")[2]) if line else None


def cgroup_files(proc: Path = PROC) -> list[Path]:
    """``cpu.stat`` of this process's cgroup (version 2) and of those above it that are visible here: a limit on any of them counts."""
    path = next((line[3:] for line in (read(proc / "self/cgroup") or b"").decode().splitlines() if line.startswith("0::")), None)
    mounts = [line.split() for line in (read(proc / "self/mountinfo") or b"").decode().splitlines() if " - cgroup2 " in line]
    if path is None or not mounts:
        return []
    root, top = mounts[0][3], Path(mounts[0][4])
    inside = path.removeprefix(root).strip("/")
    folder = top if ".." in inside else top / inside
    return [parent / "cpu.stat" for parent in (folder, *folder.parents) if parent.is_relative_to(top)]


def throttled(files: list[Path]) -> int | None:
    """Nanoseconds for which these cgroups were held back by their CPU quota, summed over processors (``throttled_usec``)."""
    lines = [line for file in files for line in (read(file) or b"").splitlines() if line.startswith(b"throttled_usec ")]
    return 1000 * sum(int(line.split()[1]) for line in lines) if lines else None


def thermal_files(cpu: Path = CPU) -> list[Path]:
    """The counters of thermal throttling, one for each processor; virtual machines have none."""
    return sorted(cpu.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))


def thermal_throttles(files: list[Path]) -> int | None:
    """How often these processors were slowed down because they were hot."""
    counts = [int(text) for file in files if (text := read(file))]
    return sum(counts) if counts else None


class Rapl:
    """Energy counters of the processor packages (Linux powercap, also on AMD); their reading usually needs root.

    Only packages: what lies below (core, uncore) is contained in them, and ``psys`` contains them.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._zones: dict[str, tuple[Path, int]] = {}
        self._last: dict[str, int] = {}
        self._total: dict[str, int] = {}
        for zone in sorted(powercap.glob("intel-rapl:*")):
            name, limit = read(zone / "name"), read(zone / "max_energy_range_uj")
            if name and limit and name.startswith(b"package"):
                self._zones[name.decode().strip()] = (zone / "energy_uj", int(limit))

    def energy_uj(self) -> dict[str, int] | None:
        """Microjoules by package since the first call; the counter's wrap-arounds are undone if it is read once in each (minutes)."""
        values = {name: int(text) for name, (path, _) in self._zones.items() if (text := read(path))}
        for name, value in values.items():
            step = (value - self._last.get(name, value)) % self._zones[name][1]
            self._total[name] = self._total.get(name, 0) + step
        self._last |= values
        return {name: self._total[name] for name in values} or None
