"""Levelfield compares deep-learning frameworks on a level field. Importing it needs the standard library alone: workers do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from levelfield.store.frames import StudyFrames

# A literal, because Levelfield is not installed in the services' environments: they have its sources on their path.
__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(study_id: str, store: str | None = None) -> "StudyFrames":
    """A stored study as pandas frames: ``study`` (its record), ``runs``, ``epochs`` and ``steps``, with units in the column names.

    A row of ``steps`` says in short how fast a run's training steps were; the method ``blocks()`` reads them block by block, of all runs or
    of those whose ids it is given, and ``predictions()`` what each trained network took the test examples for.

    ``study_id`` is an id, the beginning of one, or "latest"; ``store`` is a path or a database URL, by default the one that
    ``levelfield run`` writes. Raises `levelfield.store.StoreError`.
    """
    from levelfield.store.frames import load as load_frames

    return load_frames(study_id, store)
