"""Files that appear whole, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path


@contextmanager
def appearing(file: Path) -> Iterator[BufferedRandom]:
    """What is written in the block stands under ``file`` when the block ends well; else whatever stood there stays. Raises OSError."""
    draft = file.with_name(f".{file.name[:100]}.{secrets.token_hex(4)}")
    try:
        with draft.open("x+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
