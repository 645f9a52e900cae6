"""Writes what came of runs and duels to the store; while that is away they wait on disk, too, so that none is lost or written twice."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from levelfield.duel import DuelResult
from levelfield.result import RunResult
from levelfield.spec import PlannedDuel, PlannedRun, RunKey, RunSpec
from levelfield.store import Store
from levelfield.store.records import AlreadyThereError
from orchestrator.patience import Patience

MOMENTS = ("started_at", "finished_at")


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """The only writer of a study's runs and duels. ``folder``: where those wait that the store could not take yet."""

    store: Store
    study_id: str
    folder: Path
    patience: Patience = field(default_factory=Patience)

    def run(self, run: PlannedRun, attempt: int, result: RunResult, started_at: datetime) -> None:
        """Write a finished run; waits for the store as long as it takes. Raises StoreError where it is refused."""
        done = Done(kind="run", planned=asdict(run), attempt=attempt, started_at=started_at, finished_at=datetime.now(UTC))
        self._keep(self._file_of(run, attempt), done, result, lambda: self._write_run(run, done, result))

    def duel(self, duel: PlannedDuel, attempt: int, result: DuelResult, started_at: datetime) -> None:
        """Write a finished duel; as `run`."""
        done = Done(kind="duel", planned=asdict(duel), attempt=attempt, started_at=started_at, finished_at=datetime.now(UTC))
        self._keep(self._file_of(duel, attempt), done, result, lambda: self._write_duel(duel, done, result))

    def keep_run(self, run: PlannedRun, attempt: int, result: RunResult, started_at: datetime) -> None:
        """Leave a finished run on disk, for the next session, until `run` writes it."""
        done = Done(kind="run", planned=asdict(run), attempt=attempt, started_at=started_at, finished_at=datetime.now(UTC))
        self._leave(self._file_of(run, attempt), done, result)

    def keep_duel(self, duel: PlannedDuel, attempt: int, result: DuelResult, started_at: datetime) -> None:
        """Leave a finished duel on disk, as `keep_run`."""
        done = Done(kind="duel", planned=asdict(duel), attempt=attempt, started_at=started_at, finished_at=datetime.now(UTC))
        self._leave(self._file_of(duel, attempt), done, result)

    def is_kept(self, planned: PlannedRun | PlannedDuel, attempt: int) -> bool:
        """Whether it was finished and waits on disk."""
        return self._file_of(planned, attempt).exists()

    def take_up(self) -> int:
        """Write what an earlier session had to leave on disk; returns how much of it was not in the store yet."""
        taken = 0
        for file in sorted(self.folder.glob("*.json")):
            with suppress(AlreadyThereError):  # its last attempt to write it had succeeded after all
                self._take_up(json.loads(file.read_text()))
                taken += 1
            file.unlink()
        return taken

    def _file_of(self, planned: PlannedRun | PlannedDuel, attempt: int) -> Path:
        name = f"run-{planned.turn}" if isinstance(planned, PlannedRun) else f"duel-{planned.pair}"
        return self.folder / f"{name}-{attempt}.json"

    def _keep(self, file: Path, done: "Done", result: RunResult | DuelResult, write: Callable[[], None]) -> None:
        """Write it; it waits on disk while the store is away."""
        waited = False

        def keep() -> None:
            nonlocal waited
            waited = True
            self._leave(file, done, result)

        try:
            self.patience(write, meanwhile=keep)
        except AlreadyThereError:
            if not waited:
                raise  # otherwise an attempt whose answer was lost had succeeded
        with suppress(OSError):
            file.unlink()

    def _leave(self, file: Path, done: "Done", result: RunResult | DuelResult) -> None:
        with suppress(OSError):  # a full disk: it waits in memory alone
            _write_whole(file, json.dumps(done.to_dict() | {"result": result.to_dict()}))

    def _take_up(self, left: dict[str, Any]) -> None:
        result, done = left.pop("result"), Done.from_dict(left)
        if done.kind == "run":
            run = PlannedRun(**done.planned | {"spec": RunSpec.from_dict(done.planned["spec"])})
            self._write_run(run, done, RunResult.from_dict(result))
        else:
            specs = {side: RunSpec.from_dict(spec) for side, spec in done.planned["specs"].items()}
            self._write_duel(PlannedDuel(**done.planned | {"specs": specs}), done, DuelResult.from_dict(result))

    def _write_run(self, run: PlannedRun, done: "Done", result: RunResult) -> None:
        key = RunKey(study=self.study_id, spec_hash=run.spec.hash, side=run.side, attempt=done.attempt)
        self.store.record(key, run, result, started_at=done.started_at, finished_at=done.finished_at)

    def _write_duel(self, duel: PlannedDuel, done: "Done", result: DuelResult) -> None:
        self.store.record_duel(self.study_id, duel, done.attempt, result, started_at=done.started_at, finished_at=done.finished_at)


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run or a duel that was done: which one, as plain data, and when."""

    kind: str
    planned: dict[str, Any]
    attempt: int
    started_at: datetime
    finished_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {name: getattr(self, name).isoformat() for name in MOMENTS}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, **{name: datetime.fromisoformat(data[name]) for name in MOMENTS}})


def _write_whole(file: Path, text: str) -> None:
    """All of it or nothing, also where the machine ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)
