"""Studies that somebody asks for, in the store: who runs them, how far they are, and who wants them to stop.

A process that runs a study has taken its request, and says again and again that it still lives; where it does not, another one may take
it. Times are the store's, as for leases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Update, insert, select, update

from levelfield.leases import Holder
from levelfield.store.leasing import store_now
from levelfield.store.records import StudyRecord
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import requests

LOWEST, HIGHEST = -100, 100  # priorities
WHOLE = "all"  # in ``stop``: the study, not one of its runs


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asked for. ``record`` is the study, which may be new; ``options`` are those of the command that asked; ``own``: that
    command runs it itself, and nobody else takes it.

    ``progress`` lists what is at work, ``stop`` maps a run's turn, or "all", to who wants it to end. ``outcome`` says in a sentence how it
    ended.
    """

    id: int
    record: StudyRecord
    options: Mapping[str, Any]
    priority: int
    asked_by: str
    asked_at: datetime
    taker: Holder | None = None
    taken_at: datetime | None = None
    expires_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Sequence[Mapping[str, Any]] = ()
    stop: Mapping[str, str] = field(default_factory=dict)
    outcome: str | None = None

    @property
    def study_id(self) -> str:
        """The study's id."""
        return self.record.id


def submit(  # noqa: PLR0913 - each is a part of what is asked for
    store: Store,
    record: StudyRecord,
    *,
    asked_by: str,
    priority: int = 0,
    options: Mapping[str, Any] | None = None,
    taker: Holder | None = None,
    valid: timedelta = timedelta(),
    gone: Callable[[Holder], bool] = lambda _: False,
) -> Request:
    """Ask for a study; ``taker`` runs it itself. Its own earlier requests whose takers have ended are over."""
    with store.locking(requests) as connection:
        now = store_now(connection)
        for one in _open(connection):
            if one.study_id == record.id and one.options.get("own") and not _is_taken(one, now, gone):
                _end(connection, one.id, now, "its process ended")
        values = {
            "study_id": record.id,
            "record": asdict(record) | {"created_at": record.created_at.isoformat()},
            "options": {**(options or {}), **({"own": True} if taker else {})},
            "priority": priority,
            "asked_by": asked_by,
            "asked_at": now,
            "progress": [],
            "stop": {},
        }
        if taker:
            values |= _taken(taker, now, valid)
        number = connection.execute(insert(requests).values(**values).returning(requests.c.id)).scalar_one()
        return _read(connection, number)


def take(store: Store, taker: Holder, *, valid: timedelta, gone: Callable[[Holder], bool]) -> Request | None:
    """Take the next request that nobody who lives has taken; None where there is none.

    Next is that of the highest priority, of those the first one that was asked for. What is to stop is over, and not taken.
    """
    with store.locking(requests) as connection:
        now = store_now(connection)
        for one in _open(connection):
            if one.options.get("own") or _is_taken(one, now, gone):
                continue
            if WHOLE not in one.stop:
                connection.execute(update(requests).where(requests.c.id == one.id).values(**_taken(taker, now, valid)))
                return _read(connection, one.id)
            _end(connection, one.id, now, f"cancelled by {one.stop[WHOLE]}")
    return None


def beat(store: Store, request: Request, progress: Sequence[Mapping[str, Any]], *, valid: timedelta) -> Mapping[str, str] | None:
    """Say that its taker still lives, and what is at work; returns what is to stop. None: it is no longer ours, but somebody else's."""
    with store.locking() as connection:
        alive = {"expires_at": store_now(connection) + valid, "progress": list(progress)}
        found = connection.execute(_ours(request).values(**alive).returning(requests.c.stop)).scalar_one_or_none()
        return None if found is None else dict(found)


def finish(store: Store, request: Request, outcome: str) -> None:
    """It is over, if it is still ours."""
    with store.locking() as connection:
        connection.execute(_ours(request).values(finished_at=store_now(connection), outcome=outcome, progress=[]))


def leave(store: Store, request: Request) -> None:
    """Its taker works on it no longer, and somebody else may take it."""
    with store.locking() as connection:
        connection.execute(_ours(request).values(taker=None, taken_at=None, expires_at=None, progress=[]))


def ask_to_stop(store: Store, request_id: int, asked_by: str, *, gone: Callable[[Holder], bool], turn: int | None = None) -> bool:
    """Whoever runs it shall stop it, or the run of that turn alone; one that nobody who lives has taken is over at once.

    Returns whether it is over.
    """
    with store.locking(requests) as connection:
        now, found = store_now(connection), _read(connection, request_id)
        if found.finished_at:
            return True  # meanwhile: how it ended stays
        wishes = {"stop": {**found.stop, WHOLE if turn is None else str(turn): asked_by}}
        connection.execute(update(requests).where(requests.c.id == request_id).values(**wishes))
        if turn is None and not _is_taken(found, now, gone):
            when = "before it began" if found.taker is None else "after its process had ended"
            _end(connection, request_id, now, f"cancelled by {asked_by} {when}")
            return True
    return False


def unfinished(store: Store) -> list[Request]:
    """The requests that are not over, in the order in which they are served."""
    return [_request(row) for row in store.read(_select_open())[0]]


def latest(store: Store, study_id: str) -> Request | None:
    """The last request for a study, over or not."""
    found = store.read(select(requests).where(requests.c.study_id == study_id).order_by(requests.c.id.desc()).limit(1))[0]
    return _request(found[0]) if found else None


def is_alive(request: Request, gone: Callable[[Holder], bool]) -> bool:
    """Whether somebody who lives runs it, as far as this host's clock tells."""
    return _is_taken(request, datetime.now(UTC), gone)


def ended(store: Store, number: int) -> list[Request]:
    """The requests that were over last, the newest first."""
    query = select(requests).where(requests.c.finished_at.is_not(None)).order_by(requests.c.finished_at.desc(), requests.c.id.desc())
    return [_request(row) for row in store.read(query.limit(number))[0]]


def of(store: Store, request_id: int) -> Request | None:
    """That request; None where its study has been deleted."""
    found = store.read(select(requests).where(requests.c.id == request_id))[0]
    return _request(found[0]) if found else None


def _end(connection: Connection, request_id: int, now: datetime, outcome: str) -> None:
    ended = {"finished_at": now, "outcome": outcome, "progress": []}
    connection.execute(update(requests).where(requests.c.id == request_id).values(**ended))


def _taken(taker: Holder, now: datetime, valid: timedelta) -> dict[str, Any]:
    return {"taker": asdict(taker), "taken_at": now, "expires_at": now + valid}


def _is_taken(request: Request, now: datetime, gone: Callable[[Holder], bool]) -> bool:
    return request.taker is not None and request.expires_at is not None and request.expires_at >= now and not gone(request.taker)


def _select_open() -> Any:
    return select(requests).where(requests.c.finished_at.is_(None)).order_by(requests.c.priority.desc(), requests.c.id)


def _open(connection: Connection) -> list[Request]:
    return [_request(row) for row in connection.execute(_select_open())]


def _ours(request: Request) -> Update:
    """An update of a request that we have taken, which changes nothing where another one has taken it since."""
    return update(requests).where(requests.c.id == request.id, requests.c.taken_at == request.taken_at)


def _read(connection: Connection, request_id: int) -> Request:
    return _request(connection.execute(select(requests).where(requests.c.id == request_id)).one())


def _request(row: AnyRow) -> Request:
    values = row._asdict()
    del values["study_id"]
    record = values["record"] | {"created_at": datetime.fromisoformat(values["record"]["created_at"])}
    return Request(**values | {"record": StudyRecord(**record), "taker": Holder(**values["taker"]) if values["taker"] else None})
