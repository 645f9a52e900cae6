"""Checkpoints: what a run needs to go on after its process was lost, written between two epochs, outside every timed block.

A checkpoint is a folder ``epoch-N`` with a folder for each rank, which holds the worker's own files and the course of the run so far. A
rank's folder appears at once or not at all. Ranks wait for each other in every step: where one saves epoch N, all have saved N - 1, so
a rank may remove N - 2.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from levelfield.result import Block, Epoch, RunResult
from levelfield.worker import Worker

COURSE = "course.json"


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where a run's checkpoints are kept, and which of them, an epoch's folder, it goes on from; None: from the beginning."""

    folder: Path
    after: Path | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Plain data, for crossing a process boundary."""
        return {"folder": str(self.folder), "after": str(self.after) if self.after else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, str | None]) -> "Keeping":
        """The inverse of `to_dict`."""
        return cls(folder=Path(str(data["folder"])), after=Path(data["after"]) if data["after"] else None)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A rank has saved its part of the checkpoint after an epoch, which counts from 0; ``folder`` is the checkpoint's."""

    epoch: int
    folder: str


class Saver:
    """Saves and takes up one rank's part of a run's checkpoints."""

    def __init__(self, worker: Worker, keeping: Keeping, rank: int) -> None:
        self._worker, self._keeping, self._rank = worker, keeping, rank

    def take_up(self, result: RunResult) -> None:
        """Bring the worker and ``result``, which has no epoch yet, to where the run goes on. Raises OSError without such a checkpoint."""
        if self._keeping.after is None:
            return
        folder = self._keeping.after / f"rank-{self._rank}"
        course = json.loads((folder / COURSE).read_text())
        self._worker.restore(folder)
        result.epochs = [Epoch(**epoch) for epoch in course["epochs"]]
        result.blocks = [Block(**block) for block in course["blocks"]]
        result.step_losses = course["step_losses"]

    def save(self, result: RunResult) -> Saved:
        """Save after the last epoch of ``result``. Raises OSError where it cannot be written."""
        epoch = result.epochs[-1].epoch
        folder = self._of(epoch)
        unfinished = folder.with_name(f".{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._worker.save(unfinished)
        (unfinished / COURSE).write_text(json.dumps(_course(result)))
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier life of the run
        unfinished.rename(folder)
        shutil.rmtree(self._of(epoch - 2), ignore_errors=True)
        return Saved(epoch=epoch, folder=str(folder.parent))

    def _of(self, epoch: int) -> Path:
        return self._keeping.folder / f"epoch-{epoch}" / f"rank-{self._rank}"


def _course(result: RunResult) -> dict[str, Any]:
    return {name: [asdict(one) for one in getattr(result, name)] for name in ("epochs", "blocks")} | {"step_losses": result.step_losses}
