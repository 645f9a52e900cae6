"""The cache of data sets: all or nothing, and never other arrays than those that were written."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from levelfield import data
from levelfield.data import DataError, read_cache, write_cache
from levelfield.data.base import ARRAYS
from tests.contract.harness import DATASET


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the synthetic data set lies, once it has been written."""
    monkeypatch.setenv("LEVELFIELD_CACHE", str(tmp_path))
    return tmp_path / "data" / "synthetic"


def test_what_was_written_is_read_back_memory_mapped(folder):
    assert read_cache("synthetic") is None
    write_cache(DATASET)
    found = read_cache("synthetic")
    assert found.fingerprint == DATASET.fingerprint
    for name, array in found.arrays().items():
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
        assert np.array_equal(array, DATASET.arrays()[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_a_changed_byte_is_refused_by_name(folder, name):
    write_cache(DATASET)
    content = bytearray((folder / f"{name}.npy").read_bytes())
    content[-1] ^= 1
    (folder / f"{name}.npy").write_bytes(content)
    with pytest.raises(DataError, match=rf"data set synthetic has changed.*delete {folder}"):
        read_cache("synthetic")


@pytest.mark.parametrize("length", [0, 5, 100, -1], ids=["empty", "magic only", "header only", "last byte"])
def test_a_truncated_file_is_refused_by_name(folder, length):
    write_cache(DATASET)
    content = (folder / "x_train.npy").read_bytes()
    (folder / "x_train.npy").write_bytes(content[:length])
    with pytest.raises(DataError, match=rf"data set synthetic cannot be read.*delete {folder}"):
        read_cache("synthetic")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"sha256": 1}'])
def test_a_damaged_fingerprint_is_refused_by_name(folder, content):
    write_cache(DATASET)
    (folder / "fingerprint.json").write_text(content)
    with pytest.raises(DataError, match="data set synthetic"):
        read_cache("synthetic")


def test_arrays_of_objects_are_not_unpickled(folder):
    write_cache(DATASET)
    np.save(folder / "y_test.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="data set synthetic cannot be read"):
        read_cache("synthetic")


def test_concurrent_writers_leave_one_complete_copy(folder):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_cache(DATASET), range(24)))
        found = list(pool.map(lambda _: read_cache("synthetic"), range(8)))
    assert {dataset.fingerprint for dataset in found} == {DATASET.fingerprint}
    assert list(folder.parent.iterdir()) == [folder], "a draft was left behind"
    assert json.loads((folder / "fingerprint.json").read_text()) == {"sha256": DATASET.fingerprint}


def test_a_write_that_fails_leaves_nothing_behind(folder, monkeypatch):
    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr("levelfield.data.base.np.save", full)
    with pytest.raises(OSError, match="no space left"):
        write_cache(DATASET)
    assert not list(folder.parent.iterdir())


def test_an_unknown_data_set_is_a_key_error(folder):
    with pytest.raises(KeyError, match="nowhere"):
        data.load("nowhere")
