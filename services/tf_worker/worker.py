"""The TensorFlow worker of the tracks ``matched`` and ``tuned``: Keras layers and optimizer, a training step of its own."""

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from levelfield.blocks import block_steps
from levelfield.data import Dataset
from levelfield.gang import ALONE, Gang
from levelfield.spec import RunSpec
from levelfield.worker import Drawn, Masks, Trace
from levelfield.workloads.base import Weights, Workload
from services.tf_worker import gang as ranks
from services.tf_worker.checkpoint import restore_state, save_state
from services.tf_worker.describe import describe_network, describe_optimizer
from services.tf_worker.device import DEVICES, FLOATX, choose_device, describe_device, on_device, peak_memory
from services.tf_worker.export import load_weights, read_gradients, read_outputs, read_weights, set_dropout
from services.tf_worker.optimizer import make_optimizer
from services.tf_worker.tracing import run_layers


class TensorFlowWorker:
    """The batches are gathered on the device from the arrays that `load` brought there."""

    gang, exchanging = ALONE, True

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        self.device = choose_device(spec, threads=threads)
        self.mode, self.precision = spec.mode, spec.precision
        self.dtype = tf.as_dtype(FLOATX[spec.precision])
        self.tuned = spec.track == "tuned"

    def join(self, gang: Gang) -> None:
        self.gang, self.strategy = gang, ranks.join(gang, self.device)

    def exchange(self, *, on: bool) -> None:
        self.exchanging = self.optimizer.exchanging = on

    def load(self, dataset: Dataset) -> None:
        with self._place():
            self.x_train, self.x_test = (on_device(array, self.device) for array in (dataset.x_train, dataset.x_test))
            self.y_train = tf.constant(dataset.y_train, tf.int64)

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.batch_size = spec.batch_size or workload.batch_size
        self.loops_in_graph = self.tuned and self.gang.size == 1  # a strategy updates variables in no loop of a graph
        self.steps_per_call = block_steps(workload, spec.device) if self.loops_in_graph and self.mode != "eager" else 1
        with self._place():
            self.network = importlib.import_module(f"{__package__}.{workload.name}").network()
            load_weights(self.network, workload, weights)
            set_dropout(self.network, workload)
            ranks.draw_apart(self.network, self.gang)
            self.optimizer = make_optimizer(workload.optimizer, spec.learning_rate, self.gang)
            self.optimizer.build(self.network.trainable_variables)
        self.train_step, self.traced_step = (self._compiled(self._on_ranks(step)) for step in (self._train_step, self._traced_step))
        self.train_step_alone = self._compiled(self._on_ranks(self._train_step))  # traced while nothing is exchanged
        self.infer, self.sum_losses = self._compiled(self._infer), self._compiled(self._on_ranks(self._sum))
        self.average_buffers = self._compiled(self._on_ranks(lambda: ranks.average_buffers(self.network, self.gang)))
        # One graph for any number of steps: a block's and the few that a burst discards.
        self.train_many = self._compiled(self._train_many, [tf.TensorSpec([None, self.batch_size], tf.int64)])
        self._losses: list[tf.Tensor | list[tf.Tensor]] = []  # of each call: a row of numbers, or one by one

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        full = len(order) // self.batch_size * self.batch_size
        with self._place():
            self.full = self._batches(order[:full])
            self.rest = [self._part(order[full:])] if full < len(order) else []
        self.next_batch = 0

    def train_steps(self, n: int) -> None:
        first, end = self.next_batch, self.next_batch + n
        full = len(self.full)
        if end > full + len(self.rest):
            raise IndexError("train_steps() went past the end of the epoch")
        self.next_batch = end
        with self._place():
            if self.loops_in_graph and first < full:  # a loop in the graph: Python is left once for all steps of the usual shape
                self._losses.append(self.train_many(self.full[first:end]))
            singly = [*([] if self.loops_in_graph else self.full[first:end]), *(self.rest if first <= full < end else [])]
            if singly:
                step = self.train_step if self.exchanging else self.train_step_alone
                self._losses.append([step(*part) for part in singly])

    def synchronize(self) -> None:
        if not self._losses:
            return
        if self.gang.size > 1:  # where TensorFlow cannot be asked to wait; a copy from the device comes after all that it was given before
            self.network.trainable_variables[-1].numpy()
        else:
            tf.test.experimental.sync_devices()

    def losses(self) -> NDArray[np.float64]:
        stacked = [tf.stack(losses) if isinstance(losses, list) else losses for losses in self._losses]
        values = [(losses if self.gang.size == 1 else self.sum_losses(losses)).numpy() for losses in stacked]
        self._losses = []
        return np.concatenate(values).astype(np.float64) if values else np.empty(0)

    def device_ns(self) -> int | None:
        return None  # TensorFlow has no public way to put an event in its stream

    def trace(self, index: NDArray[np.int64], masks: Masks | Drawn | None) -> Trace:
        with self._place():
            kept = {name: tf.constant(self.gang.rows(mask)) for name, mask in masks.items()} if isinstance(masks, Mapping) else masks
            loss, outputs, gradients = self.traced_step(kept, *self._part(index))
        return Trace(
            loss=float(loss.numpy()),
            outputs=read_outputs(self.workload, outputs),
            gradients=read_gradients(self.network, self.workload, gradients),
            parameters=self.weights(),
        )

    def predict(self) -> NDArray[np.floating[Any]]:
        self._average_buffers()
        with self._place():
            own, each = self.x_test[self.gang.share(len(self.x_test))], self.workload.predict_batch
            parts = [self.infer(own[at : at + each]) for at in range(0, len(own), each)]
            return tf.concat(parts, axis=0).numpy()

    def save(self, folder: Path) -> None:
        save_state(folder, self.network, self.optimizer)

    def restore(self, folder: Path) -> None:
        with self._place():
            restore_state(folder, self.network, self.optimizer)

    def weights(self) -> Weights:
        self._average_buffers()
        return read_weights(self.network, self.workload)

    def memory(self) -> dict[str, int]:
        return peak_memory(self.device)

    def describe(self) -> dict[str, Any]:
        scale = self.workload.input_scale
        return {
            **describe_device(self.device),
            **describe_network(self.network),
            **describe_optimizer(self.optimizer),
            "mode": self.mode,
            "precision": self.precision,
            "initialiser": "the workload's",
            "bias_initialiser": "the workload's",
            "loss": self.workload.loss,
            "batch_size": self.batch_size,
            "last_batch": "smaller, kept",
            "layout": "channels last" if len(self.workload.input_shape) == 3 else "no images",
            "data_held": f"{_held(self.device)} as {self.x_train.dtype.name}",
            "input_pipeline": "whole data set on the device, each batch gathered from it by index",
            "preprocessing": f"divided by {scale:g} in the step" if scale != 1 else "none",
            "steps_per_call": self.steps_per_call,
        }

    def _place(self) -> AbstractContextManager[Any]:
        """Where tensors and variables are made: on the device, or by the strategy of a gang, which has devices of its own names."""
        return tf.device(self.device) if self.gang.size == 1 else self.strategy.scope()

    def _average_buffers(self) -> None:
        if self.gang.size > 1 and self.workload.has_batch_norm:
            self.average_buffers()

    def _on_ranks(self, function: Any) -> Any:
        """``function`` as every rank does it; a process has one replica."""
        return function if self.gang.size == 1 else lambda *words: self.strategy.run(function, args=words)

    def _batches(self, order: NDArray[np.int64]) -> tf.Tensor | list[tuple[tf.Tensor, ...]]:
        """What steps on full batches take: a row for each in a tensor, or one by one; cutting them out of one takes longer."""
        if self.gang.size > 1:
            return [self._part(batch) for batch in order.reshape(-1, self.batch_size)]
        rows = tf.constant(order.reshape(-1, self.batch_size))
        return rows if self.loops_in_graph else [(row,) for row in tf.unstack(rows)]

    def _part(self, batch: NDArray[np.int64]) -> tuple[tf.Tensor, ...]:
        """What a step on a batch takes: the own examples and, where there are others, what they weigh."""
        own, weight = self.gang.part(batch)
        return (tf.constant(own),) if self.gang.size == 1 else (tf.constant(own), tf.constant(weight, self.dtype))

    def _compiled(self, function: Any, signature: list[tf.TensorSpec] | None = None) -> Any:
        if self.mode == "eager":
            return function
        # Without relaxed shapes every new batch size would trace the function again; XLA compiles each shape for itself.
        xla = self.mode == "xla"
        return tf.function(function, input_signature=signature, jit_compile=xla, reduce_retracing=not xla, autograph=False)

    def _inputs(self, x: tf.Tensor) -> tf.Tensor:
        """Examples as they are stored, (batch, ...), to what the first layer takes."""
        if self.workload.takes_tokens:
            return tf.cast(x, tf.int64)
        x = tf.cast(x, self.dtype)
        return x / self.workload.input_scale if self.workload.input_scale != 1 else x

    def _train_step(self, index: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
        """A step on the own examples of a batch, which are that share of it; what they add to the loss of the batch."""
        with tf.GradientTape() as tape:
            logits = self.network(self._inputs(tf.gather(self.x_train, index)), training=True)
            loss = _weighted(self._loss(logits, tf.gather(self.y_train, index)), weight)
        self._update(tape, loss)
        return loss

    def _train_many(self, indices: tf.Tensor) -> tf.Tensor:
        """A step for each row of ``indices``, one after the other; their losses."""
        return tf.map_fn(self._train_step, indices, fn_output_signature=self.dtype, parallel_iterations=1)

    def _traced_step(
        self, masks: dict[str, tf.Tensor] | Drawn | None, index: tf.Tensor, weight: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]:
        """`_train_step` layer by layer; dropout by the given masks, by its own, or off."""
        with tf.GradientTape() as tape:
            outputs: dict[str, tf.Tensor] = {}
            x = run_layers(self.network.layers, self._inputs(tf.gather(self.x_train, index)), masks, outputs)
            loss = _weighted(self._loss(x, tf.gather(self.y_train, index)), weight)
        gradients = self._update(tape, loss)
        return ranks.sum_over_ranks(loss, self.gang), outputs, ranks.sum_over_ranks(gradients, self.gang)

    def _loss(self, logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(logits, self.dtype)
        if self.workload.loss == "binary_cross_entropy":
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y, self.dtype), logits[:, 0]))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

    def _update(self, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        variables = self.network.trainable_variables
        # Dense, so that a word which a batch holds twice counts once: Keras' Adam squares the rows of IndexedSlices before it sums them.
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        self.optimizer.apply(gradients, variables)
        return gradients

    def _sum(self, losses: tf.Tensor) -> tf.Tensor:
        return ranks.sum_over_ranks(tf.identity(losses), self.gang)  # made on the replica's device, which is where the sum shall be

    def _infer(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.network(self._inputs(x), training=False), self.dtype)


def _weighted(mean: tf.Tensor, weight: tf.Tensor | None) -> tf.Tensor:
    return mean if weight is None else mean * weight


def _held(device: str) -> str:
    return "mapped from the cache" if device == DEVICES["cpu"] else "copied to the device"
