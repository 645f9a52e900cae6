"""The layers of a network as data: what each computes, the shape of its output and its parameters.

The canonical layout, which each service turns into its framework's own: an image is (height, width, channels), a sequence (time, features),
a convolution's kernel (height, width, in, out), a dense layer's (in, out); `Flatten` flattens in that order; the four gates of an LSTM
stand side by side in the last axis, in the order input, forget, cell, output.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Activation: TypeAlias = Literal["relu"] | None
Initialiser: TypeAlias = Literal["glorot", "he_fan_out"]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Conv2D:
    """A convolution at every ``stride``-th pixel of the image with ``padding`` zeros on each side, plus the bias, then the activation."""

    name: str
    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True
    activation: Activation = None
    initialiser: Initialiser = "glorot"


@dataclass(frozen=True, kw_only=True)
class BatchNorm:
    """Each channel less its mean, divided by sqrt(variance + epsilon), times gamma, plus beta; then the activation.

    Source: Ioffe and Szegedy 2015, algorithm 1.

    In training, mean and variance are those of the batch over all its pixels, and the moving ones become momentum times themselves plus
    1 - momentum times the batch's; in inference the moving ones take their place. Every variance divides by the number n of the values, as
    in Keras: the paper and PyTorch divide by n - 1 for the moving one. In a gang each rank normalises its own part of a batch, and the
    moving mean and variance are the means of the ranks'. ``zero_init_gamma``: gamma does, so that a residual block whose body ends with it
    passes its input on at first (Goyal et al. 2017, section 5.1); otherwise gamma starts at 1.
    """

    name: str
    momentum: float = 0.9
    epsilon: float = 1e-5
    zero_init_gamma: bool = False
    activation: Activation = None


@dataclass(frozen=True, kw_only=True)
class MaxPool2D:
    """The maximum over windows of ``size`` by ``size``, ``stride`` pixels apart; they lie side by side where that is left out.

    A remainder at the edge is dropped. The image has ``padding`` more pixels on each side, which are never a maximum.
    """

    name: str
    size: int
    stride: int | None = None
    padding: int = 0


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePool2D:
    """The mean of each channel: (height, width, channels) to (channels,)."""

    name: str


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


Plain: TypeAlias = Conv2D | BatchNorm | MaxPool2D | GlobalAveragePool2D | Flatten | Dense | Dropout | Embedding | LSTM


@dataclass(frozen=True, kw_only=True)
class Residual:
    """A residual block (He et al. 2016): what ``body`` makes of its input plus what ``shortcut`` does, then ReLU; no shortcut passes it on.

    Raises ValueError where a dropout is inside, since a certificate checks what a dropout does against the layer before it in a row.
    """

    name: str
    body: tuple[Plain, ...]
    shortcut: tuple[Plain, ...] = ()

    def __post_init__(self) -> None:
        if any(isinstance(layer, Dropout) for layer in self.body + self.shortcut):
            raise ValueError(f"{self.name}: a residual block with a dropout inside")


Layer: TypeAlias = Plain | Residual


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An array that a layer keeps. Its first values are uniform in ±``limit``; all zero where that is 0; ``ones`` of them are 1 instead.

    ``trainable``: by gradient; the others are moving averages.
    """

    shape: Shape
    limit: float = 0.0
    ones: slice | None = None
    trainable: bool = True


def walk(layers: tuple[Layer, ...], source: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Each layer with the shape of its input and of its output, without the batch; those inside a residual block come before the block."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from walk(layer.body, source)
            yield from walk(layer.shortcut, source)
        output = output_shape(layer, source)
        yield layer, source, output
        source = output


def output_shape(layer: Layer, source: Shape) -> Shape:
    """The shape of a layer's output for an input of shape ``source``, both without the batch."""
    shape = source
    match layer:
        case Conv2D():
            shape = (*_windows(source, layer.kernel, layer.stride, layer.padding), layer.filters)
        case MaxPool2D():
            shape = (*_windows(source, layer.size, layer.stride or layer.size, layer.padding), source[2])
        case GlobalAveragePool2D():
            shape = source[2:]
        case Flatten():
            shape = (int(np.prod(source)),)
        case Dense() | LSTM():
            shape = (layer.units,)
        case Embedding():
            shape = (*source, layer.units)
        case Residual():
            for inner in layer.body:
                shape = output_shape(inner, shape)
        case Dropout() | BatchNorm():
            pass
    return shape


def _windows(source: Shape, size: int, stride: int, padding: int) -> Shape:
    """How many windows an image has in its height and its width."""
    return tuple((side + 2 * padding - size) // stride + 1 for side in source[:2])


def mask_shape(layer: Dropout, source: Shape) -> Shape:
    """The shape of a dropout layer's mask for one example: that of its input, or one time step of it."""
    return (1, *source[1:]) if layer.per_sequence else source


def parameters(layer: Layer, source: Shape) -> Mapping[str, Parameter]:
    """A layer's parameters by their name within the layer, in the order in which their first values are drawn.

    Kernels are Glorot-uniform (Glorot and Bengio 2010, equation 16) or, as "he_fan_out", uniform with the variance 2 / fan out of He et al.
    (2015, equation 14), embeddings uniform in ±0.05 and biases zero, but for the forget gate's, which are 1 (Jozefowicz et al. 2015), as
    Keras does, except that its recurrent kernels are orthogonal: that would need a matrix decomposition that is not the same to the last
    bit on every machine.
    """
    match layer:
        case Conv2D():
            draw = {"glorot": _glorot, "he_fan_out": _he_fan_out}[layer.initialiser]
            kernel = {"kernel": draw((layer.kernel, layer.kernel, source[2], layer.filters))}
            return kernel | {"bias": Parameter(shape=(layer.filters,))} if layer.bias else kernel
        case BatchNorm():
            channels = source[-1:]
            ones = None if layer.zero_init_gamma else slice(None)
            learned = {"gamma": Parameter(shape=channels, ones=ones), "beta": Parameter(shape=channels)}
            mean = Parameter(shape=channels, trainable=False)
            return learned | {"moving_mean": mean, "moving_variance": Parameter(shape=channels, ones=slice(None), trainable=False)}
        case Dense():
            return {"kernel": _glorot((source[0], layer.units)), "bias": Parameter(shape=(layer.units,))}
        case Embedding():
            return {"embeddings": Parameter(shape=(layer.vocabulary, layer.units), limit=0.05)}
        case LSTM(units=units):
            kernels = {"kernel": _glorot((source[1], 4 * units)), "recurrent_kernel": _glorot((units, 4 * units))}
            return kernels | {"bias": Parameter(shape=(4 * units,), ones=slice(units, 2 * units))}
        case MaxPool2D() | GlobalAveragePool2D() | Flatten() | Dropout() | Residual():
            return {}


def _glorot(shape: Shape) -> Parameter:
    return Parameter(shape=shape, limit=float(np.sqrt(6.0 / sum(_fans(shape)))))


def _he_fan_out(shape: Shape) -> Parameter:
    return Parameter(shape=shape, limit=float(np.sqrt(6.0 / _fans(shape)[1])))


def _fans(shape: Shape) -> tuple[int, int]:
    """How many inputs a unit of a kernel (..., in, out) has, and how many units an input goes to."""
    area = int(np.prod(shape[:-2]))
    return area * shape[-2], area * shape[-1]
