"""Which pair begins next, of all studies that are under way. Pure: it starts nothing and knows no clock, so it replays exactly."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from levelfield.planning.plan import PairWork


class Agenda:
    """The pairs of one study that are still to be done, stage by stage; a stage begins when all of the one before is done.

    ``is_decided`` is asked after each stage whether the study may end there.
    """

    def __init__(self, stages: Iterable[Iterable[PairWork]], is_decided: Callable[[], bool] = lambda: False) -> None:
        self._stages, self._is_decided = iter(stages), is_decided
        self._stage: Iterator[PairWork] = iter(())
        self._next: PairWork | None = None
        self._at_work, self.is_over = 0, False
        self._advance(first=True)

    def take(self) -> PairWork | None:
        """The next pair, which is at work from now on; None where none can begin now."""
        taken, self._next = self._next, None
        if taken:
            self._at_work += 1
            self._next = next(self._stage, None)
        return taken

    @property
    def has_next(self) -> bool:
        """Whether a pair can begin now."""
        return self._next is not None

    def done(self) -> None:
        """A pair that was at work is done."""
        self._at_work -= 1
        if not self._at_work and self._next is None:
            self._advance()

    def abandon(self) -> None:
        """Begin no other pair; it is over when those at work are done."""
        self._stages, self._stage, self._next, self._is_decided = iter(()), iter(()), None, lambda: True
        self.is_over = not self._at_work

    def _advance(self, *, first: bool = False) -> None:
        """To the next stage that has something to do; one that was done in an earlier session is looked at, too."""
        while self._next is None:
            if not first and self._is_decided():
                break
            stage = next(self._stages, None)
            if stage is None:
                break
            self._stage, first = iter(stage), False
            self._next = next(self._stage, None)
        self.is_over = self._next is None


@dataclass(kw_only=True)
class Entry:
    """A study that is under way. ``room``: how many of its pairs can be at work at once; ``order``: when it was asked for."""

    study_id: str
    agenda: Agenda
    room: int = 1
    priority: int = 0
    order: int = 0


@dataclass
class Conductor:
    """The studies that are under way, by priority, then in the order in which they were asked for.

    At most as many pairs are at work as the study with the most room could have at work alone: devices exclude each other by leases, and
    whoever began more would only have them wait. A pair that is at work is never interrupted for another one.
    """

    entries: list[Entry] = field(default_factory=list)
    at_work: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Take up a study."""
        self.entries.append(entry)
        self.entries.sort(key=lambda one: (-one.priority, one.order))

    def next(self) -> tuple[Entry, PairWork] | None:
        """What begins next; None where nothing can now."""
        if self.at_work.total() >= max((entry.room for entry in self.entries), default=0):
            return None
        for entry in self.entries:
            if entry.agenda.has_next and self.at_work[entry.study_id] < entry.room and (pair := entry.agenda.take()):
                self.at_work[entry.study_id] += 1
                return entry, pair
        return None

    def done(self, entry: Entry) -> None:
        """A pair of that study is done."""
        self.at_work[entry.study_id] -= 1
        entry.agenda.done()

    def take_over(self) -> list[Entry]:
        """Remove the studies that are over, and give them."""
        over = [entry for entry in self.entries if entry.agenda.is_over and not self.at_work[entry.study_id]]
        self.entries = [entry for entry in self.entries if entry not in over]
        for entry in over:
            del self.at_work[entry.study_id]
        return over
