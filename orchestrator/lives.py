"""A run through as many lives as it needs: where its process is lost, a fresh one goes on from the last checkpoint, or begins again."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from levelfield.checkpoints import Keeping, Saved
from levelfield.result import Failure, RunResult, Status
from levelfield.training import Event
from orchestrator.interfaces import Placed, Process, Restarting

RESTARTS = 2
# No process had begun where the seat was gone before, so none is lost; another seat is looked for, so many times, a second apart.
NO_SEAT, NO_SEAT_TIMES = "SeatGoneError", 60


class SeatLostError(Exception):
    """The run's process was lost with the node that it sat on: it has to go on somewhere else."""


@dataclass
class Lives:
    """What is known of a run's earlier lives. ``keeping``: of its checkpoints; None: it begins again from scratch.

    ``check`` raises where the run was ended on purpose: then its loss is none, and it has no other life. ``pause`` sleeps so many seconds.
    """

    keeping: Keeping | None
    check: Callable[[], object] = lambda: None
    losses: list[str] = field(default_factory=list)
    pause: Callable[[float], object] = lambda _: None
    seats_gone: int = 0

    def live(
        self,
        start: Callable[[], AbstractContextManager[Process]],
        stack: ExitStack,
        hear: Callable[[Placed | Event | Restarting], None],
        is_gone: Callable[[], bool],
    ) -> tuple[RunResult, Process]:
        """Follow the run to its end; gives its result, and the process of its last life, which ends with ``stack``.

        ``start`` gives a process, ``is_gone`` tells whether no other one can start where it was: then SeatLostError is raised.
        """
        while True:
            with ExitStack() as own:
                process = own.enter_context(start())
                result = self._follow(process, hear)
                if result.failure:
                    self.check()
                if result.failure and result.failure.error_type == NO_SEAT and self.seats_gone < NO_SEAT_TIMES:
                    self.seats_gone += 1
                    self.pause(1.0)
                    raise SeatLostError
                if not (result.failure and result.failure.lost) or len(self.losses) == RESTARTS:
                    stack.enter_context(own.pop_all())
                    return self._told(result), process
            self.losses.append(result.failure.reason)
            after = self.keeping.after if self.keeping else None
            hear(Restarting(reason=result.failure.reason, after=after.name if after else None))
            if is_gone():
                raise SeatLostError

    def forget(self) -> None:
        """Remove the checkpoints: the run is over."""
        if self.keeping:
            shutil.rmtree(self.keeping.folder, ignore_errors=True)

    def _follow(self, process: Process, hear: Callable[[Placed | Event | Restarting], None]) -> RunResult:
        with closing(process.run(self._own())) as events:
            for event in events:
                if isinstance(event, RunResult):
                    return event
                if isinstance(event, Saved) and self.keeping:
                    self.keeping = replace(self.keeping, after=Path(event.folder))
                hear(event)
        return RunResult(status=Status.FAILED, failure=Failure(reason="the worker ended without a result"))

    def _own(self) -> Keeping | None:
        """A life keeps its checkpoints in a folder of its own: a process that was lost with the network may live, and go on writing."""
        return self.keeping and replace(self.keeping, folder=self.keeping.folder / f"life-{len(self.losses)}")

    def _told(self, result: RunResult) -> RunResult:
        """A run that had to be restarted says so; its timing is not used, its learning curve is."""
        if self.losses and result.status is Status.OK:
            times = f"restarted {len(self.losses)} time{'s' if len(self.losses) > 1 else ''}"
            result.status, result.failure = Status.RESTARTED, Failure(reason=f"{times}: {'; '.join(self.losses)}")
        return result
