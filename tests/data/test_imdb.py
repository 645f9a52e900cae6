"""Reviews to ids: words, vocabulary, padding, order; and what is refused."""

import numpy as np
import pytest

from levelfield import data
from levelfield.data import DataError, imdb
from levelfield.data.imdb import LENGTH, encode, tokenise, vocabulary
from tests.data.synthetic import below, tar, write

REVIEWS = {
    "train/neg/0_2.txt": b"Bad, bad film.",
    "train/neg/10_1.txt": b"The worst",
    "train/neg/9_3.txt": b"A bad end",
    "train/pos/0_9.txt": b"The best film",
    "train/pos/1_10.txt": "Très bon film".encode(),
    "train/pos/2_7.txt": b"",
    "test/neg/0_2.txt": b"bad<br /><br />unseen film",
    "test/neg/1_2.txt": b"",
    "test/neg/2_2.txt": b"",
    "test/pos/0_9.txt": b"best",
    "test/pos/1_9.txt": b"",
    "test/pos/2_9.txt": b"",
}


@pytest.fixture
def folder(files, monkeypatch):
    monkeypatch.setattr(imdb, "REVIEWS", 3)
    write(files / "aclImdb", REVIEWS | {"train/unsup/0_0.txt": b"film " * 50, "train/urls_pos.txt": b"", "README": b""})
    return files / "aclImdb"


def refused(match, cache):
    with pytest.raises(DataError, match=match):
        data.load("imdb")
    assert not (cache / "data").exists(), "something was cached"


def test_words():
    assert tokenise("It's a GREAT<br /><br />10/10 film -- isn't it?") == ["it's", "a", "great", "10", "10", "film", "isn't", "it"]
    assert tokenise("end<br />Next caf\u00e9 <b>x</b>") == ["end", "next", "caf", "b", "x", "b"]
    assert tokenise("<br /> ... !") == []


def test_the_vocabulary_is_by_frequency_then_by_the_alphabet():
    assert vocabulary([["b", "c", "b"], ["a", "c", "d"]]) == {"b": 3, "c": 4, "a": 5, "d": 6}


def test_the_vocabulary_ends_below_ten_thousand():
    ids = vocabulary([[f"w{number:05}" for number in range(12_000)]])
    assert len(ids) == 9_997
    assert max(ids.values()) == 9_999
    assert "w09996" in ids
    assert "w09997" not in ids


def test_short_reviews_are_padded_at_the_front_and_long_ones_keep_their_end():
    rows = encode([["a", "x", "b"], [], ["a"] * LENGTH, ["b", *["a"] * (LENGTH - 1)], ["a"] * (LENGTH - 1)], {"a": 3, "b": 4})
    assert rows.dtype == np.int32
    assert rows.shape == (5, 200)
    assert rows[0].tolist() == [0] * 196 + [1, 3, 2, 4]
    assert rows[1].tolist() == [0] * 199 + [1]
    assert rows[2].tolist() == [3] * 200, "the start is cut off first"
    assert rows[3].tolist() == [4] + [3] * 199
    assert rows[4].tolist() == [1] + [3] * 199


@pytest.mark.parametrize("packing", ["folder", "tar"])
def test_reviews_come_by_label_and_number(folder, files, packing):
    if packing == "tar":
        folder.rename(folder.with_name("away"))
        (files / "aclImdb.tar.xz").write_bytes(tar(below("aclImdb", dict(reversed(REVIEWS.items()))), "w:xz"))
    found = data.load("imdb")
    assert found.source == "unverified"
    assert found.y_train.tolist() == found.y_test.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.y_train.dtype == np.int64
    # film, bad: 3 times; the: 2; then a, best, bon, end, s, tr, worst (the alphabet)
    ids = {word: 3 + rank for rank, word in enumerate(["bad", "film", "the", "a", "best", "bon", "end", "s", "tr", "worst"])}
    expected = ["bad bad film", "a bad end", "the worst", "the best film", "tr s bon film", ""]
    for row, text in zip(found.x_train, expected, strict=True):
        assert row[row > 0].tolist() == [1, *(ids[word] for word in text.split())]
    assert found.x_test[0, -4:].tolist() == [1, ids["bad"], 2, ids["film"]]
    assert data.read_words("imdb") == tuple(ids)
    assert imdb.as_text(found.x_test[0], data.read_words("imdb")) == "bad \u00b7 film"


def test_a_missing_review_is_told(folder, cache):
    (folder / "test/pos/1_9.txt").unlink()
    refused(f"{folder}: 2 reviews in test/pos, expected 3", cache)


def test_a_review_too_many_is_told(folder, cache):
    (folder / "train/neg/77_1.txt").write_text("more")
    refused(f"{folder}: 4 reviews in train/neg, expected 3", cache)


def test_a_review_that_is_not_text_is_named(folder, cache):
    (folder / "train/pos/1_10.txt").write_bytes(b"ab\xff")
    refused(f"{folder}: train/pos/1_10.txt: not UTF-8 .* at byte 2", cache)
