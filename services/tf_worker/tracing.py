"""A network run layer by layer, so that what each gives can be seen."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from levelfield.worker import DRAWN, Drawn
from services.tf_worker.layers import Residual


def run_layers(
    layers: Sequence[keras.layers.Layer], x: tf.Tensor, masks: dict[str, tf.Tensor] | Drawn | None, outputs: dict[str, tf.Tensor]
) -> tf.Tensor:
    """What layers make of ``x``; each one's output goes into ``outputs``. Dropout by the given masks, by its own, or off."""
    for layer in layers:
        if isinstance(layer, Residual):
            x = layer.joined(run_layers(layer.body, x, masks, outputs), run_layers(layer.shortcut, x, masks, outputs))
        elif isinstance(layer, keras.layers.Dropout) and masks != DRAWN:
            x = _masked(layer, x, masks)
        else:
            x = layer(x, training=True)
        outputs[layer.name.removesuffix("_relu")] = x
    return x


def _masked(dropout: keras.layers.Dropout, x: tf.Tensor, masks: dict[str, tf.Tensor] | None) -> tf.Tensor:
    return x if masks is None else x * tf.cast(masks[dropout.name], x.dtype) / (1.0 - dropout.rate)
