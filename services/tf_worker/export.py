"""Arrays between the canonical layout and Keras', which is the same one: only the names have to be matched."""

from collections.abc import Iterator, Mapping, Sequence

import keras
import tensorflow as tf
from numpy.typing import NDArray

from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import LSTM, Dropout, parameters
from services.tf_worker.layers import all_layers


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
    found = ((name, by_variable.get(id(variable))) for name, variable in _variables(network, workload))
    return {name: read_array(gradient) for name, gradient in found if gradient is not None}


def read_outputs(workload: Workload, outputs: Mapping[str, tf.Tensor]) -> dict[str, NDArray]:
    """The output of each of the workload's layers; Keras has more, for padding."""
    return {name: read_array(outputs[name]) for name in workload.layer_names()}


def read_array(tensor: tf.Tensor) -> NDArray:
    """A copy; NumPy has no bfloat16."""
    return (tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor).numpy().copy()


def _variables(network: keras.Model, workload: Workload) -> Iterator[tuple[str, keras.Variable]]:
    modules = {module.name: module for module in all_layers(network.layers)}
    for layer, source, _ in workload.shapes():
        if names := parameters(layer, source):
            module = modules[layer.name]
            holder = module.cell if isinstance(layer, LSTM) else module
            yield from ((f"{layer.name}/{name}", getattr(holder, name)) for name in names)
