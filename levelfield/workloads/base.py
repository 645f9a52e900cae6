"""A workload as data: network, hyper-parameters and initial weights, without any framework."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from levelfield.workloads.layers import Embedding, Layer, Parameter, Shape, output_shape, parameters

Weights: TypeAlias = dict[str, NDArray[np.floating[Any]]]
Loss: TypeAlias = Literal["softmax_cross_entropy", "binary_cross_entropy"]


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam as Kingma and Ba (2015) write it at the end of section 2, with "epsilon hat"; t counts from 1:

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)

    Keras computes this form. PyTorch adds its epsilon after the bias correction, so that equal epsilons are not equal equations.
    The betas are numbers that float32 holds exactly, because Keras rounds them to float32 in the bias correction, even in float64.
    """

    learning_rate: float = 1e-3
    beta_1: float = float(np.float32(0.9))
    beta_2: float = float(np.float32(0.999))
    epsilon: float = 1e-7


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A training task. The loss is the mean over the batch; the last layer's outputs are logits: one a class, or one in all if binary.

    ``input_scale``: inputs that are not tokens are divided by it, in the precision of the run, before the first layer. ``block_steps`` is
    how many steps lie between two looks at the clock: a quarter to half of a second's on two cores. ``target_accuracy`` is what "trained"
    means for time to target. ``parity_seed``: with it rounding grows slowly in fp32, so that a certificate can tell much
    (bench/fp32_divergence.py).
    """

    name: str
    title: str
    dataset: str
    input_shape: Shape
    input_scale: float = 1.0
    classes: int
    layers: tuple[Layer, ...]
    loss: Loss = "softmax_cross_entropy"
    optimizer: Adam
    batch_size: int
    epochs: int
    block_steps: int
    target_accuracy: float
    parity_seed: int = 0

    @property
    def takes_tokens(self) -> bool:
        """Whether the inputs are integers that name rows of a table."""
        return isinstance(self.layers[0], Embedding)

    @property
    def outputs(self) -> int:
        """The number of logits of an example."""
        return 1 if self.loss == "binary_cross_entropy" else self.classes

    def shapes(self) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Each layer with the shape of its input and of its output, without the batch."""
        source = self.input_shape
        for layer in self.layers:
            output = output_shape(layer, source)
            yield layer, source, output
            source = output

    def initial_weights(self, seed: int) -> Weights:
        """The first values of every parameter, by ``layer/parameter``, as float64: a run rounds them to its precision.

        Uniform numbers need no transcendental function, so they are the same to the last bit on every machine.
        """
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
        weights: Weights = {}
        for layer, source, _ in self.shapes():
            for name, parameter in parameters(layer, source).items():
                weights[f"{layer.name}/{name}"] = _first_values(parameter, rng)
        return weights


def _first_values(parameter: Parameter, rng: np.random.Generator) -> NDArray[np.float64]:
    if not parameter.limit:
        values = np.zeros(parameter.shape)
        values[parameter.ones or slice(0)] = 1.0
        return values
    return parameter.limit * (2.0 * rng.random(parameter.shape) - 1.0)


def batch_order(seed: int, epoch: int, examples: int) -> NDArray[np.int64]:
    """The order of the training examples in an epoch (counted from 0): a permutation, shape (examples,), that only its arguments decide."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 1, epoch])))
    return rng.permutation(examples)


def fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.data)
    return digest.hexdigest()
