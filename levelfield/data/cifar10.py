"""CIFAR-10: 60,000 photographs of 32 by 32 pixels in ten classes (Krizhevsky 2009)."""

import hashlib
import re

import numpy as np
from numpy.typing import NDArray

from levelfield.data.base import DataError, Dataset, from_arrays
from levelfield.data.sources.locate import OfficialFile, locate
from levelfield.data.sources.pickles import RawArray, Refused, read_pickle
from levelfield.data.sources.tree import read_tree

TITLE = "CIFAR-10 photographs"
OFFICIAL = OfficialFile(
    name="cifar-10-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    size=170_498_071,
    checksum="sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
OTHERS = ("cifar-10-batches-py", "cifar-10-batches-py.tar.xz", "cifar-10-python.tar.xz", "cifar-10-python.tar")
# The MD5 of each batch, as torchvision checks them (torchvision/datasets/cifar.py).
TRAIN = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST = {"test_batch": "40351d587109b95175f43aff81a1287e"}
BATCH_EXAMPLES = 10_000
CLASSES = 10
# As the official batches.meta has them.
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
WANTED = re.compile(r"data_batch_[1-5]|test_batch")


def prepare() -> Dataset:
    """50,000 training and 10,000 test images, uint8 (n, 32, 32, 3), in the order of the files.

    Raises DataError where the files are missing or not right.
    """
    place = locate("cifar10", OFFICIAL, OTHERS)
    files = read_tree(place.path, WANTED)
    if missing := sorted((TRAIN | TEST).keys() - files.keys()):
        raise DataError(f"{place.path}: {', '.join(missing)} missing; CIFAR-10 has {len(TRAIN)} training batches and a test batch")
    batches = {name: _read_batch(f"{place.path}: {name}", files[name]) for name in TRAIN | TEST}
    arrays = _joined(batches, TRAIN, "train") | _joined(batches, TEST, "test")
    is_official = all(hashlib.md5(files[name], usedforsecurity=False).hexdigest() == md5 for name, md5 in (TRAIN | TEST).items())
    return from_arrays("cifar10", arrays, "official" if is_official else "unverified")


Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _read_batch(where: str, content: bytes) -> Batch:
    """Images (n, 3072), a pixel's three colours 1,024 values apart, and labels of one file."""
    try:
        found = read_pickle(content)
        return _read_images(found.get("data")), _read_labels(found.get("labels"))
    except Refused as error:
        raise DataError(f"{where}: {error}") from error


def _read_images(images: object) -> NDArray[np.uint8]:
    if not isinstance(images, RawArray):
        raise Refused("it has no array 'data'")
    return images.bytes_of((BATCH_EXAMPLES, 3 * 32 * 32))


def _read_labels(labels: object) -> NDArray[np.int64]:
    if not isinstance(labels, list) or len(labels) != BATCH_EXAMPLES:
        count = len(labels) if isinstance(labels, list) else "no"
        raise Refused(f"{count} labels, expected {BATCH_EXAMPLES}")
    if wrong := [label for label in labels if type(label) is not int or not 0 <= label < CLASSES]:
        raise Refused(f"a label is {wrong[0]!r}, expected 0 to {CLASSES - 1}")
    return np.array(labels, np.int64)


def _joined(batches: dict[str, Batch], names: dict[str, str], split: str) -> dict[str, NDArray[np.generic]]:
    images = np.concatenate([batches[name][0] for name in names]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return {f"x_{split}": np.ascontiguousarray(images), f"y_{split}": np.concatenate([batches[name][1] for name in names])}
