"""Reaching the database: an engine for a URL, and one line for whatever goes wrong."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from levelfield.store.address import shown
from levelfield.store.records import StoreAwayError, StoreError

BUSY_TIMEOUT_S = 30.0
REACHABILITY = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,  # milliseconds
}

DISK_FULL = "53100"  # of PostgreSQL: nobody knows whether waiting would mend it

# An execution option: the transaction takes SQLite's write lock as it begins, not at its first write.
LOCKS_AT_ONCE = "levelfield_locks_at_once"
# Another: what it writes need not outlast the machine, so it does not wait for the disk. The end of a process loses nothing of it.
FLEETING = "levelfield_fleeting"


@contextmanager
def reaching(url: URL) -> Iterator[None]:
    """Turns whatever the database, its driver or the file system raises into a StoreError of one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, CommandError, OSError) as error:
        kind = StoreAwayError if _is_away(error) else StoreError
        raise kind(f"the store {shown(url)} cannot be used: {_reason(error)}") from error


def make_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine that has connected to nothing yet; for writing, the folder of a SQLite file is made. Raises OSError."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(Path(url.database or ""), read_only=read_only)
    return _postgresql(url, read_only=read_only)


def _reason(error: BaseException) -> str:
    if isinstance(error, StatementError) and error.orig is not None:
        error = error.orig  # without the statement and its parameters
    text = str(error.args[0]) if isinstance(error, DBAPIError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__


def _is_away(error: BaseException) -> bool:
    """Whether the server does not answer, or ends, or, of a file, another process keeps it locked; what waiting may mend."""
    if isinstance(error, PoolTimeoutError):  # no connection of the pool became free
        return True
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    is_full = getattr(error.orig, "sqlstate", None) == DISK_FULL
    return error.connection_invalidated or (isinstance(error, OperationalError) and not is_full)


def _sqlite(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        uri = f"{path.as_uri()}?{_read_only_mode(path) if read_only else 'mode=rwc'}"
        # isolation_level=None: sqlite3 itself would begin a transaction only at the first INSERT, which leaves out CREATE TABLE.
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not os.access(path, os.W_OK):
            # SQLite would fall back to reading, and fail only when the first run is done.
            raise PermissionError("the file is read-only for this user")
    url = URL.create("sqlite", database=str(path))
    # A reader connects afresh each time: whether the file may be taken for immutable can change.
    pool: dict[str, Any] = {"poolclass": NullPool} if read_only else {}
    engine = create_engine(url, creator=connect, hide_parameters=True, **pool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    wanted = "NORMAL" if options.get(FLEETING) else "FULL"
    if connection.info.get(FLEETING) != wanted:
        connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
        connection.info[FLEETING] = wanted
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(LOCKS_AT_ONCE) else "BEGIN")


def _read_only_mode(path: Path) -> str:
    """Reading in WAL mode needs the file ``-wal`` or a folder to make it in; on a read-only mount there may be neither."""
    if Path(f"{path}-wal").exists() or os.access(path.parent, os.W_OK):
        return "mode=ro"
    return "mode=ro&immutable=1"


def _postgresql(url: URL, *, read_only: bool) -> Engine:
    # A server that is gone without a word is noticed within seconds: a query waits for its answer without end otherwise.
    arguments = {name: value for name, value in REACHABILITY.items() if name not in url.query}
    # A reader's queries see the store as of one moment, as they do in SQLite.
    isolation = "REPEATABLE READ" if read_only else "READ COMMITTED"
    engine = create_engine(url, connect_args=arguments, isolation_level=isolation, pool_pre_ping=True, hide_parameters=True)
    if read_only:
        event.listen(engine, "connect", _forbid_writes)
    return engine


def _forbid_writes(connection: Any, _record: Any) -> None:
    connection.read_only = True
