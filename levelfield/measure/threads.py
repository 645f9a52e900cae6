"""Equal threads on equal cores: set before the framework is imported, checked from outside. Standard library only.

The cores are the resource that can be made equal; how many threads a framework keeps for the same thread count is its own affair.
With two threads PyTorch 2.14 computes in two (the one that feeds and one of libgomp's), TensorFlow 2.21 in three that take turns (two of
Eigen's and the inter-op one), while a fourth feeds; with one thread it computes in one that takes turns with the one that feeds. So both
are confined to as many cores as they have threads. No thread is bound to one core: that moved the ratio of the two by 6% (decision 0008).
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from levelfield.measure.processes import NS_PER_TICK, PROC, read

TOPOLOGY = Path("/sys/devices/system/cpu")
BUSY_SHARE = 0.02  # of a core; Python's idle helpers and Ray's use less, and what feeds a framework more
GRAIN_NS = 50_000_000  # the counters move in steps: ticks of 10 ms, and a wait is counted when it ends
SPINS = 300_000  # libgomp's default: an idle thread spins for about 5 ms here, then sleeps. Another count would change the busy side


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A thread since it began. ``waited_ns``: ready to run, but without a core; None where the kernel does not tell it."""

    tid: int
    name: str
    cpu_ns: int
    waited_ns: int | None
    cores: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ThreadReport:
    """A look at a process at ``at_ns`` (CLOCK_MONOTONIC). ``cpu_ns`` includes threads that have ended, and ``kernel_ns``."""

    pid: int
    at_ns: int
    cpu_ns: int
    kernel_ns: int
    threads: tuple[Thread, ...]

    @property
    def cores(self) -> tuple[int, ...]:
        """Every core that some thread of the process may run on."""
        return tuple(sorted({core for thread in self.threads for core in thread.cores}))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process did between two looks. ``threads_at_once``: how many ran or waited for a core, on average; None: not known.

    ``kernel_share``: of its processor time; None where it used none.
    """

    window_ns: int
    threads: int
    threads_busy: int
    threads_at_once: float | None
    cores_used: float
    kernel_share: float | None
    cores_allowed: tuple[int, ...]


def environment(cores: Sequence[int], threads: int) -> dict[str, str]:
    """The variables that a worker's process must be started with. Raises ValueError unless there is a core for every thread.

    OpenMP is told not to bind: it would narrow the thread that imports PyTorch to the first core, and with it all that asks how many
    cores there are (Inductor's compilers, `usable_cores`) and every thread that is started later; and it does not reach TensorFlow's pools.
    """
    if not 1 <= threads <= len(set(cores)):
        raise ValueError(f"{threads} threads on cores {as_list(cores) or 'none'}: each thread needs a core of its own")
    return {
        "OMP_NUM_THREADS": str(threads),  # Ray sets it to 1 where it is not set
        "OMP_DYNAMIC": "false",  # otherwise the machine's load may decide how many threads there are
        "OMP_PROC_BIND": "false",
        "OMP_PLACES": ",".join(f"{{{core}}}" for core in cores),  # for whoever turns OMP_PROC_BIND on
        "GOMP_SPINCOUNT": str(SPINS),  # outranks OMP_WAIT_POLICY: waiting actively never ends, waiting passively slows every step
        "MKL_NUM_THREADS": str(threads),
        "MKL_DYNAMIC": "false",
        "OPENBLAS_NUM_THREADS": "1",  # NumPy's: nothing that is timed computes there
        "TF_NUM_INTRAOP_THREADS": str(threads),  # for pools that TensorFlow makes without being told what its API was
        "TF_NUM_INTEROP_THREADS": "1",
    }


def confine(cores: Collection[int], pid: int | None = None) -> None:
    """Let every thread of a process (None: this one) run on these cores alone; threads that they start inherit it.

    To be called before the framework is imported, which counts the cores that it may use.
    Raises ValueError where only some of the cores are offered here, OSError where none is.
    """
    folder, done = PROC / str(pid or os.getpid()) / "task", set[int]()
    while new := {int(task.name) for task in folder.iterdir()} - done:  # a thread may have been started meanwhile
        for tid in new:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(tid, cores)
                if (allowed := os.sched_getaffinity(tid)) != set(cores):  # the kernel leaves out silently what there is not
                    raise ValueError(f"cores {as_list(cores)} were given, but of them only {as_list(allowed)} are offered here")
        done |= new


def observe(pid: int) -> ThreadReport:
    """Look at a process from outside, by /proc alone. Raises OSError where it is not there (any more)."""
    folder = PROC / str(pid)
    own_ns, kernel_ns = _cpu_ns((folder / "stat").read_bytes())
    at_ns, threads = time.monotonic_ns(), tuple(_threads(folder / "task"))
    return ThreadReport(pid=pid, at_ns=at_ns, cpu_ns=own_ns + kernel_ns, kernel_ns=kernel_ns, threads=threads)


def usage(before: ThreadReport, after: ThreadReport) -> Usage:
    """What a process did between two looks, which should lie some tenths of a second apart (`GRAIN_NS`)."""
    window, spent = after.at_ns - before.at_ns, after.cpu_ns - before.cpu_ns
    waits_known = all(thread.waited_ns is not None for thread in after.threads)
    wanted = sum(_between(before, after, lambda thread: thread.cpu_ns + (thread.waited_ns or 0)).values())
    return Usage(
        window_ns=window,
        threads=len(after.threads),
        threads_busy=len(busy_threads(before, after)),
        threads_at_once=wanted / window if waits_known else None,
        cores_used=spent / window,
        kernel_share=(after.kernel_ns - before.kernel_ns) / spent if spent else None,
        cores_allowed=after.cores,
    )


def busy_threads(before: ThreadReport, after: ThreadReport) -> tuple[int, ...]:
    """The threads that used more than `BUSY_SHARE` of a core between two looks: the main thread first, then in the order they were made.

    Their names do not tell: the Eigen pool's is longer than the 15 characters that Linux takes, so its threads are called "python".
    """
    least = BUSY_SHARE * (after.at_ns - before.at_ns)
    found = [tid for tid, cpu_ns in _between(before, after, lambda thread: thread.cpu_ns).items() if cpu_ns > least]
    return tuple(sorted(found, key=lambda tid: (tid != after.pid, tid)))


def violations(before: ThreadReport, after: ThreadReport, cores: Collection[int], threads: int) -> list[str]:
    """How a process took more than it was given, in words; empty where it did not.

    Threads count by how many ran or waited for a core at once, so that two that take turns are one, and four that share two cores are
    four, on a busy machine too. TensorFlow's turns overlap: 2.2 of its threads were seen at once where two were given.
    """
    found, seen, allowed = [], usage(before, after), {*before.cores, *after.cores}
    if not allowed <= set(cores):
        found.append(f"may run on cores {as_list(allowed)} where {as_list(cores)} were given")
    limit = max(threads + 0.5, 1.25 * threads) + GRAIN_NS / seen.window_ns
    if (seen.threads_at_once or 0.0) > limit:
        found.append(f"{seen.threads_at_once:.1f} threads computed at once where {threads} were given")
    elif seen.cores_used > limit:  # threads that have ended meanwhile count here alone
        found.append(f"used {seen.cores_used:.1f} cores where {threads} threads were given")
    return found


def physical(cores: Collection[int]) -> list[list[int]]:
    """The cores in groups: hyper-threads of one core, which slow each other, are one."""
    return sorted(list(group) for group in {tuple(one for one in _siblings(core) if one in cores) for core in cores})


def as_list(cores: Collection[int]) -> str:
    """Cores as Linux writes them: "0-3,8"."""
    starts = sorted({core for core in cores if core - 1 not in cores})
    ends = sorted({core for core in cores if core + 1 not in cores})
    return ",".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def from_list(text: str) -> tuple[int, ...]:
    """The inverse of `as_list`."""
    spans = [part.partition("-") for part in text.strip().split(",")]
    return tuple(core for first, _, last in spans for core in range(int(first), int(last or first) + 1))


def _threads(tasks: Path) -> Iterator[Thread]:
    for tid in sorted(int(task.name) for task in tasks.iterdir()):
        stat, status, waits = (read(tasks / str(tid) / file) for file in ("stat", "status", "schedstat"))
        if stat and status:  # otherwise it has ended meanwhile
            told = dict(line.split(":", 1) for line in status.decode(errors="replace").splitlines())
            cpu_ns, waited_ns = map(int, waits.split()[:2]) if waits else (sum(_cpu_ns(stat)), None)
            yield Thread(tid=tid, name=told["Name"].strip(), cpu_ns=cpu_ns, waited_ns=waited_ns, cores=from_list(told["Cpus_allowed_list"]))


def _cpu_ns(stat: bytes) -> tuple[int, int]:
    """In its own code and in the kernel. The fields of proc_pid_stat(5) are counted from the name's end: it may hold anything."""
    fields = stat.rpartition(b")")[2].split()
    return int(fields[11]) * NS_PER_TICK, int(fields[12]) * NS_PER_TICK


def _between(before: ThreadReport, after: ThreadReport, counter: Callable[[Thread], int]) -> dict[int, int]:
    """What a counter of each thread rose by; a new thread's counters began at 0."""
    earlier = {thread.tid: counter(thread) for thread in before.threads}
    return {thread.tid: counter(thread) - earlier.get(thread.tid, 0) for thread in after.threads}


def _siblings(core: int) -> tuple[int, ...]:
    text = read(TOPOLOGY / f"cpu{core}/topology/thread_siblings_list")
    return from_list(text.decode()) if text else (core,)
