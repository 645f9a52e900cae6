"""Data sets as NumPy arrays in a cache that workers memory-map: ten workers on a host share one copy."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from levelfield.workloads.base import fingerprint

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MANIFEST = "manifest.json"
WORDS = "words.json"
Source: TypeAlias = Literal["official", "unverified", "embedded", "own", "synthetic"]


class DataError(Exception):
    """A data set that is missing or not what it should be; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples along the first axis, raw: what is done to them before the first layer is the workload's business. Labels are int64.

    Images are (n, height, width, channels), as uint8 from 0 to 255 or float32 in [0, 1]; texts are int32 (n, length) token ids or float32
    (n, words) counts of words. ``fingerprint`` is over all four arrays. ``source`` is "official" where the checksums of the official files
    matched, "unverified" where other files of the right structure were read, "embedded" where a library brings the data, "own" where they
    are the user's own, "synthetic" where they are made up. ``words`` are those that texts consist of, as ``prepare()`` of the data set made
    them; the cache keeps them beside the arrays (`read_words`), and they are no part of the fingerprint.
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    fingerprint: str
    source: Source
    words: tuple[str, ...] = ()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The four arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}


def cache_folder() -> Path:
    """``LEVELFIELD_CACHE``, or ``levelfield`` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("LEVELFIELD_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "levelfield"


@contextmanager
def platform_packages(name: str, package: str) -> Iterator[None]:
    """Around the import of a package that the platform's own environment has and a worker's may lack; the environment variables are kept.

    Importing scikit-learn sets variables that change the speed of OpenMP; processes started later must not inherit them.
    Raises DataError where the package is missing.
    """
    before = dict(os.environ)
    try:
        yield
    except ImportError as error:
        raise DataError(
            f"the data set {name} is made with {package}, which this environment lacks; run `levelfield data fetch {name}` "
            "in the platform's own environment, workers then find it in the cache"
        ) from error
    finally:
        os.environ.clear()
        os.environ.update(before)


def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]], source: Source = "embedded", words: tuple[str, ...] = ()) -> Dataset:
    """A data set of the four arrays, with their fingerprint."""
    return Dataset(name=name, fingerprint=fingerprint(arrays), source=source, words=words, **{key: arrays[key] for key in ARRAYS})


def read_cache(name: str, *, verify: bool = True) -> Dataset | None:
    """The cached data set, memory-mapped, or None where it is not there or was written by a version that did not record its source.

    Raises DataError where the arrays are not those that were written. Without ``verify`` they are taken for those: of gigabytes nothing is
    read then, which is enough for who looks at some examples.
    """
    folder = cache_folder() / "data" / name
    if not (folder / MANIFEST).is_file():
        return None
    try:
        expected, source = _read_manifest(folder)
        arrays = {key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in ARRAYS}
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        raise DataError(f"the cached data set {name} cannot be read ({error}); delete {folder}, it will be made again") from error
    if not verify:
        return Dataset(name=name, fingerprint=expected, source=source, **arrays)
    dataset = from_arrays(name, arrays, source)
    if dataset.fingerprint != expected:
        raise DataError(f"the cached data set {name} has changed since it was written; delete {folder}, it will be made again")
    return dataset


def read_words(name: str) -> tuple[str, ...]:
    """The words of the cached data set, in the order of their numbers; none where it has none, or was cached before they were kept."""
    try:
        found = json.loads((cache_folder() / "data" / name / WORDS).read_text())
    except (OSError, ValueError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def write_cache(dataset: Dataset) -> None:
    """Put a data set in the cache: all of it or nothing, also when several processes write at once. Other arrays of that name make way."""
    with drafted(dataset.name) as draft:
        for key, array in dataset.arrays().items():
            np.save(draft / f"{key}.npy", array, allow_pickle=False)
        if dataset.words:
            (draft / WORDS).write_text(json.dumps(dataset.words))
        put(draft, dataset)


@contextmanager
def drafted(name: str) -> Iterator[Path]:
    """A folder beside the cached data sets, for one that is being written; it is removed at the end of the block, unless it was `put`."""
    parent = cache_folder() / "data"
    parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put(draft: Path, dataset: Dataset) -> None:
    """Give a folder with the files of a data set its place in the cache."""
    (draft / MANIFEST).write_text(json.dumps({"sha256": dataset.fingerprint, "source": dataset.source}))
    draft.chmod(0o755)
    folder = draft.parent / dataset.name
    try:
        draft.rename(folder)  # atomic; fails where the target stands
    except OSError:
        if not folder.is_dir():
            raise
        if _is_written(folder, dataset):
            _add_words(draft, folder)
            return  # another process was first, with the same arrays
        with tempfile.TemporaryDirectory(prefix=f".{dataset.name}-old-", dir=folder.parent, ignore_cleanup_errors=True) as old:
            folder.rename(Path(old) / folder.name)  # who has mapped its files keeps them
            draft.rename(folder)


def _add_words(draft: Path, folder: Path) -> None:
    """To arrays that are there already, where a version that kept none has written them. Nobody trains by the words: it may fail."""
    with suppress(OSError):
        (draft / WORDS).replace(folder / WORDS)


def _is_written(folder: Path, dataset: Dataset) -> bool:
    try:
        return _read_manifest(folder) == (dataset.fingerprint, dataset.source)
    except (ValueError, KeyError, TypeError, OSError):
        return False


def _read_manifest(folder: Path) -> tuple[str, Source]:
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest["source"] not in get_args(Source):
        raise ValueError(f"unknown source {manifest['source']!r}")
    return manifest["sha256"], manifest["source"]
