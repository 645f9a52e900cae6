"""A workload as data: network, hyper-parameters and initial weights, without any framework.

Weights are in one canonical layout, which each service turns into its framework's own: a convolution's kernel is (height, width, in, out),
a dense layer's (in, out), an image (height, width, channels), and `Flatten` flattens in that order.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Weights: TypeAlias = dict[str, NDArray[np.floating[Any]]]
Activation: TypeAlias = Literal["relu"] | None


@dataclass(frozen=True, kw_only=True)
class Conv2D:
    """A convolution with bias, stride 1, without padding ("valid"), then the activation."""

    name: str
    filters: int
    kernel: int
    activation: Activation = None


@dataclass(frozen=True, kw_only=True)
class MaxPool2D:
    """The maximum over windows of ``size`` by ``size``, which do not overlap; a remainder at the edge is dropped."""

    size: int


@dataclass(frozen=True)
class Flatten:
    """(height, width, channels) to one vector, in this order."""


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A fully connected layer with bias, then the activation."""

    name: str
    units: int
    activation: Activation = None


Layer: TypeAlias = Conv2D | MaxPool2D | Flatten | Dense


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
    """A training task. The loss is the mean softmax cross-entropy over the batch; the last layer's outputs are logits.

    ``block_steps`` is how many steps lie between two looks at the clock. ``target_accuracy`` is what "trained" means for time to target.
    """

    name: str
    title: str
    dataset: str
    input_shape: tuple[int, ...]
    classes: int
    layers: tuple[Layer, ...]
    optimizer: Adam
    batch_size: int
    epochs: int
    block_steps: int
    target_accuracy: float

    def shapes(self) -> Iterator[tuple[Layer, tuple[int, ...], tuple[int, ...]]]:
        """Each layer with the shape of its input and of its output, without the batch."""
        shape = self.input_shape
        for layer in self.layers:
            output = _output_shape(layer, shape)
            yield layer, shape, output
            shape = output

    def initial_weights(self, seed: int) -> Weights:
        """Glorot-uniform kernels and zero biases (Glorot and Bengio 2010, equation 16), as float64: a run rounds them to its precision.

        Uniform numbers need no transcendental function, so they are the same to the last bit on every machine.
        """
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
        weights: Weights = {}
        for layer, source, _ in self.shapes():
            if isinstance(layer, Conv2D | Dense):
                shape, fan_in, fan_out = _kernel_shape(layer, source)
                limit = np.sqrt(6.0 / (fan_in + fan_out))
                weights[f"{layer.name}/kernel"] = limit * (2.0 * rng.random(shape) - 1.0)
                weights[f"{layer.name}/bias"] = np.zeros(shape[-1])
        return weights


def _output_shape(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    match layer:
        case Conv2D():
            return (shape[0] - layer.kernel + 1, shape[1] - layer.kernel + 1, layer.filters)
        case MaxPool2D():
            return (shape[0] // layer.size, shape[1] // layer.size, shape[2])
        case Flatten():
            return (int(np.prod(shape)),)
        case Dense():
            return (layer.units,)


def _kernel_shape(layer: Conv2D | Dense, source: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    if isinstance(layer, Dense):
        return (source[0], layer.units), source[0], layer.units
    area = layer.kernel**2
    return (layer.kernel, layer.kernel, source[2], layer.filters), area * source[2], area * layer.filters


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
