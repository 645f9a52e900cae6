"""What the user sees while a study runs: live on a terminal, one line a run elsewhere."""

import time
from collections import defaultdict
from collections.abc import Sequence
from textwrap import shorten
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from levelfield.result import Epoch, RunResult, Status
from levelfield.spec import PlannedRun
from levelfield.training import Event, Started
from orchestrator.schedule import Placed

MARKS = {Status.OK: "[green]done[/]", Status.DIVERGED: "[yellow]diverged[/]"}


class LiveProgress:
    """Implements `Listener`. Finished runs stand as lines above the run in progress and the whole study."""

    def __init__(self, console: Console, todo: Sequence[tuple[PlannedRun, int]]) -> None:
        self._console = console
        self._left = [run for run, _ in todo]
        self._durations: dict[str, list[float]] = defaultdict(list)
        self._current = Progress(TextColumn("  {task.description}"), BarColumn(24), TextColumn("{task.fields[state]}"), console=console)
        self._whole = Progress(
            TextColumn("  {task.description}"), BarColumn(24), MofNCompleteColumn(), TextColumn("runs,"), TimeElapsedColumn(),
            TextColumn("so far, {task.fields[left]} left"), console=console,
        )  # fmt: skip
        self._study: TaskID = self._whole.add_task("whole study", total=len(todo), left="unknown time")
        self._run: TaskID | None = None
        self._since = 0.0
        self._where, self._epochs = "", 0
        self._live = Live(Group(self._current, self._whole), console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def started(self, run: PlannedRun, attempt: int) -> None:
        """Show the next run."""
        self._since = time.monotonic()
        again = f", attempt {attempt}" if attempt > 1 else ""
        self._where = ""
        self._run = self._current.add_task(escape(_name(run)) + again, total=None, state="starting its process")
        self._whole.update(self._study, left=self._time_left())

    def event(self, run: PlannedRun, event: Placed | Event) -> None:
        """Show how far the run is."""
        task = self._run
        if task is None:
            return
        match event:
            case Placed():
                self._where = f" on {event.hostname}, process {event.pid}"
                self._current.update(task, state=f"importing{self._where}")
            case Started():
                self._epochs = event.epochs
                self._current.update(task, total=event.epochs, state=f"epoch 1 of {event.epochs}{self._where}")
            case Epoch():
                done = f"{event.epoch + 1} of {self._epochs} epochs, test accuracy {event.test_accuracy:.1%}"
                self._current.update(task, advance=1, state=f"{done}{self._where}")
            case RunResult():
                self._finished(run, event, task)

    def _finished(self, run: PlannedRun, result: RunResult, task: TaskID) -> None:
        seconds = time.monotonic() - self._since
        self._durations[run.side].append(seconds)
        self._left.remove(run)
        self._current.remove_task(task)
        self._run = None
        self._whole.update(self._study, advance=1, left=self._time_left())
        if result.failure:
            what = f"[bold red]{result.status}[/]: " if result.status is not Status.DIVERGED else f"{MARKS[result.status]}: "
            what += escape(shorten(result.failure.reason, 300, placeholder=" ..."))
        else:
            what = f"{MARKS[Status.OK]}, test accuracy {result.epochs[-1].test_accuracy:.1%}"
        self._console.print(f"  {escape(f'{_name(run):<36}')} {what} [dim]({seconds:.1f} s)[/]", highlight=False)

    def _time_left(self) -> str:
        """From the mean duration of each side's finished runs; a side that has none yet is assumed to be like the others."""
        known = [seconds for durations in self._durations.values() for seconds in durations]
        if not known:
            return "unknown time"
        overall = sum(known) / len(known)
        means = {side: sum(values) / len(values) for side, values in self._durations.items()}
        seconds = round(sum(means.get(run.side, overall) for run in self._left))
        return f"about {seconds // 60}:{seconds % 60:02d}"


def _name(run: PlannedRun) -> str:
    return f"{run.side}, {run.spec.workload}, seed {run.spec.seed}"
