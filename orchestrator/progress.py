"""What the user sees while a study runs: live on a terminal, one line a run elsewhere."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean as mean
from textwrap import shorten
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from levelfield.duel import DuelResult, Turn
from levelfield.leases import Claim
from levelfield.planning.plan import PairWork
from levelfield.result import Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun
from levelfield.training import Event, Started
from orchestrator.interfaces import Placed, Restarting
from orchestrator.leases import told

DUEL = "\n duel"  # no label of a side begins so
MARKS = {Status.OK: "[green]done[/]", Status.DIVERGED: "[yellow]diverged[/]"}


class WaitingLines:
    """Says whom a lease waits for, a line each time that it is somebody else."""

    def __init__(self, console: Console) -> None:
        self._console, self._first = console, ""

    def __call__(self, claims: Sequence[Claim]) -> None:
        """Hear of those who are before us."""
        if claims and claims[0].token != self._first:
            self._first = claims[0].token
            self._console.print(f"  {escape(told(claims))}", highlight=False, soft_wrap=True)


@dataclass
class Line:
    """What is in progress: its bar, its kind as durations are kept by, when it began, where it is and how many epochs it has."""

    task: TaskID
    kind: str
    since: float
    where: str = ""
    epochs: int = 0


class LiveProgress:
    """Implements `Listener`. Finished runs and duels stand as lines above what is in progress and the whole study.

    ``room``: how many pairs can be at work at once.
    """

    def __init__(self, console: Console, todo: Sequence[PairWork]) -> None:
        self._console, self.room = console, 1
        self._left = Counter([run.side for pair in todo for run, _ in pair.runs] + [DUEL for pair in todo if pair.duel])
        self._durations: dict[str, list[float]] = defaultdict(list)
        self._current = Progress(TextColumn("  {task.description}"), BarColumn(24), TextColumn("{task.fields[state]}"), console=console)
        self._whole = Progress(
            TextColumn("  {task.description}"), BarColumn(24), MofNCompleteColumn(), TextColumn("steps,"), TimeElapsedColumn(),
            TextColumn("so far, {task.fields[left]} left"), console=console,
        )  # fmt: skip
        self._study: TaskID = self._whole.add_task("whole study", total=self._left.total(), left="unknown time")
        self._lines: dict[tuple[str, int], Line] = {}
        self._waits: dict[int, TaskID] = {}
        self._waits_for = WaitingLines(console)
        self._lock = threading.RLock()  # pairs are at work in threads of their own
        self._live = Live(Group(self._current, self._whole), console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def waiting(self, pair: int, claims: Sequence[Claim]) -> None:
        """Show whom the pair waits for."""
        with self._lock:
            if not self._console.is_terminal:
                return self._waits_for(claims)
            if pair in self._waits:
                self._current.remove_task(self._waits.pop(pair))
            if claims:
                self._waits[pair] = self._current.add_task(escape(told(claims)), total=None, state="")
        return None

    def started(self, run: PlannedRun, attempt: int) -> None:
        """Show the next run."""
        self._begin(("run", run.turn), run.side, _name(run), attempt)

    def duel_started(self, duel: PlannedDuel, attempt: int, rounds: int) -> None:
        """Show the next duel."""
        line = self._begin((DUEL, duel.pair), DUEL, _duel_name(duel), attempt)
        self._current.update(line.task, total=rounds * len(duel.specs), state="bursts in turn")

    def duel_event(self, duel: PlannedDuel, event: Turn | DuelResult) -> None:
        """Show how far the duel is."""
        if isinstance(event, DuelResult):
            each = len(event.turns) // max(1, len(duel.specs))
            self._finished((DUEL, duel.pair), _duel_name(duel), event.status, event.failure, f"{each} bursts each")
        elif line := self._lines.get((DUEL, duel.pair)):
            self._current.update(line.task, advance=1)

    def _begin(self, key: tuple[str, int], kind: str, name: str, attempt: int) -> Line:
        with self._lock:
            if before := self._lines.pop(key, None):  # its place was lost, and it goes on elsewhere
                self._current.remove_task(before.task)
            under_way = sum(line.kind == kind for line in self._lines.values())
            if self._left[kind] <= under_way:  # repeated, which nobody had planned
                self._left[kind] += 1
                self._whole.update(self._study, total=(self._whole.tasks[self._study].total or 0) + 1)
            again = f", attempt {attempt}" if attempt > 1 else ""
            task = self._current.add_task(escape(name) + again, total=None, state="starting its process")
            self._lines[key] = line = Line(task=task, kind=kind, since=time.monotonic())
            self._whole.update(self._study, left=self._time_left())
            return line

    def event(self, run: PlannedRun, event: Placed | Restarting | Event) -> None:
        """Show how far the run is."""
        line = self._lines.get(("run", run.turn))
        if line is None:
            return
        match event:
            case Placed():
                line.where = f" on {event.hostname}, process {event.pid}"
                self._current.update(line.task, state=f"importing{line.where}")
            case Restarting():
                where = f"goes on after {event.after}" if event.after else "begins again"
                why = escape(shorten(event.reason, 200, placeholder=" ..."))
                self._console.print(f"  {escape(_name(run))} {where} [dim]({why})[/]", highlight=False)
                self._current.reset(line.task, total=None, state="starting its process")
            case Started():
                line.epochs = event.epochs
                self._current.update(line.task, total=event.epochs, state=f"epoch 1 of {event.epochs}{line.where}")
            case Epoch():
                done = f"{event.epoch + 1} of {line.epochs} epochs, test accuracy {event.test_accuracy:.1%}"
                self._current.update(line.task, advance=1, state=f"{done}{line.where}")
            case RunResult():
                told = f"test accuracy {event.epochs[-1].test_accuracy:.1%}" if event.epochs else "ready"
                self._finished(("run", run.turn), _name(run), event.status, event.failure, told)

    def _finished(self, key: tuple[str, int], name: str, status: Status, failure: Failure | None, told: str) -> None:
        with self._lock:
            line = self._lines.pop(key)
            seconds = time.monotonic() - line.since
            self._durations[line.kind].append(seconds)
            self._left[line.kind] -= 1
            self._current.remove_task(line.task)
            self._whole.update(self._study, advance=1, left=self._time_left())
        if failure:
            what = MARKS.get(status, f"[bold red]{status}[/]") + ": " + escape(shorten(failure.reason, 300, placeholder=" ..."))
        else:
            what = f"{MARKS[Status.OK]}, {told}"
        self._console.print(f"  {escape(f'{name:<36}')} {what} [dim]({seconds:.1f} s)[/]", highlight=False)

    def _time_left(self) -> str:
        """From the mean duration of each side's finished runs, and of the duels; one that has none yet is assumed to be like the others."""
        if not self._durations:
            return "unknown time"
        means = {kind: mean(durations) for kind, durations in self._durations.items()}
        overall = mean(means.values())
        seconds = round(sum(number * means.get(kind, overall) for kind, number in self._left.items()) / self.room)
        return f"about {seconds // 60}:{seconds % 60:02d}"


def _name(run: PlannedRun) -> str:
    return f"{run.side}, {_case_name(run.spec.workload, run.spec.workers)}, seed {run.spec.seed}"


def _duel_name(duel: PlannedDuel) -> str:
    return f"duel, {_case_name(duel.workload, duel.workers)}, seed {duel.seed}"


def _case_name(workload: str, workers: int) -> str:
    return f"{workload}, {workers} workers" if workers > 1 else workload
