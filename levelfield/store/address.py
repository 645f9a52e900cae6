"""Where the store is: from what a user writes to a database URL, and back to a name that can be shown."""

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from levelfield.store.records import StoreError

_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")
_FORMS = "write a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


def default_url() -> str:
    """The store that is meant where none is named.

    LEVELFIELD_STORE; without it ``levelfield.db`` in the folder LEVELFIELD_RESULTS; without that in ``results`` under the current one.
    """
    if url := os.environ.get("LEVELFIELD_STORE"):
        return url
    folder = Path(os.environ.get("LEVELFIELD_RESULTS") or "results")
    return _file_url(folder / "levelfield.db").render_as_string()


def parse(url_or_path: str) -> URL:
    """The database URL, with psycopg as PostgreSQL's driver and the password from LEVELFIELD_STORE_PASSWORD_FILE where it has none.

    Raises StoreError for anything but a SQLite file or PostgreSQL, and where that file cannot be read.
    """
    if "://" not in url_or_path:
        return _file_url(Path(url_or_path).expanduser())
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        # "from None": the original message may hold the password.
        raise StoreError(f"{_masked(url_or_path)} is not a database URL; {_FORMS}") from None
    if url.drivername in _POSTGRESQL:
        return _with_password(url.set(drivername="postgresql+psycopg"))
    if url.drivername not in _SQLITE or url.host or url.query or url.database in {None, "", ":memory:"}:
        raise StoreError(f"{_masked(url_or_path)} cannot be a store; {_FORMS}")
    return _file_url(Path(url.database or ""))


def _with_password(url: URL) -> URL:
    """The password from the file LEVELFIELD_STORE_PASSWORD_FILE, where the URL has none: a secret that is no part of an environment."""
    file = os.environ.get("LEVELFIELD_STORE_PASSWORD_FILE")
    if url.password is not None or not file:
        return url
    try:
        return url.set(password=Path(file).read_text().strip())
    except OSError as error:
        raise StoreError(f"LEVELFIELD_STORE_PASSWORD_FILE: {error}") from error


def shown(url: URL) -> str:
    """The URL with every password replaced by asterisks."""
    secrets = [name for name in url.query if "password" in name]
    return url.update_query_dict(dict.fromkeys(secrets, "***")).render_as_string(hide_password=True)


def _file_url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path.absolute()))


def _masked(text: str) -> str:
    """A URL that could not be parsed, without what looks like a password in it."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"://.*@", "://***@", text))
