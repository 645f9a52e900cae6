"""What a network and an optimizer of Keras say of themselves, read from the objects."""

from typing import Any

import keras

from services.tf_worker.layers import all_layers


def describe_network(network: keras.Model) -> dict[str, Any]:
    """Size, types and the layers whose form differs between frameworks."""
    variables, layers = network.trainable_variables, list(all_layers(network.layers))
    return {
        "parameter_dtype": str(variables[0].dtype),
        "parameters": int(sum(int(v.shape.num_elements()) for v in variables)),
        "dropout": [form for layer in layers if (form := _dropout(layer))],
        "batch_norm": list(dict.fromkeys(_batch_norm(layer) for layer in layers if isinstance(layer, keras.layers.BatchNormalization))),
        "recurrent": [_lstm(layer) for layer in layers if isinstance(layer, keras.layers.LSTM)],
    }


def describe_optimizer(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Equation and hyper-parameters. Keras' Adam adds its epsilon before the bias correction."""
    if isinstance(optimizer, keras.optimizers.SGD):
        own = {"momentum": float(f"{optimizer.momentum:.6g}"), "nesterov": bool(optimizer.nesterov)}
    else:
        own = {"betas": [float(optimizer.beta_1), float(optimizer.beta_2)], "epsilon": f"{optimizer.epsilon} before the bias correction"}
    return {
        "optimizer": type(optimizer).__name__,
        "learning_rate": float(str(optimizer.learning_rate.numpy())),  # 0.001, not float32's nearest number to it
        **own,
        "weight_decay": float(optimizer.weight_decay or 0.0),
        "optimizer_kernel": "one parameter after the other",
    }


def describe_initialisers(network: keras.Model) -> dict[str, str]:
    """What the layers draw their first values from."""
    kernels = _initialisers(network, "kernel_initializer", "recurrent_initializer", "embeddings_initializer")
    forget = ", 1 in the forget gate" if any(getattr(layer, "unit_forget_bias", False) for layer in network.layers) else ""
    return {"initialiser": f"Keras' own ({kernels})", "bias_initialiser": f"{_initialisers(network, 'bias_initializer')}{forget}"}


def _initialisers(network: keras.Model, *names: str) -> str:
    found = [getattr(layer, name) for layer in network.layers for name in names if hasattr(layer, name)]
    return ", ".join(dict.fromkeys(type(initializer).__name__ for initializer in found))


def _dropout(layer: keras.layers.Layer) -> str | None:
    if isinstance(layer, keras.layers.SpatialDropout1D):
        return f"rate {layer.rate}, one draw per sequence"
    if isinstance(layer, keras.layers.Dropout):
        return f"rate {layer.rate}, one draw per element"
    if isinstance(layer, keras.layers.LSTM) and layer.dropout:
        return f"rate {layer.dropout}, one draw per sequence"
    return None


def _batch_norm(layer: keras.layers.BatchNormalization) -> str:
    return f"momentum {layer.momentum:g}, epsilon {layer.epsilon:g}, moving variance divided by n, each worker by its own examples"


def _lstm(layer: keras.layers.LSTM) -> str:
    return f"LSTM {layer.units}, 1 learning bias per gate, recurrent dropout {layer.recurrent_dropout:g}"
