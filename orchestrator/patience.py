"""Waiting for a store that is away: what is under way goes on when it is back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from levelfield.store.records import StoreAwayError

RETRY_S = 1.0
T = TypeVar("T")


def _silent(_line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Calls again until the store answers. ``pause`` sleeps so many seconds, and what it raises ends the wait; ``tell`` hears why."""

    pause: Callable[[float], object] = time.sleep
    tell: Callable[[str], object] = _silent

    def __call__(self, call: Callable[[], T], *, meanwhile: Callable[[], object] = lambda: None) -> T:
        """What ``call`` returns at last; ``meanwhile`` is called once, where it is not the first time. Raises what it raises but
        StoreAwayError.
        """
        waited = False
        while True:
            try:
                found = call()
            except StoreAwayError as error:
                if not waited:
                    self.tell(f"{error}; trying again until it answers")
                    meanwhile()
                waited = True
                self.pause(RETRY_S)
            else:
                if waited:
                    self.tell("the store is back")
                return found
