"""20 newsgroups, the split by date (Lang 1995): posts on atheism and on Christianity, as counts of words."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.data.base import DataError, Dataset, Source, from_arrays, platform_packages
from levelfield.data.sources.locate import OfficialFile, locate
from levelfield.data.sources.tree import read_tree

TITLE = "20 newsgroups, two of them"
OFFICIAL = OfficialFile(
    name="20news-bydate.tar.gz",
    url="https://ndownloader.figshare.com/files/5975967",
    size=14_464_277,
    checksum="sha256:8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610",
)
TRAIN, TEST = "20news-bydate-train", "20news-bydate-test"
OTHERS = ("20news", "20news-bydate", TRAIN, "20news.tar.xz", "20news.tar", "20news-bydate.tar.xz", "20news-bydate.tar")
# Category, which is the label by its place: posts in training and in test.
CATEGORIES = {"alt.atheism": (480, 319), "soc.religion.christian": (599, 398)}
WANTED = re.compile(rf"20news-bydate-(?:train|test)/(?:{'|'.join(map(re.escape, CATEGORIES))})/[0-9]+")
WORDS = 10_000
CLASS_NAMES = tuple(CATEGORIES)
SHOWN = 60  # words of a post


def prepare() -> Dataset:
    """1,079 training and 717 test posts, float32 (n, 10000): how often each word occurs. By category, then by the number of the post.

    The words are the most frequent of the training posts, without scikit-learn's English stop words, in the order of the alphabet; of
    equally frequent ones the first. Headers and quotations are kept, as `fetch_20newsgroups` does.
    Raises DataError where scikit-learn is missing or the files are missing or not right.
    """
    with platform_packages("newsgroups", "scikit-learn"):
        from sklearn.feature_extraction.text import CountVectorizer
    place = locate("newsgroups", OFFICIAL, OTHERS)
    files = read_tree(place.path, WANTED)
    if place.path.name == TRAIN:  # the two splits lie beside each other, without a folder of their own
        files |= read_tree(place.path.with_name(TEST), WANTED)
    posts = {split: _posts(place.path, split, files) for split in ("train", "test")}
    every = CountVectorizer(stop_words="english")
    counts = every.fit_transform(posts["train"])
    # `max_features` would leave equally frequent words to an unstable sort, whose order depends on the processor.
    chosen = np.sort(np.argsort(-np.asarray(counts.sum(axis=0)).ravel(), kind="stable")[:WORDS])
    arrays = {
        "x_train": counts[:, chosen].toarray().astype(np.float32),
        "x_test": every.transform(posts["test"])[:, chosen].toarray().astype(np.float32),
    }
    arrays |= {f"y_{split}": np.repeat(np.arange(len(CATEGORIES), dtype=np.int64), list(_expected(split).values())) for split in posts}
    if arrays["x_train"].shape[1] != WORDS:
        raise DataError(f"{place.path}: {arrays['x_train'].shape[1]} different words, expected at least {WORDS}")
    source: Source = "official" if place.is_official else "unverified"
    return from_arrays("newsgroups", arrays, source, words=tuple(map(str, every.get_feature_names_out()[chosen])))


def as_text(example: NDArray[Any], words: Sequence[str]) -> str:
    """A post as its words with their counts, the most frequent first and at most ``SHOWN``: their order in the post is not kept."""
    used = [int(at) for at in np.argsort(-example, kind="stable") if example[at] > 0]
    named = [(words[at] if at < len(words) else "\u00b7", int(example[at])) for at in used[:SHOWN]]
    told = ", ".join(f"{word} \u00d7{count}" if count > 1 else word for word, count in named)
    return f"{told}, and {len(used) - SHOWN} more" if len(used) > SHOWN else told


def _posts(where: Path, split: str, files: Mapping[str, bytes]) -> list[str]:
    found: list[str] = []
    for category, expected in _expected(split).items():
        names = [name for name in files if name.startswith(f"20news-bydate-{split}/{category}/")]
        if len(names) != expected:
            raise DataError(f"{where}: {len(names)} posts in 20news-bydate-{split}/{category}, expected {expected}")
        found += [files[name].decode("latin-1") for name in sorted(names, key=lambda name: int(name.rpartition("/")[2]))]
    return found


def _expected(split: str) -> dict[str, int]:
    return {category: counts[split == "test"] for category, counts in CATEGORIES.items()}
