"""The test examples themselves: shown where they are those of the runs, and the reason where not."""

import numpy as np
import pytest

from levelfield import data
from levelfield.data import from_arrays, write_cache
from levelfield.report import examples
from levelfield.report.examples import NotHereError, find_examples


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_CACHE", str(tmp_path))
    return tmp_path / "data"


def put(name, x, words=()):
    y = np.arange(len(x)) % 2
    dataset = from_arrays(name, {"x_train": x[:1], "y_train": y[:1], "x_test": x, "y_test": y}, words=words)
    write_cache(dataset)
    return dataset.fingerprint


def reason(*asked):
    with pytest.raises(NotHereError) as found:
        find_examples(*asked)
    return str(found.value)


def test_pictures_are_bytes(cache):
    x = np.linspace(0, 1, 3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8, 1)
    found = find_examples("digits_cnn", {put("digits", x)}, 3)
    assert found.are_images
    assert isinstance(found.x, np.memmap)
    assert found.y.tolist() == [0, 1, 0]
    picture = found.picture(2)
    assert (picture.dtype, picture.shape, picture.max()) == (np.uint8, (8, 8, 1), 255)
    colours = np.full((2, 32, 32, 3), 7, np.uint8)
    assert (find_examples("cifar10_cnn", {put("cifar10", colours)}, 2).picture(1) == 7).all()


def test_texts_are_words(cache):
    x = np.zeros((2, 200), np.int32)
    x[0, -4:] = 1, 3, 2, 4
    x[1] = 4
    found = find_examples("imdb_lstm", {put("imdb", x, ("good", "<b>film</b>"))}, 2)
    assert not found.are_images
    assert found.text(0) == "good \u00b7 <b>film</b>"
    assert found.text(1).startswith("... <b>film</b> <b>film</b>")


def test_counts_of_words_are_words_with_counts(cache):
    x = np.array([[0, 3, 1], [0, 0, 0]], np.float32)
    found = find_examples("newsgroups_mlp", {put("newsgroups", x, ("a", "b", "c"))}, 2)
    assert found.text(0) == "b \u00d73, c"
    assert found.text(1) == ""
    many = np.ones((1, 100), np.float32)
    assert data.as_text("newsgroups", many[0], tuple(map(str, range(100)))).endswith("58, 59, and 40 more")


def test_a_cache_from_before_words_were_kept_has_no_words(cache):
    fingerprint = put("imdb", np.full((2, 200), 5, np.int32))
    assert find_examples("imdb_lstm", {fingerprint}, 2).text(0) is None


def test_words_are_added_to_arrays_that_are_there_already(cache):
    x = np.full((2, 200), 3, np.int32)
    fingerprint = put("imdb", x)
    mapped = data.read_cache("imdb")
    assert put("imdb", x, ("good",)) == fingerprint, "words are no part of the fingerprint"
    assert data.read_words("imdb") == ("good",)
    assert data.read_cache("imdb").fingerprint == mapped.fingerprint
    assert [path.name for path in cache.iterdir()] == ["imdb"]


@pytest.mark.parametrize("content", ["", "{}", "[", '{"a": 1}'])
def test_damaged_words_are_no_words(cache, content):
    put("imdb", np.full((2, 200), 3, np.int32), ("good",))
    (cache / "imdb" / "words.json").write_text(content)
    assert data.read_words("imdb") == ()


def test_why_there_is_nothing_to_show(cache):
    digits = np.zeros((4, 8, 8, 1), np.float32)
    assert (
        reason("gone_workload", {"a"}, 4) == "this version of Levelfield does not know the workload gone_workload, so not its data either"
    )
    assert "`levelfield data fetch digits` puts it there" in reason("digits_cnn", {"a"}, 4)
    fingerprint = put("digits", digits)
    assert "in this machine's cache is not that of the runs" in reason("digits_cnn", {"0" * 64}, 4)
    assert "is not that of the runs" in reason("digits_cnn", {fingerprint}, 5)
    for unclear in ({fingerprint, "0" * 64}, {fingerprint, None}, {None}, set()):
        assert "not all judged on the same data" in reason("digits_cnn", unclear, 4)
    (cache / "digits" / "x_test.npy").write_bytes(b"short")
    assert "cannot be read" in reason("digits_cnn", {fingerprint}, 4)


def test_looking_at_examples_reads_nothing_else(cache, monkeypatch):
    """A user's own images are gigabytes: to hash them would take minutes."""
    fingerprint = put("digits", np.zeros((4, 8, 8, 1), np.float32))
    monkeypatch.setattr("levelfield.data.base.fingerprint", lambda arrays: pytest.fail("all of it was read"))
    assert find_examples("digits_cnn", {fingerprint}, 4).picture(0).shape == (8, 8, 1)


def test_classes_have_names_where_they_officially_do():
    assert examples.class_names("cifar10_cnn")[3] == "cat"
    assert examples.class_names("digits_cnn") == tuple("0123456789")
    assert examples.class_names("imdb_lstm") == ("neg", "pos")
    assert examples.class_names("newsgroups_mlp") == ("alt.atheism", "soc.religion.christian")
    assert examples.class_names("resnet50") == ()
    assert examples.class_names("gone_workload") == ()
