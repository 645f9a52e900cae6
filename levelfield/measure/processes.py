"""CPU time of processes and of all that descends from them, from /proc alone."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NS_PER_TICK = 10**9 // os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
READ_BYTES = 1 << 16


def read(path: str | Path) -> bytes | None:
    """What the file in /proc or /sys holds, up to 64 KiB; None where it is missing or may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, READ_BYTES)
    except OSError:  # the process ended in between
        return None
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Process:
    """What one process used, in ticks.

    ``spent`` itself, ``reaped`` by ended children that it waited for (``first``: when first seen), ``left`` by children that we saw end.
    """

    parent: int
    started: int
    spent: int
    reaped: int
    first: int
    left: int = 0

    @property
    def ticks(self) -> int:
        # A parent that ignores SIGCHLD, as Ray's raylet does, is never charged for its children: what we saw of them then counts instead.
        return self.spent + max(self.reaped, self.first + self.left)


class ProcessTree:
    """The processes ``roots`` and all of their descendants, those that ended or lost their parent since included.

    Missed is what a process used between the last look at it and its end, where nobody waits for it; and a process altogether that was born
    and orphaned between two looks, unless it was adopted by one of ours (a subreaper, such as `orchestrator.guard`).
    """

    def __init__(self, roots: Iterable[int], *, proc: Path = PROC) -> None:
        """Raises ProcessLookupError where a root does not exist."""
        self._proc = proc
        self._own: dict[int, _Process] = {}  # parents stand before their children
        self._seen: set[int] = set()
        self._gone = 0  # ticks of those that ended and whose parent is not ours
        for pid in roots:
            process = self._look(pid)
            if not process:
                raise ProcessLookupError(f"there is no process {pid}")
            self._own[pid] = process
        self._update()

    def cpu_ns(self) -> int:
        """User and system time of all of them so far, in nanoseconds: only differences mean something. In steps of 10 ms per process.

        What a root's children had used before the first look is contained if the root had waited for them.
        """
        self._update()
        return NS_PER_TICK * (self._gone + sum(process.ticks for process in self._own.values()))

    @property
    def pids(self) -> frozenset[int]:
        """Those that lived at the last look."""
        return frozenset(self._own)

    def _update(self) -> None:
        # A stranger cannot become our descendant, so only what is new since the last look is read: on a large host the list of all
        # processes costs a hundredth of reading them.
        listed = {int(name) for name in os.listdir(self._proc) if name.isdigit()}  # noqa: PTH208 - Path.iterdir takes ten times as long
        fresh = listed - self._seen
        self._seen = listed
        # Parents first: a child that ends between the two looks is then missing this time instead of counted twice.
        alive = {pid: now for pid, then in self._own.items() if (now := self._look(pid)) and now.started == then.started}
        for pid, then in reversed(self._own.items()):
            if pid not in alive:
                self._bury(then)
        for pid, now in alive.items():
            now.first, now.left = self._own[pid].first, self._own[pid].left
        self._own = alive
        self._adopt(fresh)

    def _bury(self, process: _Process) -> None:
        if parent := self._own.get(process.parent):
            parent.left += process.ticks
        else:
            self._gone += process.ticks

    def _adopt(self, fresh: set[int]) -> None:
        """Add those of the new processes that descend from ours, level by level."""
        unknown = {pid: process for pid in fresh - self._own.keys() if (process := self._look(pid))}
        while children := {pid: process for pid, process in unknown.items() if process.parent in self._own}:
            self._own |= children
            unknown = {pid: process for pid, process in unknown.items() if pid not in children}

    def _look(self, pid: int) -> _Process | None:
        text = read(f"{self._proc}/{pid}/stat")
        if not text:
            return None
        # proc_pid_stat(5). The command stands in parentheses and may hold anything, so the fields are counted from its end.
        fields = text[text.rindex(b")") + 2 :].split()
        spent, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return _Process(int(fields[1]), int(fields[19]), spent, reaped, reaped)
