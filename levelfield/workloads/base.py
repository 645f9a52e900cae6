"""A workload as data: network, hyper-parameters and initial weights, without any framework."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from levelfield.workloads.layers import BatchNorm, Dropout, Embedding, Layer, Parameter, Shape, parameters, walk

Weights: TypeAlias = dict[str, NDArray[np.floating[Any]]]
PREDICT_BATCH, PREDICT_ELEMENTS = 1_000, 10_000_000
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
class SGD:
    """Gradient descent with momentum (Polyak 1964): v = momentum v + g;  w = w - lr v.

    PyTorch keeps v, Keras -lr v: one equation as long as the learning rate stays what it is. The momentum is a number that float32 holds
    exactly, because Keras rounds it, even in float64.
    """

    learning_rate: float
    momentum: float = float(np.float32(0.9))


Optimizer: TypeAlias = Adam | SGD


@dataclass(frozen=True, kw_only=True)
class Small:
    """What a network is certified at that is too large for it at full size: fewer pixels and a smaller batch, all layers as they are.

    Where so few values share a mean, one ReLU that flips by rounding moves a gradient by a good part of it: so in fp32 the same certificate
    shows the first step in fp64, too.
    """

    input_shape: Shape
    batch_size: int
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A training task. The loss is the mean over the batch; the last layer's outputs are logits: one a class, or one in all if binary.

    ``input_scale``: inputs that are not tokens are divided by it, in the precision of the run, before the first layer. ``block_steps`` is
    how many steps lie between two looks at the clock: a quarter to half of a second's on two cores; ``gpu_block_steps`` the same on a GPU.
    ``target_accuracy`` is what "trained" means for time to target. ``parity_seed``: with it rounding grows slowly in fp32, so that a
    certificate can tell much (bench/fp32_divergence.py). ``small``: what it is certified at, where that is not its own size.
    """

    name: str
    title: str
    dataset: str
    input_shape: Shape
    input_scale: float = 1.0
    classes: int
    layers: tuple[Layer, ...]
    loss: Loss = "softmax_cross_entropy"
    optimizer: Optimizer
    batch_size: int
    epochs: int
    block_steps: int
    gpu_block_steps: int = 100
    target_accuracy: float
    parity_seed: int = 0
    small: Small | None = None

    @property
    def takes_tokens(self) -> bool:
        """Whether the inputs are integers that name rows of a table."""
        return isinstance(self.layers[0], Embedding)

    @property
    def outputs(self) -> int:
        """The number of logits of an example."""
        return 1 if self.loss == "binary_cross_entropy" else self.classes

    @property
    def predict_batch(self) -> int:
        """How many examples are predicted at a time, so that they fit beside a training step: a thousand, of large images fewer."""
        return max(1, min(PREDICT_BATCH, PREDICT_ELEMENTS // int(np.prod(self.input_shape))))

    @property
    def has_batch_norm(self) -> bool:
        """Whether what becomes of an example depends on the others that are computed with it: then ranks are not one worker in parts."""
        return any(isinstance(layer, BatchNorm) for layer, _, _ in self.shapes())

    def shapes(self) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Each layer with the shape of its input and of its output, without the batch, in the order of `layers.walk`."""
        return walk(self.layers, self.input_shape)

    def layer_names(self) -> list[str]:
        """The names of all layers, in the order of `shapes`."""
        return [layer.name for layer, _, _ in self.shapes()]

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter by its name ``layer/parameter``."""
        for layer, source, _ in self.shapes():
            for name, parameter in parameters(layer, source).items():
                yield f"{layer.name}/{name}", parameter

    def initial_weights(self, seed: int) -> Weights:
        """The first values of every parameter, by ``layer/parameter``, as float64: a run rounds them to its precision.

        Uniform numbers need no transcendental function, so they are the same to the last bit on every machine.
        """
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
        return {name: _first_values(parameter, rng) for name, parameter in self.parameters()}

    def without_dropout(self) -> Self:
        """The same network with every rate of dropout at 0: layers that drop nothing."""
        layers = tuple(replace(layer, rate=0.0) if isinstance(layer, Dropout) else layer for layer in self.layers)
        return replace(self, layers=layers)

    def to_certify(self) -> Self:
        """The workload at the size at which it is certified."""
        if self.small is None:
            return self
        optimizer = replace(self.optimizer, learning_rate=self.small.learning_rate)
        return replace(self, input_shape=self.small.input_shape, batch_size=self.small.batch_size, optimizer=optimizer)


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
