"""The layers of a network as data: what each computes, the shape of its output and its parameters.

The canonical layout, which each service turns into its framework's own: an image is (height, width, channels), a sequence (time, features),
a convolution's kernel (height, width, in, out), a dense layer's (in, out); `Flatten` flattens in that order; the four gates of an LSTM
stand side by side in the last axis, in the order input, forget, cell, output.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Activation: TypeAlias = Literal["relu"] | None
Shape: TypeAlias = tuple[int, ...]


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

    name: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """(height, width, channels) to one vector, in this order."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A fully connected layer with bias, then the activation."""

    name: str
    units: int
    activation: Activation = None


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """In training, each element is 0 with probability ``rate`` and otherwise divided by 1 - rate (Srivastava et al. 2014, "inverted").

    ``per_sequence`` draws one mask for all time steps of a sequence (Gal and Ghahramani 2016), as Keras' recurrent layers do.
    """

    name: str
    rate: float
    per_sequence: bool = False


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A row of the table for each token: (time,) to (time, units)."""

    name: str
    vocabulary: int
    units: int


@dataclass(frozen=True, kw_only=True)
class LSTM:
    """A long short-term memory with one bias (Gers et al. 2000); its output is the last time step's hidden state."""

    name: str
    units: int


Layer: TypeAlias = Conv2D | MaxPool2D | Flatten | Dense | Dropout | Embedding | LSTM


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An array that learns. Its first values are uniform in ±``limit``; all zero where that is 0; ``ones`` of them are 1 instead."""

    shape: Shape
    limit: float = 0.0
    ones: slice | None = None


def output_shape(layer: Layer, source: Shape) -> Shape:
    """The shape of a layer's output for an input of shape ``source``, both without the batch."""
    match layer:
        case Conv2D():
            return (source[0] - layer.kernel + 1, source[1] - layer.kernel + 1, layer.filters)
        case MaxPool2D():
            return (source[0] // layer.size, source[1] // layer.size, source[2])
        case Flatten():
            return (int(np.prod(source)),)
        case Dense() | LSTM():
            return (layer.units,)
        case Embedding():
            return (*source, layer.units)
        case Dropout():
            return source


def mask_shape(layer: Dropout, source: Shape) -> Shape:
    """The shape of a dropout layer's mask for one example: that of its input, or one time step of it."""
    return (1, *source[1:]) if layer.per_sequence else source


def parameters(layer: Layer, source: Shape) -> Mapping[str, Parameter]:
    """A layer's parameters by their name within the layer, in the order in which their first values are drawn.

    Kernels are Glorot-uniform (Glorot and Bengio 2010, equation 16), embeddings uniform in ±0.05 and biases zero, but for the forget
    gate's, which are 1 (Jozefowicz et al. 2015): Keras' choices, except that its recurrent kernels are orthogonal, which would need a
    matrix decomposition that is not the same to the last bit on every machine.
    """
    match layer:
        case Conv2D():
            area = layer.kernel**2
            kernel = (layer.kernel, layer.kernel, source[2], layer.filters)
            return {"kernel": _glorot(kernel, area * source[2], area * layer.filters), "bias": Parameter(shape=(layer.filters,))}
        case Dense():
            return {"kernel": _glorot((source[0], layer.units), source[0], layer.units), "bias": Parameter(shape=(layer.units,))}
        case Embedding():
            return {"embeddings": Parameter(shape=(layer.vocabulary, layer.units), limit=0.05)}
        case LSTM(units=units):
            kernels = {
                name: _glorot((fan_in, 4 * units), fan_in, 4 * units)
                for name, fan_in in (("kernel", source[1]), ("recurrent_kernel", units))
            }
            return kernels | {"bias": Parameter(shape=(4 * units,), ones=slice(units, 2 * units))}
        case MaxPool2D() | Flatten() | Dropout():
            return {}


def _glorot(shape: Shape, fan_in: int, fan_out: int) -> Parameter:
    return Parameter(shape=shape, limit=float(np.sqrt(6.0 / (fan_in + fan_out))))
