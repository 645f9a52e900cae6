"""How long a framework has had no place on the cluster: its nodes may be about to come, or to come back."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from levelfield.spec import RunSpec

LOOK_S = 1.0  # whether a node has come back


@dataclass(frozen=True)
class Absence:
    """Whoever has no place waits for ``wait_s`` seconds in all, however many pairs it has; several threads may ask."""

    wait_s: float = 0.0
    _since: dict[tuple[str, int], float] = field(default_factory=dict)

    def may_wait(self, specs: Iterable[RunSpec]) -> bool:
        """Whether what has no place now is to wait: not where one of its frameworks has been away for too long already."""
        now = time.monotonic()
        return max(now - self._since.setdefault(_key(spec), now) for spec in specs) < self.wait_s

    def end(self, specs: Iterable[RunSpec]) -> None:
        """They have a place: the next time that they have none they wait anew."""
        for spec in specs:
            self._since.pop(_key(spec), None)


def _key(spec: RunSpec) -> tuple[str, int]:
    return spec.framework, spec.workers
