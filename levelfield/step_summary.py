"""A run's blocks in a few numbers, so that nobody has to read them all to see how fast it was."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelfield.result import Block

STEADY_STEPS = 100  # methodology, rule 4: a rate rests on at least so many steps
QUANTILES = np.linspace(0.0, 1.0, 101)
BLOCK_COLUMNS = ("epoch", "steps", "samples", "duration_ns", "steady")  # of a block, what a summary is made of


@dataclass(frozen=True, kw_only=True)
class StepSummary:
    """What the blocks of one run say, derived from them alone.

    ``epochs``: distinct ones that were trained. ``steady_steps`` are those of steady blocks, ``rated_steps`` of them those in blocks with a
    duration above 0, and ``steady_rate`` is the median of examples/s over these blocks, each of which counts as one; None where there are
    none. ``warm_samples``: examples in blocks that are not steady; ``first_epoch_...``: in epoch 0. ``steady_step_ns`` and
    ``warm_step_ns``: the `QUANTILES` of the time of a step over the blocks that are steady and over the others, shape (101,); empty where
    there are none.
    """

    epochs: int
    blocks: int
    steady_blocks: int
    steps: int
    steady_steps: int
    rated_steps: int
    samples: int
    warm_samples: int
    first_epoch_steps: int
    first_epoch_samples: int
    steady_rate: float | None
    steady_step_ns: list[float]
    warm_step_ns: list[float]

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Self:
        """Of a run's blocks, in any order; of none, zeros."""
        return cls.of_columns(**{name: [getattr(block, name) for block in blocks] for name in BLOCK_COLUMNS})

    @classmethod
    def of_columns(cls, *, epoch: ArrayLike, steps: ArrayLike, samples: ArrayLike, duration_ns: ArrayLike, steady: ArrayLike) -> Self:
        """Of a run's blocks, column by column, each of shape (blocks,)."""
        epochs, step, sample, ns = (np.asarray(column, dtype=np.int64) for column in (epoch, steps, samples, duration_ns))
        is_steady = np.asarray(steady, dtype=np.bool_)
        rated, first = is_steady & (ns > 0), epochs == 0
        return cls(
            epochs=len(np.unique(epochs)),
            blocks=len(epochs),
            steady_blocks=int(is_steady.sum()),
            steps=int(step.sum()),
            steady_steps=int(step[is_steady].sum()),
            rated_steps=int(step[rated].sum()),
            samples=int(sample.sum()),
            warm_samples=int(sample[~is_steady].sum()),
            first_epoch_steps=int(step[first].sum()),
            first_epoch_samples=int(sample[first].sum()),
            # Seconds first, as in the frames of the blocks: another order would round in another way.
            steady_rate=float(np.median(sample[rated] / (ns[rated] / 1e9))) if rated.any() else None,
            steady_step_ns=_quantiles(ns[is_steady], step[is_steady]),
            warm_step_ns=_quantiles(ns[~is_steady], step[~is_steady]),
        )

    def to_dict(self) -> dict[str, Any]:
        """By name, as the store keeps it."""
        return asdict(self)


def _quantiles(ns: NDArray[np.int64], steps: NDArray[np.int64]) -> list[float]:
    """Of the time of a step, linear between two blocks."""
    found: list[float] = np.quantile(ns / steps, QUANTILES).tolist() if len(ns) else []
    return found
