"""The threads in which pairs are at work."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeAlias

from levelfield.result import Status
from orchestrator.conductor import Entry

Done: TypeAlias = Future[list[Status]]
THREADS = 4096  # started only when they are needed


class Crew:
    """Does pieces of work for studies, each in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="pair")
        self._at_work: dict[Done, Entry] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at work."""
        return not self._at_work

    def begin(self, entry: Entry, work: Callable[[], list[Status]]) -> None:
        """Do it for this study."""
        self._at_work[self._pool.submit(work)] = entry

    def ended(self, timeout_s: float) -> Iterator[tuple[Entry, Done]]:
        """What has ended: at least one piece, unless the time is over before."""
        if not self._at_work:
            time.sleep(timeout_s)
        for future in wait(self._at_work, timeout=timeout_s, return_when=FIRST_COMPLETED).done:
            yield self._at_work.pop(future), future

    def close(self) -> None:
        """Wait until all of it has ended."""
        self._pool.shutdown(wait=True)


@contextmanager
def crew(stop: Callable[[BaseException], object]) -> Iterator[Crew]:
    """Threads until the block ends, which waits for them; where it ends by an exception, ``stop`` makes them end first."""
    hired = Crew()
    try:
        yield hired
    except BaseException as error:
        stop(error)
        raise
    finally:
        hired.close()
