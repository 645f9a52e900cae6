"""Weights between the canonical layout and Keras', which is the same one: only the names have to be matched."""

from collections.abc import Iterator

import keras

from levelfield.workloads.base import Conv2D, Dense, Weights, Workload


def load_weights(network: keras.Model, workload: Workload, weights: Weights) -> None:
    """Copy canonical weights into the network's variables."""
    for name, variable in _variables(network, workload):
        variable.assign(weights[name])


def read_weights(network: keras.Model, workload: Workload) -> Weights:
    """The network's variables in the canonical layout, as copies."""
    return {name: variable.numpy().copy() for name, variable in _variables(network, workload)}


def _variables(network: keras.Model, workload: Workload) -> Iterator[tuple[str, keras.Variable]]:
    for layer in workload.layers:
        if isinstance(layer, Conv2D | Dense):
            module = network.get_layer(layer.name)
            yield f"{layer.name}/kernel", module.kernel
            yield f"{layer.name}/bias", module.bias
