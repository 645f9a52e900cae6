"""Arrays between the canonical layout and Keras', which is the same one: only the names have to be matched."""

from collections.abc import Iterator, Mapping, Sequence

import keras
import tensorflow as tf
from numpy.typing import NDArray

from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import LSTM, Dropout, parameters


def load_weights(network: keras.Model, workload: Workload, weights: Weights) -> None:
    """Copy canonical weights into the network's variables."""
    for name, variable in _variables(network, workload):
        variable.assign(weights[name])


def set_dropout(network: keras.Model, workload: Workload) -> None:
    """Take over the workload's rates: the parity certificate turns dropout off by them."""
    for layer in workload.layers:
        if isinstance(layer, Dropout):
            network.get_layer(layer.name).rate = layer.rate


def read_weights(network: keras.Model, workload: Workload) -> Weights:
    """The network's variables in the canonical layout, as copies."""
    return {name: variable.numpy().copy() for name, variable in _variables(network, workload)}


def read_gradients(network: keras.Model, workload: Workload, gradients: Sequence[tf.Tensor]) -> Weights:
    """The gradients, given in the order of ``network.trainable_variables``, by canonical name."""
    by_variable = {id(v): g for v, g in zip(network.trainable_variables, gradients, strict=True)}
    return {name: read_array(by_variable[id(variable)]) for name, variable in _variables(network, workload)}


def read_outputs(outputs: Mapping[str, tf.Tensor]) -> dict[str, NDArray]:
    """Each layer's output."""
    return {name: read_array(output) for name, output in outputs.items()}


def read_array(tensor: tf.Tensor) -> NDArray:
    """A copy; NumPy has no bfloat16."""
    return (tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor).numpy().copy()


def _variables(network: keras.Model, workload: Workload) -> Iterator[tuple[str, keras.Variable]]:
    for layer, source, _ in workload.shapes():
        if names := parameters(layer, source):
            module = network.get_layer(layer.name)
            holder = module.cell if isinstance(layer, LSTM) else module
            yield from ((f"{layer.name}/{name}", getattr(holder, name)) for name in names)
