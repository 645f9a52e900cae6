"""CIFAR-10 from synthetic files in the official format: where each pixel goes, and what is refused."""

import hashlib
import pickle

import numpy as np
import pytest

from levelfield import data
from levelfield.data import DataError, cifar10
from levelfield.data.sources.locate import OfficialFile
from tests.data.synthetic import batch, below, cifar, tar, write
from tests.data.test_pickles import Payload

EXAMPLES = 4
FILES = cifar(EXAMPLES)


@pytest.fixture
def folder(files, monkeypatch):
    """The folder of the six batches, which are there."""
    monkeypatch.setattr(cifar10, "BATCH_EXAMPLES", EXAMPLES)
    write(files / "cifar-10-batches-py", FILES)
    return files / "cifar-10-batches-py"


def refused(match, cache):
    with pytest.raises(DataError, match=match):
        data.load("cifar10")
    assert not (cache / "data").exists(), "something was cached"


def test_every_pixel_and_label_is_where_it_belongs(folder):
    found = data.load("cifar10")
    assert {name: (array.dtype, array.shape) for name, array in found.arrays().items()} == {
        "x_train": (np.uint8, (20, 32, 32, 3)),
        "y_train": (np.int64, (20,)),
        "x_test": (np.uint8, (4, 32, 32, 3)),
        "y_test": (np.int64, (4,)),
    }
    second = pickle.loads(FILES["data_batch_2"], encoding="latin1")  # our own: the independent reading
    for row, column, colour in ((0, 0, 0), (0, 31, 0), (5, 7, 1), (31, 31, 2)):
        assert found.x_train[EXAMPLES + 1, row, column, colour] == second["data"][1, colour * 1024 + row * 32 + column]
    assert found.y_train[EXAMPLES : 2 * EXAMPLES].tolist() == second["labels"]
    assert found.y_test.tolist() == pickle.loads(FILES["test_batch"], encoding="latin1")["labels"]
    assert found.x_train.flags.c_contiguous


@pytest.mark.parametrize("packing", ["folder", "xz", "tar"])
def test_the_source_says_whether_the_checksums_matched(folder, files, monkeypatch, packing, cache):
    if packing != "folder":
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    if packing == "xz":
        write(folder, FILES, packed=True)
    if packing == "tar":
        (files / "cifar-10-python.tar.xz").write_bytes(tar(below("cifar-10-batches-py", FILES), "w:xz"))
    assert cifar10.prepare().source == "unverified"
    for batches in (cifar10.TRAIN, cifar10.TEST):
        for name in batches:
            monkeypatch.setitem(batches, name, hashlib.md5(FILES[name]).hexdigest())
    assert cifar10.prepare().source == "official"
    monkeypatch.setitem(cifar10.TRAIN, "data_batch_5", "0" * 32)
    assert cifar10.prepare().source == "unverified"


def test_the_official_archive_is_read_and_any_other_of_its_name_refused(folder, files, monkeypatch, cache):
    content = tar(below("cifar-10-batches-py", FILES))
    (files / "cifar-10-python.tar.gz").write_bytes(content)
    refused(f"{files}/cifar-10-python.tar.gz: {len(content)} bytes where the official", cache)
    monkeypatch.setattr(
        cifar10,
        "OFFICIAL",
        OfficialFile(name="cifar-10-python.tar.gz", url="", size=len(content), checksum=f"sha256:{hashlib.sha256(content).hexdigest()}"),
    )
    for batches in (cifar10.TRAIN, cifar10.TEST):
        for name in batches:
            monkeypatch.setitem(batches, name, hashlib.md5(FILES[name]).hexdigest())
    assert data.load("cifar10").source == "official"


def test_a_missing_batch_is_named(folder, cache):
    (folder / "data_batch_3").unlink()
    refused(f"{folder}: data_batch_3 missing", cache)


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_truncated_batch_is_named(folder, cache, length):
    (folder / "data_batch_3").write_bytes(FILES["data_batch_3"][:length])
    refused(f"{folder}: data_batch_3: it cannot be read", cache)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (batch(np.zeros((3, 3072), np.uint8), [0] * 4), r"an array of shape \(3, 3072\)"),
        (batch(np.zeros((4, 3071), np.uint8), [0] * 4), r"an array of shape \(4, 3071\)"),
        (batch(np.zeros((4, 3072), np.uint8), [0] * 3), "3 labels, expected 4"),
        (batch(np.zeros((4, 3072), np.uint8), [0, 1, 2, 10]), "a label is 10, expected 0 to 9"),
        (batch(np.zeros((4, 3072), np.uint8), [0, 1, 2, -1]), "a label is -1, expected 0 to 9"),
        (pickle.dumps({"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 2, 2.5]}, 2), "a label is 2.5"),
        (pickle.dumps({"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 2, True]}, 2), "a label is True"),
        (pickle.dumps({"data": np.zeros((4, 3072), np.uint8)}, 2), "no labels"),
        (pickle.dumps({"labels": [0] * 4}, 2), "no array 'data'"),
        (pickle.dumps({"data": Payload(eval, "1 / 0"), "labels": [0] * 4}, 2), r"asks for \w+\.eval"),
    ],
)
def test_what_is_not_right_is_named(folder, cache, content, why):
    (folder / "test_batch").write_bytes(content)
    refused(f"{folder}: test_batch: .*{why}", cache)
