"""The tracks: three questions that a comparison can ask. Their answers are never mixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Granularity(StrEnum):
    """What the core asks a worker for at a time: some optimizer steps, or a whole epoch of the framework's own loop."""

    STEP = "step"
    EPOCH = "epoch"


@dataclass(frozen=True, kw_only=True)
class Track:
    """``certified``: both sides start from the same weights, take the same batches and need a parity certificate."""

    name: str
    question: str
    granularity: Granularity
    certified: bool


TRACKS: Mapping[str, Track] = {
    track.name: track
    for track in (
        Track(name="article", question="What does a newcomer get?", granularity=Granularity.EPOCH, certified=False),
        Track(name="matched", question="What does the framework itself change?", granularity=Granularity.STEP, certified=True),
        Track(name="tuned", question="What does an expert get?", granularity=Granularity.STEP, certified=True),
    )
}
