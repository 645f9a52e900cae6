"""IMDB: 50,000 film reviews, half of them favourable (Maas et al. 2011), as sequences of token ids."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.data.base import DataError, Dataset, Source, from_arrays
from levelfield.data.sources.locate import OfficialFile, locate
from levelfield.data.sources.tree import read_tree

TITLE = "IMDB film reviews"
OFFICIAL = OfficialFile(
    name="aclImdb_v1.tar.gz",
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    size=84_125_825,
    checksum="md5:7c2ac02c03563afcf9b574c7e56c153a",
)
OTHERS = ("aclImdb", "aclImdb.tar.xz", "aclImdb.tar", "aclImdb_v1.tar.xz", "aclImdb_v1.tar")
REVIEWS = 12_500  # of each label in each split
LABELS = {"neg": 0, "pos": 1}
CLASS_NAMES = tuple(LABELS)
WANTED = re.compile(r"(?:train|test)/(?:neg|pos)/[0-9]+_[0-9]+\.txt")

VOCABULARY = 10_000
LENGTH = 200
PADDING, START, UNKNOWN, FIRST_WORD = 0, 1, 2, 3
BREAK = "<br />"
TOKEN = re.compile(r"[a-z0-9']+")


def prepare() -> Dataset:
    """25,000 training and 25,000 test reviews, int32 (n, 200); label 1 is favourable. By label, then by the number in the file's name.

    Ids below 10,000: 0 padding, 1 start of the review, 2 a word outside the vocabulary, then the training reviews' words from 3 on, the
    most frequent first. A short review is padded at the front, of a long one the last 200 ids are kept.
    Raises DataError where the files are missing or not right.
    """
    place = locate("imdb", OFFICIAL, OTHERS)
    files = read_tree(place.path, WANTED)
    texts = {split: _texts(place.path, split, files) for split in ("train", "test")}
    ids = vocabulary(map(tokenise, texts["train"]))
    arrays = {f"x_{split}": encode(map(tokenise, found), ids) for split, found in texts.items()}
    labels = np.repeat(np.array(list(LABELS.values()), np.int64), REVIEWS)
    source: Source = "official" if place.is_official else "unverified"
    return from_arrays("imdb", arrays | {"y_train": labels, "y_test": labels}, source, words=tuple(ids))


def as_text(example: NDArray[Any], words: Sequence[str]) -> str:
    """A review of ``LENGTH`` ids as its words, the most frequent of which is the first of ``words``; a dot stands for an unknown one.

    Where its beginning was cut off, three dots say so.
    """
    ids = [int(number) for number in example if number != PADDING]
    known = dict(enumerate(words, start=FIRST_WORD))
    text = " ".join(known.get(number, "\u00b7") for number in ids if number != START)
    return text if not ids or ids[0] == START else f"... {text}"


def _texts(where: Path, split: str, files: Mapping[str, bytes]) -> list[str]:
    found: list[str] = []
    for label in LABELS:
        names = sorted((name for name in files if name.startswith(f"{split}/{label}/")), key=_number)
        if len(names) != REVIEWS:
            raise DataError(f"{where}: {len(names)} reviews in {split}/{label}, expected {REVIEWS}")
        found += [_decoded(f"{where}: {name}", files[name]) for name in names]
    return found


def tokenise(text: str) -> list[str]:
    """Words in lower case: runs of a to z, digits and apostrophes, as Keras' tokenizer keeps them; any other character parts words."""
    return TOKEN.findall(text.lower().replace(BREAK, " "))


def vocabulary(reviews: Iterable[Iterable[str]]) -> dict[str, int]:
    """The id of each of the most frequent words; equally frequent ones in the order of the alphabet."""
    counts = Counter(word for review in reviews for word in review)
    words = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY - FIRST_WORD]
    return {word: FIRST_WORD + rank for rank, word in enumerate(words)}


def encode(reviews: Iterable[Iterable[str]], ids: Mapping[str, int]) -> NDArray[np.int32]:
    """Reviews as rows of ``LENGTH`` ids."""
    rows = []
    for review in reviews:
        kept = [START, *(ids.get(word, UNKNOWN) for word in review)][-LENGTH:]
        rows.append(np.array([PADDING] * (LENGTH - len(kept)) + kept, np.int32))
    return np.stack(rows)


def _number(name: str) -> tuple[int, str]:
    return int(name.rpartition("/")[2].partition("_")[0]), name


def _decoded(where: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 ({error.reason} at byte {error.start})") from error
