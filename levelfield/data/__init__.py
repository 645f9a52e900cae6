"""The data sets: one file each, whose ``prepare()`` makes the arrays; read through a cache on each host."""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from levelfield.data.base import DataError, Dataset, Source, from_arrays, read_cache, read_words, write_cache
from levelfield.data.sources.arrival import Incoming, Layout, in_pieces, layout_of
from levelfield.data.sources.locate import OfficialFile

__all__ = [
    "About",
    "DataError",
    "Dataset",
    "Incoming",
    "Layout",
    "Source",
    "about",
    "as_text",
    "from_arrays",
    "in_pieces",
    "layout_of",
    "load",
    "names",
    "read_cache",
    "read_words",
    "write_cache",
]


def names() -> list[str]:
    """The names of all data sets: the files of this folder; what they share is in ``base`` and ``sources/``."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg and module.name != "base")


@dataclass(frozen=True)
class About:
    """What a data set is, and the file that its authors publish, or None; ``origin`` says where it comes from then.

    ``classes``: the names of the classes in the order of the labels, where there are any.
    """

    title: str
    official: OfficialFile | None
    origin: str
    classes: tuple[str, ...] = ()


def about(name: str) -> About:
    """What is known of a data set before it is there."""
    module = importlib.import_module(f"{__name__}.{name}")
    return About(module.TITLE, module.OFFICIAL, getattr(module, "ORIGIN", ""), getattr(module, "CLASS_NAMES", ()))


def as_text(name: str, example: NDArray[Any], words: Sequence[str]) -> str | None:
    """An example of a data set of texts for readers, with the words that `read_words` gives; None where its examples are no texts."""
    read = getattr(importlib.import_module(f"{__name__}.{name}"), "as_text", None)
    return None if read is None else str(read(example, words))


def load(name: str) -> Dataset:
    """The data set of that name, memory-mapped from the cache, where it is put first if it is not there.

    Made-up examples there make way where there are real ones by now.
    Raises KeyError for an unknown name and DataError where the data can be neither read nor made.
    """
    cached = read_cache(name)
    if cached and cached.source == "synthetic" and importlib.import_module(f"{__name__}.{name}").has_own():
        return prepare(name)
    return cached or prepare(name)


def prepare(name: str) -> Dataset:
    """Make the data set from its files, put it in the cache in the place of what is there, and read it back. Raises as `load`."""
    if name not in names():
        raise KeyError(name)
    dataset: Dataset = importlib.import_module(f"{__name__}.{name}").prepare()
    write_cache(dataset)
    return read_cache(name) or dataset
