"""What the store takes and gives: plain records, and the one error."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from levelfield.duel import DuelResult
from levelfield.result import RunResult
from levelfield.spec import PlannedRun, RunKey


class StoreError(Exception):
    """The store cannot do what was asked. The message is one line and names the store without its password."""


class StoreAwayError(StoreError):
    """The database cannot be reached now, or is busy: what was asked may be done, or not, and may succeed later."""


class AlreadyThereError(StoreError):
    """What was to be written is there already, and is never changed."""


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study as it was begun. ``study`` is what the user wrote, validated; ``created_at`` is in UTC; the seed is the plan's."""

    id: str
    name: str
    created_at: datetime
    study: dict[str, Any]
    plan_seed: int
    planned_runs: int
    levelfield_version: str
    source_hash: str


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A recorded run. ``run_id`` grows in the order of recording; both times are in UTC."""

    key: RunKey
    run_id: int
    planned: PlannedRun
    result: RunResult
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class StoredDuel:
    """A recorded duel of a study's pair. ``duel_id`` grows in the order of recording; both times are in UTC."""

    duel_id: int
    study: str
    workload: str
    workers: int
    seed: int
    pair: int
    attempt: int
    result: DuelResult
    started_at: datetime
    finished_at: datetime
