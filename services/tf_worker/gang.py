"""Ranks that train one network together: `MultiWorkerMirroredStrategy`, over NCCL between GPUs and a ring between CPUs."""

import json
import os
from functools import cache

import keras
import tensorflow as tf

from levelfield.gang import Gang, seed_of


@cache
def join(gang: Gang, device: str) -> tf.distribute.Strategy:
    """Meet the other ranks; waits for them. A process does it once: its workers one after the other are the same rank."""
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": gang.peers}, "task": {"type": "worker", "index": gang.rank}})
    way = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(implementation=way.RING if "CPU" in device else way.NCCL)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


class _Exchanges:
    """An optimizer of Keras', which sums the gradients over the ranks, but not while ``exchanging`` is off."""

    exchanging = True

    def _all_reduce_sum_gradients(self, grads_and_vars: list[tuple[tf.Tensor, tf.Variable]]) -> list[tuple[tf.Tensor, tf.Variable]]:
        return super()._all_reduce_sum_gradients(grads_and_vars) if self.exchanging else grads_and_vars


class Adam(_Exchanges, keras.optimizers.Adam):
    """Keras' own, as a rank of a gang takes it."""


class SGD(_Exchanges, keras.optimizers.SGD):
    """Keras' own, as a rank of a gang takes it."""


def average_buffers(network: keras.Model, gang: Gang) -> None:
    """Let every rank keep the mean of the ranks' moving averages; called by all of them, where the strategy runs a function."""
    moving = [variable for variable in network.non_trainable_variables if variable.dtype.startswith("float")]
    means = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, [tf.identity(one.value) for one in moving])
    for variable, total in zip(moving, means, strict=True):
        variable.assign(total / gang.size)


def draw_apart(network: keras.Model, gang: Gang) -> None:
    """Let each rank's dropout layers draw from seeds of their own: the strategy has given all ranks those of the first."""
    for layer in network.layers:
        if gang.rank and isinstance(layer, keras.layers.Dropout):
            state = layer.seed_generator.state
            state.assign([seed_of(int(state.numpy()[0]), gang.rank), 0])


def sum_over_ranks(values: tf.Tensor | list[tf.Tensor], gang: Gang) -> tf.Tensor | list[tf.Tensor]:
    """The sum of all ranks' ``values``; called where the strategy runs a function."""
    return values if gang.size == 1 else tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
