"""The data sets: one file each, whose ``prepare()`` makes the arrays; read through a cache on each host."""

import importlib
import pkgutil

from levelfield.data.base import DataError, Dataset, from_arrays, read_cache, write_cache

__all__ = ["DataError", "Dataset", "from_arrays", "load", "names", "read_cache", "write_cache"]


def names() -> list[str]:
    """The names of all data sets: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def load(name: str) -> Dataset:
    """The data set of that name, memory-mapped from the cache, where it is put first if it is not there.

    Raises KeyError for an unknown name and DataError where the data can be neither read nor made.
    """
    if (cached := read_cache(name)) is not None:
        return cached
    if name not in names():
        raise KeyError(name)
    dataset: Dataset = importlib.import_module(f"{__name__}.{name}").prepare()
    write_cache(dataset)
    return read_cache(name) or dataset
