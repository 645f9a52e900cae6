"""The test examples themselves, as readers see them: from this host's cache, where they are those that the networks were judged on."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield import data, workloads
from levelfield.data import DataError

DIGITS = 12  # of a fingerprint
PIXEL_MAX = 255


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The test examples of a data set, memory-mapped. ``words``: those that texts consist of, where they are known."""

    name: str
    x: NDArray[Any]
    y: NDArray[np.int64]
    words: tuple[str, ...]

    @property
    def are_images(self) -> bool:
        """Whether they have pixels."""
        return self.x.ndim == 4

    def picture(self, at: int) -> NDArray[np.uint8]:
        """An image, shape (height, width, channels), from 0 to 255."""
        found = np.asarray(self.x[at])
        return found if found.dtype == np.uint8 else np.rint(found * PIXEL_MAX).clip(0, PIXEL_MAX).astype(np.uint8)

    def text(self, at: int) -> str | None:
        """A text in words; None where the words are not known, or where it is no text."""
        return data.as_text(self.name, np.asarray(self.x[at]), self.words) if self.words else None


class NotHereError(Exception):
    """Why there are no examples to be shown; the message is for readers."""


def class_names(workload: str) -> tuple[str, ...]:
    """The names of a workload's classes; none where its data set has none, or it is not known here."""
    known = workloads.find(workload)
    return data.about(known.dataset).classes if known and known.dataset in data.names() else ()


def find_examples(workload: str, fingerprints: Collection[str | None], examples: int) -> Examples:
    """The ``examples`` test examples of a workload; ``fingerprints`` are those of the data of all runs that were judged on them.

    Nothing is fetched. Raises NotHereError, which says why they cannot be shown.
    """
    known = workloads.find(workload)
    if known is None or known.dataset not in data.names():
        raise NotHereError(f"this version of Levelfield does not know the workload {workload}, so not its data either")
    name = known.dataset
    wanted = {one for one in fingerprints if one}
    if len(wanted) != 1 or None in fingerprints:
        raise NotHereError("the runs were not all judged on the same data, or it is not recorded on which")
    try:
        found = data.read_cache(name, verify=False)
    except DataError as error:
        raise NotHereError(str(error)) from error
    if found is None:
        raise NotHereError(f"the data set {name} is not in this machine's cache; `levelfield data fetch {name}` puts it there")
    if found.fingerprint not in wanted or len(found.y_test) != examples:
        used = next(iter(wanted))[:DIGITS]
        raise NotHereError(
            f"the data set {name} in this machine's cache is not that of the runs ({found.fingerprint[:DIGITS]}, theirs {used})"
        )
    return Examples(name=name, x=found.x_test, y=np.array(found.y_test), words=data.read_words(name))
