"""Data sets as NumPy arrays in a cache that workers memory-map: ten workers on a host share one copy."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.workloads.base import fingerprint

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class DataError(Exception):
    """A data set that is missing or not what it should be; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples along the first axis; images are (height, width, channels) as float32 in [0, 1], labels int64.

    ``fingerprint`` is over all four arrays.
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    fingerprint: str

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The four arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}


def cache_folder() -> Path:
    """``LEVELFIELD_CACHE``, or ``levelfield`` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("LEVELFIELD_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "levelfield"


def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> Dataset:
    """A data set of the four arrays, with their fingerprint."""
    return Dataset(name=name, fingerprint=fingerprint(arrays), **{key: arrays[key] for key in ARRAYS})


def read_cache(name: str) -> Dataset | None:
    """The cached data set, memory-mapped, or None where it is not there.

    Raises DataError where the arrays are not those that were written.
    """
    folder = cache_folder() / "data" / name
    if not folder.is_dir():
        return None
    try:
        expected = json.loads((folder / "fingerprint.json").read_text())["sha256"]
        arrays = {key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in ARRAYS}
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        raise DataError(f"the cached data set {name} cannot be read ({error}); delete {folder}, it will be made again") from error
    dataset = from_arrays(name, arrays)
    if dataset.fingerprint != expected:
        raise DataError(f"the cached data set {name} has changed since it was written; delete {folder}, it will be made again")
    return dataset


def write_cache(dataset: Dataset) -> None:
    """Put a data set in the cache: all of it or nothing, also when several processes write at once."""
    parent = cache_folder() / "data"
    parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{dataset.name}-", dir=parent))
    try:
        for key, array in dataset.arrays().items():
            np.save(draft / f"{key}.npy", array, allow_pickle=False)
        (draft / "fingerprint.json").write_text(json.dumps({"sha256": dataset.fingerprint}))
        draft.chmod(0o755)
        # Renaming a folder is atomic and fails where the target stands: then another process was first, with the same arrays.
        draft.rename(parent / dataset.name)
    except OSError:
        if not (parent / dataset.name / "fingerprint.json").is_file():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
