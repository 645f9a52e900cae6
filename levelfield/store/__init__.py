"""The results: append-only tables in SQLite, or in PostgreSQL where a URL says so. The orchestrator writes, everything else reads."""

from levelfield.store.address import default_url
from levelfield.store.records import StoredRun, StoreError, StudyRecord
from levelfield.store.store import Store

__all__ = ["Store", "StoreError", "StoredRun", "StudyRecord", "default_url"]
