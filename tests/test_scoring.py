"""`levelfield.scoring`: loss and number of correct answers from logits."""

import dataclasses

import numpy as np
import pytest

from levelfield import scoring, workloads

CLASSES = workloads.get("digits_cnn")
BINARY = workloads.get("imdb_lstm")


def test_loss_of_classes_survives_large_logits():
    logits, labels = np.array([[1000.0, 0.0], [0.0, 1000.0]], np.float32), np.array([0, 0])
    assert scoring.softmax_cross_entropy(logits, labels) == 500.0
    assert scoring.loss(CLASSES, logits, labels) == 500.0


def test_loss_of_one_logit_survives_large_logits():
    """Of label 1 it is log(1 + exp(-z)), of label 0 log(1 + exp(z))."""
    logits, labels = np.array([[1000.0], [-1000.0], [1000.0], [0.0]], np.float32), np.array([1, 1, 0, 0])
    assert scoring.loss(BINARY, logits, labels) == pytest.approx((0 + 1000 + 1000 + np.log(2)) / 4)


def test_one_logit_is_judged_by_its_sign():
    logits = np.array([[0.2], [-0.1], [3.0], [-5.0], [0.0]], np.float32)
    assert scoring.correct(BINARY, logits, np.array([1, 1, 0, 0, 0])) == 3
    assert scoring.correct(BINARY, logits, np.array([1, 0, 1, 0, 1])) == 4, "a logit of 0 is no yes"


def test_several_logits_are_judged_by_the_largest():
    logits = np.array([[0.2, 0.1], [-3.0, -2.0], [1.0, 5.0]], np.float32)
    assert scoring.correct(CLASSES, logits, np.array([0, 1, 0])) == 2


def test_what_an_example_is_taken_for():
    assert scoring.predicted(CLASSES, np.array([[0.2, 0.1], [-3.0, -2.0], [1.0, 5.0]], np.float32)).tolist() == [0, 1, 1]
    one = scoring.predicted(BINARY, np.array([[0.2], [-0.1], [0.0]], np.float32))
    assert (one.tolist(), one.dtype) == ([1, 0, 0], np.int64)


def test_one_logit_says_what_two_with_their_difference_say():
    rng = np.random.Generator(np.random.PCG64(12))
    one, labels = rng.standard_normal((50, 1)), rng.integers(0, 2, 50)
    two = np.concatenate([np.zeros_like(one), one], axis=1)
    two_classes = dataclasses.replace(CLASSES, classes=2)
    assert scoring.loss(BINARY, one, labels) == pytest.approx(scoring.loss(two_classes, two, labels), rel=1e-14)
    assert scoring.correct(BINARY, one, labels) == scoring.correct(two_classes, two, labels)
