"""Posts to counts of words: which words, in which order; and what is refused."""

import os
import sys

import numpy as np
import pytest

from levelfield import data
from levelfield.data import DataError, newsgroups
from tests.data.synthetic import below, tar, write

POSTS = {
    "20news-bydate-train/alt.atheism/100": b"Subject: zebra zebra zebra\n\nhello hello the the the the",
    "20news-bydate-train/alt.atheism/99": b"yellow yellow",
    "20news-bydate-train/soc.religion.christian/5": "caf\xe9 xylo apple".encode("latin-1"),
    "20news-bydate-test/alt.atheism/7": b"zebra unseen",
    "20news-bydate-test/soc.religion.christian/8": b"apple apple",
}


@pytest.fixture
def folder(files, monkeypatch):
    monkeypatch.setattr(newsgroups, "CATEGORIES", {"alt.atheism": (2, 1), "soc.religion.christian": (1, 1)})
    monkeypatch.setattr(newsgroups, "WORDS", 5)
    write(files / "20news", POSTS | {"20news-bydate-train/sci.space/1": b"moon " * 9})
    return files / "20news"


def refused(match, cache):
    with pytest.raises(DataError, match=match):
        data.load("newsgroups")
    assert not (cache / "data").exists(), "something was cached"


@pytest.mark.parametrize("packing", ["folder", "two folders", "tar"])
def test_the_most_frequent_words_are_counted_in_the_order_of_the_alphabet(folder, files, packing):
    if packing == "two folders":
        for split in ("20news-bydate-train", "20news-bydate-test"):
            (folder / split).rename(files / split)
        folder.rename(folder.with_name("away"))
    if packing == "tar":
        folder.rename(folder.with_name("away"))
        (files / "20news.tar.xz").write_bytes(tar(below("20news", POSTS), "w:xz"))
    found = data.load("newsgroups")
    # zebra 3; hello, yellow 2; apple, caf\xe9, subject, xylo once: the first of them in the alphabet are kept, and "the" is a stop word.
    apple, cafe, hello, yellow, zebra = range(5)
    expected = np.zeros((3, 5), np.float32)
    expected[0, yellow] = 2  # post 99 comes before post 100
    expected[1, [hello, zebra]] = 2, 3
    expected[2, [apple, cafe]] = 1
    assert found.x_train.dtype == np.float32
    assert np.array_equal(found.x_train, expected)
    assert np.array_equal(found.x_test, [[0, 0, 0, 0, 1], [2, 0, 0, 0, 0]])
    assert data.read_words("newsgroups") == ("apple", "caf\xe9", "hello", "yellow", "zebra")
    assert newsgroups.as_text(found.x_train[1], data.read_words("newsgroups")) == "zebra \u00d73, hello \u00d72"
    assert found.y_train.tolist() == [0, 0, 1]
    assert found.y_test.tolist() == [0, 1]
    assert found.y_train.dtype == np.int64
    assert found.source == "unverified"


def test_a_missing_post_is_told(folder, cache):
    (folder / "20news-bydate-train/alt.atheism/99").unlink()
    refused(f"{folder}: 1 posts in 20news-bydate-train/alt.atheism, expected 2", cache)


def test_a_missing_split_is_told(folder, files, cache):
    (folder / "20news-bydate-train").rename(files / "20news-bydate-train")
    folder.rename(folder.with_name("away"))
    refused(f"{files}/20news-bydate-test cannot be read", cache)


def test_too_few_words_are_told(folder, cache, monkeypatch):
    monkeypatch.setattr(newsgroups, "WORDS", 50)
    refused(f"{folder}: 7 different words, expected at least 50", cache)


@pytest.mark.parametrize("name", ["newsgroups", "digits"])
def test_without_scikit_learn_the_message_says_where_to_fetch(folder, cache, monkeypatch, name):
    for module in [module for module in sys.modules if module.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=f"{name} is made with scikit-learn, .* run `levelfield data fetch {name}`"):
        data.load(name)


def test_importing_scikit_learn_leaves_the_environment_as_it_was(folder, monkeypatch):
    for variable in ("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"):  # those that it sets
        monkeypatch.delenv(variable, raising=False)
    for module in [module for module in sys.modules if module.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    before = dict(os.environ)
    data.load("newsgroups")
    assert dict(os.environ) == before
