"""The real data sets, from the development files: they are what the workloads were made for."""

import numpy as np
import pytest

from levelfield import data
from levelfield.data.base import ARRAYS

EXPECTED = {
    "cifar10": {"x_train": ((50_000, 32, 32, 3), np.uint8), "x_test": ((10_000, 32, 32, 3), np.uint8)},
    "imdb": {"x_train": ((25_000, 200), np.int32), "x_test": ((25_000, 200), np.int32)},
    "newsgroups": {"x_train": ((1_079, 10_000), np.float32), "x_test": ((717, 10_000), np.float32)},
}
BALANCE = {
    "cifar10": ([5_000] * 10, [1_000] * 10),
    "imdb": ([12_500] * 2, [12_500] * 2),
    "newsgroups": ([480, 599], [319, 398]),
}


@pytest.fixture(params=EXPECTED)
def dataset(request, real_data, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_CACHE", str(real_data))
    monkeypatch.setenv("LEVELFIELD_DATA", "/nonexistent")  # from the cache alone
    return data.load(request.param)


def test_shapes_types_and_balance(dataset):
    for name, (shape, dtype) in EXPECTED[dataset.name].items():
        assert (getattr(dataset, name).shape, getattr(dataset, name).dtype) == (shape, dtype)
    for labels, counts in zip((dataset.y_train, dataset.y_test), BALANCE[dataset.name], strict=True):
        assert labels.dtype == np.int64
        assert np.bincount(labels).tolist() == counts


def test_it_is_memory_mapped_and_says_that_it_is_not_the_official_one(dataset):
    assert dataset.source == "unverified"
    for name in ARRAYS:
        assert isinstance(getattr(dataset, name), np.memmap)
        assert not getattr(dataset, name).flags.writeable


def test_the_photographs_are_photographs(real_data, monkeypatch):
    """The means of the colours that everybody normalises with; neighbouring pixels resemble each other, in both directions."""
    monkeypatch.setenv("LEVELFIELD_CACHE", str(real_data))
    images = data.load("cifar10").x_train[::10].astype(np.float64) / 255
    assert np.allclose(images.mean((0, 1, 2)), [0.4914, 0.4822, 0.4465], atol=0.005)
    for axis in (1, 2):
        assert np.abs(np.diff(images, axis=axis)).mean() < 0.08, "the mean of any two pixels is about 0.28"


def test_the_ids_are_within_the_vocabulary_and_used(real_data, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_CACHE", str(real_data))
    reviews = data.load("imdb").x_train
    counts = np.bincount(reviews.ravel(), minlength=10_000)
    assert len(counts) == 10_000
    assert counts[3] == counts[3:].max(), "the first word, 'the', is the most frequent"
    assert ((reviews == 1).sum(1) <= 1).all()
    first = reviews[np.arange(len(reviews)), (reviews != 0).argmax(1)]
    assert (first[reviews[:, 0] == 0] == 1).all(), "a padded review begins with its start"


def test_the_words_of_the_posts_are_counted(real_data, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_CACHE", str(real_data))
    posts = data.load("newsgroups")
    assert np.array_equal(posts.x_train, np.round(posts.x_train))
    assert posts.x_train.sum(0).min() >= 2, "each of the 10,000 most frequent words occurs at least twice in these posts"
    assert (posts.x_test.sum(1) > 0).all()
