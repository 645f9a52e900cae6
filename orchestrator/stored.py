"""A stored study, as the command line names it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from levelfield.store import StudyRecord


def stored_study(study_id: str, url: str) -> "StudyRecord":
    """The study of that id, or whose id alone begins so, or the latest. Raises StoreError as `Store.study` does."""
    from levelfield.store import Store  # SQLAlchemy takes a while to import: `--help` does not wait for it

    with Store.open(url, read_only=True) as opened:
        return opened.study(study_id)
