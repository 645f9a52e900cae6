"""Judges logits: the same arithmetic for every framework, in float64."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.workloads.base import Workload


def loss(workload: Workload, logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The workload's loss, the mean over the examples. ``logits`` has shape (examples, outputs), ``labels`` (examples,)."""
    if workload.loss == "binary_cross_entropy":
        return binary_cross_entropy(logits, labels)
    return softmax_cross_entropy(logits, labels)


def correct(workload: Workload, logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> int:
    """How many examples are taken for their label."""
    return int((predicted(workload, logits) == labels).sum())


def predicted(workload: Workload, logits: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """What each example is taken for: the class of its largest logit or, where there is one alone, 1 where that is above 0."""
    found = logits[:, 0] > 0 if workload.loss == "binary_cross_entropy" else logits.argmax(axis=1)
    return found.astype(np.int64)


def softmax_cross_entropy(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The mean of log(sum(exp(logits))) - logits[label]."""
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(values).sum(axis=1)) - values[np.arange(len(labels)), labels]))


def binary_cross_entropy(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The mean of log(1 + exp(-z)) for label 1 and log(1 + exp(z)) for label 0, of the only logit z."""
    values = logits[:, 0].astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, np.where(labels == 1, -values, values))))
