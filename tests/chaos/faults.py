"""Which faults come when. Keyed to what the study has come to, not to the clock, so that a seed gives the same schedule again."""

import random
from dataclasses import dataclass
from typing import Literal

Kind = Literal["actor", "node", "orchestrator"]


@dataclass(frozen=True)
class Fault:
    """Comes when the run with this turn has kept its checkpoint after this epoch, which counts from 0."""

    kind: Kind
    turn: int
    epoch: int


def schedule(seed: int, *, runs: int, epochs: int, **kinds: int) -> list[Fault]:
    """So many faults of each kind, at most one a run, always before its last checkpoint."""
    rng = random.Random(seed)
    drawn = [kind for kind, number in kinds.items() for _ in range(number)]
    turns = rng.sample(range(runs), len(drawn))
    return sorted((Fault(kind, turn, rng.randrange(epochs - 2)) for kind, turn in zip(drawn, turns, strict=True)), key=lambda f: f.turn)
