"""The workloads as plain TensorFlow training; what is shared with the worker, and why, stands in `bench.bare`.

Both tracks train in a `tf.function` over the indices of a batch, with the data as tensors on the device. In ``matched`` Python calls it
once a step, in ``tuned`` the graph loops over many batches; `Choices.steps_per_call` sets another number. The step is the same one: Keras'
layers see to layout and precision.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.bare import Choices

Step = Callable[[tf.Tensor], tf.Tensor]


def cifar10(bare: "Bare") -> Step:
    """The step on the images ``index``, shape (batch,); its loss."""
    network, optimizer, x, y, variables = bare.network, bare.optimizer, bare.x, bare.y, bare.network.trainable_variables

    def step(index: tf.Tensor) -> tf.Tensor:
        images = tf.gather(x, index)
        if not bare.prepared:
            images = tf.cast(images, bare.dtype) / 255
        with tf.GradientTape() as tape:
            logits = tf.cast(network(images, training=True), bare.dtype)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(y, index), logits))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return step


def imdb(bare: "Bare") -> Step:
    """The step on the texts ``index``, shape (batch,); its loss. The labels are floats already."""
    network, optimizer, x, y, variables = bare.network, bare.optimizer, bare.x, bare.y, bare.network.trainable_variables

    def step(index: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = tf.cast(network(tf.cast(tf.gather(x, index), tf.int64), training=True), bare.dtype)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.gather(y, index), logits[:, 0]))
        # Dense, as the equation demands it: Keras' Adam squares the rows of IndexedSlices before it sums them.
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)], variables)
        return loss

    return step


STEPS = {"cifar10_cnn": cifar10, "imdb_lstm": imdb}


class Bare:
    """What a step has in hand. ``rows`` are the indices of the epoch's batches, shape (steps, batch)."""

    def __init__(self, worker: Any, choices: Choices) -> None:
        """Raises ValueError where the worker's step is not a plain graph: that is not the loop's to change."""
        if worker.mode != "graph":
            raise ValueError("the bare TensorFlow loop is a graph that XLA does not compile")
        self.network, self.optimizer, self.dtype, self.batch_size = worker.network, worker.optimizer, worker.dtype, worker.batch_size
        self.prepared = choices.prepared and not worker.workload.takes_tokens
        self._device, self._at = worker.device, 0
        self._steps_per_call = choices.steps_per_call or (None if worker.tuned else 1)
        with tf.device(self._device):
            self.x = tf.cast(worker.x_train, self.dtype) / 255 if self.prepared else worker.x_train
            binary = worker.workload.loss == "binary_cross_entropy"
            self.y = tf.cast(worker.y_train, self.dtype) if binary else worker.y_train
        self._step = self._compiled(STEPS[worker.workload.name](self))
        self.losses: list[tf.Tensor] = []
        self.rows: Any = ()

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        """What does not fill a batch is left out."""
        rows = order[: len(order) // self.batch_size * self.batch_size].reshape(-1, self.batch_size)
        with tf.device(self._device):
            self.rows, self._at = tf.constant(rows), 0
            if self._steps_per_call == 1:
                self.rows = tf.unstack(self.rows)  # cutting them out one at a time takes longer

    def train(self, n: int) -> None:
        """Epoch after epoch, in a new order each."""
        self.losses = []
        with tf.device(self._device):
            while n:
                if self._at == len(self.rows):
                    self.begin_epoch(np.random.default_rng().permutation(len(self.x)))
                count = min(n, len(self.rows) - self._at, self._steps_per_call or n)
                rows = self.rows[self._at] if self._steps_per_call == 1 else self.rows[self._at : self._at + count]
                self.losses.append(self._step(rows))
                self._at, n = self._at + count, n - count

    def synchronize(self) -> None:
        """The losses alone would not do: the last update comes after the last of them."""
        tf.test.experimental.sync_devices()

    def _compiled(self, step: Step) -> Callable[[tf.Tensor], tf.Tensor]:
        if self._steps_per_call == 1:
            return tf.function(step, input_signature=[tf.TensorSpec([self.batch_size], tf.int64)])

        @tf.function(input_signature=[tf.TensorSpec([None, self.batch_size], tf.int64)])
        def steps(rows: tf.Tensor) -> tf.Tensor:
            losses = tf.TensorArray(self.dtype, tf.shape(rows)[0])
            for at in tf.range(tf.shape(rows)[0]):
                losses = losses.write(at, step(rows[at]))
            return losses.stack()

        return steps
