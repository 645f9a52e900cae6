"""Locks between processes on one machine; the kernel releases them when their holder ends, however it ends."""

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STORES = 2**32


@contextmanager
def exclusive(file: Path) -> Iterator[bool]:
    """Hold the lock on ``file``, which is made if need be, during the block. Yields whether it was free."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def measuring(file: Path, store: str) -> Iterator[bool]:
    """Leave a mark in ``file``, during the block, that this process measures with ``store``. Yields whether all who measure share it.

    The mark is a shared lock on the byte that the store's name gives: it holds off none of the same store, and shows to all others.
    """
    own = zlib.crc32(store.encode())
    with file.open("a+") as opened:
        fcntl.lockf(opened, fcntl.LOCK_SH, 1, own)
        yield all(_is_free(opened.fileno(), start, length) for start, length in ((0, own), (own + 1, STORES - own)) if length)


def _is_free(descriptor: int, start: int, length: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except OSError:
        return False
    fcntl.lockf(descriptor, fcntl.LOCK_UN, length, start)
    return True
