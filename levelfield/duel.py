"""A duel: the sides of a pair, all of them alive, take turns in bursts of training steps, round after round, in an order drawn at random.

Whatever the machine does meanwhile hits all of them alike (randomised multiple interleaved trials; methodology, rule 2).
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from levelfield.bursts import Burst
from levelfield.result import Failure, Status

ROUNDS = 20  # methodology, rule 2: at least so many bursts in each pair
TARGET_NS = 250_000_000  # rule 2: 0.25 to 1 s


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One side's burst in a round, counted from 0."""

    round: int
    side: str
    burst: Burst


@dataclass(kw_only=True)
class DuelResult:
    """What a duel leaves behind. ``turns`` stand in the order in which they were taken; ``target_ns`` is what each was to last at least.

    ``members`` describes each side's process by the side's label, ``evidence`` what went on around them.
    """

    status: Status
    target_ns: int
    turns: list[Turn] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists, numbers and text."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        values = dict(data)
        values["status"] = Status(values["status"])
        values["turns"] = [Turn(**{**turn, "burst": Burst(**turn["burst"])}) for turn in values["turns"]]
        values["failure"] = Failure(**values["failure"]) if values["failure"] else None
        return cls(**values)


def take_turns(
    sides: Sequence[str], burst: Callable[[str, int], Burst], *, seed: int, rounds: int = ROUNDS, target_ns: int = TARGET_NS
) -> Iterator[Turn]:
    """The turns of a duel; ``burst(side, target_ns)`` gives one. ``seed`` decides the order within each round.

    A first round, which is not yielded, brings every side back to work: it may have waited for minutes.
    """
    rng = random.Random(seed)  # noqa: S311 - a reproducible order, no secret
    for number in range(-1, rounds):
        for side in rng.sample(list(sides), len(sides)):
            turn = Turn(round=number, side=side, burst=burst(side, target_ns))
            if number >= 0:
                yield turn
