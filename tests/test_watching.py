"""`tests.watching_contract` on SQLite; on PostgreSQL in test_store_postgres.py."""

from tests.test_store import store, url  # noqa: F401
from tests.watching_contract import WatchingContract


class TestSqlite(WatchingContract):
    pass
