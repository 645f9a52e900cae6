"""The schema: brought up to date by whoever writes, only looked at by whoever reads."""

import sqlite3
import time
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

from levelfield.store.engine import BUSY_TIMEOUT_S, LOCKS_AT_ONCE
from levelfield.store.records import StoreError

MIGRATIONS = "levelfield.store:migrations"
_POSTGRESQL_LOCK = 0x6C6576656C  # any number that everyone who migrates agrees on


def migrate(engine: Engine, name: str) -> None:
    """Bring the store to the newest schema. Whoever else opens it meanwhile waits. Raises StoreError for one from a newer Levelfield."""
    with engine.execution_options(**{LOCKS_AT_ONCE: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
        if _revision(connection, name) != _head(MIGRATIONS):
            config = _config(MIGRATIONS)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    if engine.dialect.name == "sqlite":
        _enable_wal(engine)


def check(engine: Engine, name: str) -> None:
    """Raises StoreError unless the store has exactly the schema that this code reads. Writes nothing."""
    with engine.connect() as connection:
        revision = _revision(connection, name)
    if revision is None:
        raise StoreError(f"the store {name} is empty; `levelfield run STUDY` fills it")
    if revision != _head(MIGRATIONS):
        raise StoreError(
            f"the store {name} has an older schema ({revision}); any command that writes, such as `levelfield run STUDY`, "
            f"brings it to the present one ({_head(MIGRATIONS)})"
        )


def newest() -> str:
    """The revision of the schema that this code writes."""
    return str(_head(MIGRATIONS))


def knows(revision: str) -> bool:
    """Whether a revision is the newest one or one before it."""
    return revision in _known(MIGRATIONS)


def _revision(connection: Connection, name: str) -> str | None:
    """The schema's revision, None where there is no schema. Raises StoreError for one that this code does not know."""
    found = MigrationContext.configure(connection).get_current_heads()
    if unknown := set(found) - _known(MIGRATIONS):
        raise StoreError(
            f"the store {name} was written by a newer Levelfield (schema {', '.join(sorted(unknown))}, known here up to "
            f"{_head(MIGRATIONS)}); use that version, or name another store. Nothing was changed"
        )
    return found[0] if found else None


def _enable_wal(engine: Engine) -> None:
    """Lasts in the file. Here SQLite fails at once where another connection is about to write, whatever its busy timeout; so this waits."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection = engine.raw_connection()
    try:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return
    finally:
        connection.close()


def _config(location: str) -> Config:
    config = Config()
    config.set_main_option("script_location", location)
    return config


@cache
def _known(location: str) -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config(location)).walk_revisions())


@cache
def _head(location: str) -> str | None:
    return ScriptDirectory.from_config(_config(location)).get_current_head()
