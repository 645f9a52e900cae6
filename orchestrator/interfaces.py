"""What the scheduler needs of others: processes to measure in, and somebody who wants to know how it goes on."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from levelfield.bursts import Burst
from levelfield.checkpoints import Keeping
from levelfield.duel import DuelResult, Turn
from levelfield.leases import Claim
from levelfield.spec import PlannedDuel, PlannedRun, RunSpec
from levelfield.training import Event
from orchestrator.seats import Seats


class BurstError(Exception):
    """A process gave no burst; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A run has found its place: the process that will do it, or the first one of its gang."""

    hostname: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class Restarting:
    """A run's process was lost, and another one takes its place; ``after`` names the checkpoint, None: from scratch."""

    reason: str
    after: str | None


class Process(Protocol):
    """A fresh process of a framework's own environment, or a gang of them: it does one run and then, while it lives, bursts."""

    def run(self, keeping: Keeping | None = None) -> Generator[Placed | Event, None, None]:
        """Do the run, with checkpoints where it can keep some; the last event is a `RunResult`, also when the process dies."""
        ...

    def burst(self, target_ns: int) -> Burst:
        """One burst after the run. Raises BurstError."""
        ...

    def exchange_ns(self) -> dict[str, list[float]]:
        """Nanoseconds a step after the run, "with" the exchange of gradients between its ranks and "without", round by round.

        What they differ by is what the exchange costs. Nothing where there is one rank.
        """
        ...

    def members(self) -> list[dict[str, Any]]:
        """Which process on which host each rank is; what is not known yet is None."""
        ...

    def end(self) -> None:
        """End it, whatever it is doing; from any thread, also more than once."""
        ...


class Executor(Protocol):
    """Something that has processes to run in."""

    def process(self, spec: RunSpec, log: Path, seats: Seats) -> AbstractContextManager[Process]:
        """A process for each rank of ``spec``, which ends with the block; its output goes to ``log``."""
        ...


class Listener(Protocol):
    """Something that wants to know how the study goes on. Pairs that are at work at once call it from threads of their own."""

    def waiting(self, pair: int, claims: Sequence[Claim]) -> None:
        """The pair waits for these, the first of whom holds its devices; for nobody any more where there is none."""
        ...

    def started(self, run: PlannedRun, attempt: int) -> None:
        """The run is next."""
        ...

    def event(self, run: PlannedRun, event: Placed | Restarting | Event) -> None:
        """The run has sent an event."""
        ...

    def duel_started(self, duel: PlannedDuel, attempt: int, rounds: int) -> None:
        """The duel is next."""
        ...

    def duel_event(self, duel: PlannedDuel, event: Turn | DuelResult) -> None:
        """A side has had a turn, or the duel is over."""
        ...
