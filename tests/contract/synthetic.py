"""Small made-up data sets and weights for each workload."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield import workloads
from levelfield.data import Dataset, from_arrays
from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import Embedding

WORKLOAD = workloads.get("digits_cnn")  # that of all rules that do not name another
TRAIN_EXAMPLES, TEST_EXAMPLES = 100, 30
STEPS_PER_EPOCH, LAST_BATCH = 4, 4  # 32 + 32 + 32 + 4
SEED = 0
DTYPES = {"fp32": "float32", "fp64": "float64"}
TOKENS = 40  # different ones in the texts: few, so that a batch holds each of them many times


def make_dataset(workload: Workload = WORKLOAD, *, train_examples: int = TRAIN_EXAMPLES, test_examples: int = TEST_EXAMPLES) -> Dataset:
    """Random examples in the form of the workload's own; every class occurs, as far as there are enough."""
    rng = np.random.Generator(np.random.PCG64(7))
    arrays: dict[str, NDArray[Any]] = {}
    for part, examples in (("train", train_examples), ("test", test_examples)):
        arrays[f"x_{part}"] = _inputs(workload, examples, rng)
        arrays[f"y_{part}"] = rng.permutation(np.arange(examples) % workload.classes)
    return from_arrays("synthetic", arrays)


def _inputs(workload: Workload, examples: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = (examples, *workload.input_shape)
    match workload:
        case Workload(layers=(Embedding(vocabulary=vocabulary), *_)):
            tokens = rng.integers(0, TOKENS, shape) * (vocabulary // TOKENS)
            padding = np.arange(shape[1]) < rng.integers(0, shape[1] // 2, (examples, 1))
            return np.where(padding, 0, tokens).astype(np.int32)
        case Workload(input_scale=255.0):
            return rng.integers(0, 256, shape).astype(np.uint8)
        case Workload(input_shape=(_,)):
            return ((rng.random(shape) < 0.01) * rng.integers(1, 4, shape)).astype(np.float32)
        case _:
            return rng.random(shape).astype(np.float32)


def given_weights(precision: str, workload: Workload = WORKLOAD) -> Weights:
    """Initial weights of which none are constant, so that a worker that mixes up two biases is found out."""
    weights = {name: array.astype(DTYPES[precision]) for name, array in workload.initial_weights(SEED).items()}
    rng = np.random.Generator(np.random.PCG64(8))
    constant = {name for name, parameter in workload.parameters() if not parameter.limit}
    return {
        name: (array + rng.random(array.shape) * 0.2 - 0.1).astype(array.dtype) if name in constant else array
        for name, array in weights.items()
    }


DATASET = make_dataset()


@functools.cache
def dataset_of(workload: Workload) -> Dataset:
    """What a worker is given that is not given anything else: for networks larger than the digits' fewer examples."""
    return DATASET if workload.name == WORKLOAD.name else make_dataset(workload, train_examples=40, test_examples=12)
