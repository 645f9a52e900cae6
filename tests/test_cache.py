"""The cache of data sets: all or nothing, and never other arrays than those that were written."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from levelfield import data
from levelfield.data import DataError, from_arrays, in_pieces, layout_of, read_cache, write_cache
from levelfield.data.base import ARRAYS
from services.actor import WorkerActor
from tests.contract.synthetic import DATASET


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
    assert found.source == DATASET.source
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


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"sha256": 1}', '{"sha256": 1, "source": "embedded"}', f'{{"sha256": "{DATASET.fingerprint}", "source": "hearsay"}}'],
)
def test_a_damaged_manifest_is_refused_by_name(folder, content):
    write_cache(DATASET)
    (folder / "manifest.json").write_text(content)
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
    assert json.loads((folder / "manifest.json").read_text()) == {"sha256": DATASET.fingerprint, "source": DATASET.source}


def test_what_an_older_version_cached_is_made_again(folder):
    folder.mkdir(parents=True)
    (folder / "fingerprint.json").write_text(json.dumps({"sha256": DATASET.fingerprint}))
    assert read_cache("synthetic") is None
    write_cache(DATASET)
    assert read_cache("synthetic").fingerprint == DATASET.fingerprint
    assert list(folder.parent.iterdir()) == [folder]
    assert not (folder / "fingerprint.json").exists()


def test_other_arrays_or_another_source_make_way(folder):
    write_cache(DATASET)
    mapped = read_cache("synthetic")
    before = mapped.x_train.copy()
    for changed in (
        replace(DATASET, source="unverified"),
        from_arrays("synthetic", DATASET.arrays() | {"y_test": np.zeros(3)}, "official"),
    ):
        write_cache(changed)
        found = read_cache("synthetic")
        assert (found.fingerprint, found.source) == (changed.fingerprint, changed.source)
    assert np.array_equal(mapped.x_train, before), "a reader lost its arrays"
    assert list(folder.parent.iterdir()) == [folder]


def send(worker, sent, **limit):
    worker.begin_data(sent.name, sent.source, layout_of(sent))
    for key, start, rows in in_pieces(sent, **limit):
        worker.add_data(key, start, rows)
    worker.keep_data()


@pytest.mark.parametrize("limit", [1, 24, 10**9])
def test_what_is_sent_in_pieces_is_the_same(folder, limit):
    send(object.__new__(WorkerActor), DATASET, limit=limit)
    found = read_cache("synthetic")
    assert (found.fingerprint, found.source) == (DATASET.fingerprint, DATASET.source)
    assert {name: (array.dtype, array.shape) for name, array in found.arrays().items()} == {
        name: (array.dtype, array.shape) for name, array in DATASET.arrays().items()
    }
    assert list(folder.parent.iterdir()) == [folder]


def test_pieces_are_small():
    pieces = list(in_pieces(DATASET, limit=24))
    assert len(pieces) > 4
    assert all(rows.nbytes <= max(24, rows[:1].nbytes) for _, _, rows in pieces)


@pytest.mark.parametrize("source", ["official", "unverified", "embedded", "own", "synthetic"])
def test_the_source_is_kept_on_another_host(folder, source):
    sent = replace(DATASET, source=source)
    worker = object.__new__(WorkerActor)
    assert worker.lacks_data(sent.name, sent.fingerprint, sent.source)
    send(worker, sent)
    assert read_cache("synthetic").source == source
    assert not worker.lacks_data(sent.name, sent.fingerprint, sent.source)
    assert worker.lacks_data(sent.name, "0" * 64, sent.source)
    assert worker.lacks_data(sent.name, sent.fingerprint, "official" if source != "official" else "unverified")


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
