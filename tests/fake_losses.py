"""The losses in NumPy: each gives its mean over the batch and its gradient with respect to the logits."""

import numpy as np

from tests.fake_recurrent import sigmoid


def softmax_cross_entropy(logits, labels):
    """Logits of shape (batch, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, labels])
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return loss, gradient / len(labels)


def binary_cross_entropy(logits, labels):
    """One logit z an example, shape (batch, 1): log(1 + exp(z)) - z label, written so that nothing overflows."""
    labels = labels.astype(logits.dtype)[:, None]
    loss = np.mean(np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - logits * labels)
    return loss, (sigmoid(logits) - labels) / len(labels)


LOSSES = {"softmax_cross_entropy": softmax_cross_entropy, "binary_cross_entropy": binary_cross_entropy}
