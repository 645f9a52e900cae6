"""Data sets that come from another host in pieces: what lies between two processes is small, also where the data are gigabytes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from levelfield.data.base import Dataset, Source, drafted, from_arrays, put

PIECE_BYTES = 32 * 1024**2
Layout: TypeAlias = Mapping[str, tuple[str, Sequence[int]]]  # by array its type, as NumPy writes it, and its shape


def layout_of(dataset: Dataset) -> Layout:
    """What `Incoming` must know before the first piece."""
    return {key: (array.dtype.str, array.shape) for key, array in dataset.arrays().items()}


def in_pieces(dataset: Dataset, limit: int = PIECE_BYTES) -> Iterator[tuple[str, int, NDArray[Any]]]:
    """Array, first row and rows of each piece of at most ``limit`` bytes, or of one row that is larger."""
    for key, array in dataset.arrays().items():
        rows = max(1, limit // max(1, array.nbytes // max(1, len(array))))
        for start in range(0, len(array), rows):
            yield key, start, np.array(array[start : start + rows])


class Incoming:
    """A data set on its way; it stands in the cache when all of it has come."""

    def __init__(self, name: str, source: Source, layout: Layout) -> None:
        self._name, self._source = name, source
        self._stack = ExitStack()
        draft = self._draft = self._stack.enter_context(drafted(name))
        self._arrays = {
            key: open_memmap(draft / f"{key}.npy", mode="w+", dtype=np.dtype(kind), shape=tuple(shape))
            for key, (kind, shape) in layout.items()
        }

    def add(self, key: str, start: int, rows: NDArray[Any]) -> None:
        """A piece of the array ``key``, whose first row is row ``start`` of it."""
        self._arrays[key][start : start + len(rows)] = rows

    def keep(self) -> None:
        """Put it in the cache. Its fingerprint is that of what has come."""
        with self._stack:
            for array in self._arrays.values():
                array.flush()
            put(self._draft, from_arrays(self._name, self._arrays, self._source))
