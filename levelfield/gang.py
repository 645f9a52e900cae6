"""Several processes that train one network together, a rank each: who is who, and which examples are whose.

Every rank goes through the same batches. Of each batch it computes its own part; what that adds to loss and gradients is weighted by the
part's size, so that the sums over the ranks are those of the whole batch, however unevenly it falls (methodology, rule 14).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from levelfield.local import free_port

T = TypeVar("T", bound=np.generic)

JOIN_TIMEOUT_S = 60.0  # for a rank that does not come


class Part(NamedTuple):
    """A rank's part of a batch: the examples' numbers, shape (own examples,), and the share of the batch's examples that they are.

    A rank that has none computes the first one of the batch with weight 0, since not every operation takes an empty batch.
    """

    examples: NDArray[np.int64]
    weight: float


@dataclass(frozen=True, kw_only=True)
class Gang:
    """A process's place among those that train together. ``peers``: the endpoints of all ranks, in their order."""

    rank: int = 0
    peers: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if not 0 <= self.rank < len(self.peers):
            raise ValueError(f"rank {self.rank} in a gang of {len(self.peers)}")

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.peers)

    def share(self, examples: int) -> slice:
        """Which of so many examples in a row are this rank's: as many as any other's, or one more for the first ranks."""
        each, more = divmod(examples, self.size)
        first = self.rank * each + min(self.rank, more)
        return slice(first, first + each + (self.rank < more))

    def part(self, batch: NDArray[np.int64]) -> Part:
        """The own part of a batch, shape (examples,)."""
        own = self.share(len(batch))
        return Part(self.rows(batch), (own.stop - own.start) / len(batch))

    def parts(self, order: NDArray[np.int64], batch_size: int) -> Iterator[Part]:
        """The own part of each batch of an epoch whose examples come in ``order``, shape (examples,); the last may be smaller."""
        for first in range(0, len(order), batch_size):
            yield self.part(order[first : first + batch_size])

    def rows(self, batch: NDArray[T]) -> NDArray[T]:
        """The rows of `part`, of anything that has one for each example of a batch."""
        own = batch[self.share(len(batch))]
        return own if len(own) else batch[:1]


ALONE = Gang()


def seed_of(seed: int, rank: int) -> int:
    """What a rank draws its dropout from: no other rank's, nor that of another run; a run's own seed for the first rank."""
    return int(np.random.SeedSequence([seed, 3, rank]).generate_state(1)[0]) if rank else seed


def free_endpoint(host: str) -> str:
    """HOST:PORT of an address of this host where nobody listens now; a rank does, as soon as it joins."""
    return f"{host}:{free_port(host)}"
