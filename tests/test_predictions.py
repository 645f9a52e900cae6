"""`levelfield.predictions`: nothing is lost in packing, and what is not whole is refused."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

from levelfield.predictions import Predictions

LABELS = np.array([0, 1, 2, 0, 1, 2])
FOUND = np.array([0, 1, 1, 2, 1, 2])
SIX = Predictions.pack(FOUND, LABELS, 3)


def random_classes(classes, examples, accuracy):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, classes, examples)
    return np.where(rng.random(examples) < accuracy, labels, rng.integers(0, classes, examples)), labels


@pytest.mark.parametrize("classes", [2, 3, 10, 128, 129, 1000])
def test_classes_and_their_correctness_come_back(classes):
    found, labels = random_classes(classes, 5000, 0.6)
    packed = Predictions.pack(found, labels, classes)
    assert (packed.classes, packed.examples) == (classes, 5000)
    assert np.array_equal(packed.predicted(), found)
    assert np.array_equal(packed.correct(), found == labels)


def test_codes_tell_right_from_wrong():
    assert SIX.codes().tolist() == [0, 1, 1 + 3, 2 + 3, 1, 2]


def test_ten_thousand_examples_take_few_bytes():
    """Of 10 classes, at an accuracy of 70%, the entropy is 4.1 bits an example."""
    assert len(Predictions.pack(*random_classes(10, 10_000, 0.67), 10).packed) < 5500


def test_dictionaries_can_be_json():
    again = Predictions.from_dict(json.loads(json.dumps(SIX.to_dict())))
    assert again == SIX
    assert again.predicted().tolist() == FOUND.tolist()


@pytest.mark.parametrize(
    ("found", "labels"), [([0, 3], [0, 1]), ([0, 1], [0, 3]), ([0, -1], [0, 1]), ([0], [0, 1])], ids=["found", "label", "negative", "shape"]
)
def test_what_is_no_class_is_not_packed(found, labels):
    with pytest.raises(ValueError, match="two classes below 3 for each example"):
        Predictions.pack(np.array(found), np.array(labels), 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"examples": 5},
        {"examples": 7},
        {"classes": 2},
        {"classes": 1000, "packed": zlib.compress(b"odd")},
        {"packed": SIX.packed[:-1]},
        {"packed": b"no zlib"},
    ],
    ids=["fewer", "more", "of fewer classes", "half a number", "cut off", "garbage"],
)
def test_what_is_not_whole_is_not_read(changes):
    broken = replace(SIX, **changes)
    for read in (broken.codes, broken.predicted, broken.correct):
        with pytest.raises(ValueError, match=r"predictions (of|cannot be read)"):
            read()
