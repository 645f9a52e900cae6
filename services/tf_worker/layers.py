"""Layers that Keras has no class for."""

from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf


class Residual(keras.layers.Layer):
    """What ``body`` makes of its input plus what ``shortcut`` does, then ReLU; a shortcut without layers passes it on."""

    def __init__(self, body: Sequence[keras.layers.Layer], shortcut: Sequence[keras.layers.Layer], *, name: str) -> None:
        super().__init__(name=name)
        self.body, self.shortcut = list(body), list(shortcut)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables of all layers inside."""
        for layers in (self.body, self.shortcut):
            shape = input_shape
            for layer in layers:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        self.built = True

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the body."""
        for layer in self.body:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:  # noqa: FBT001 - Keras' signature
        """(batch, height, width, channels) to such a shape."""
        return self.joined(_through(self.body, x, training=training), _through(self.shortcut, x, training=training))

    def joined(self, body: tf.Tensor, shortcut: tf.Tensor) -> tf.Tensor:
        """The sum after its ReLU; apart from the call, so that a certificate can lay open what is inside the block."""
        return tf.nn.relu(body + shortcut)


def all_layers(layers: Sequence[keras.layers.Layer]) -> Iterator[keras.layers.Layer]:
    """All layers, also those inside residual blocks."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from all_layers(layer.body)
            yield from all_layers(layer.shortcut)
        yield layer


def _through(layers: Sequence[keras.layers.Layer], x: tf.Tensor, *, training: bool | None) -> tf.Tensor:
    for layer in layers:
        x = layer(x, training=training)
    return x
