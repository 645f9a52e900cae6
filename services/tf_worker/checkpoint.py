"""What a run needs to go on after a loss, as TensorFlow stores it: all variables of network and optimizer, random states among them."""

from pathlib import Path

import keras
import tensorflow as tf

PREFIX = "state"


def save_state(folder: Path, network: keras.Model, optimizer: keras.Optimizer) -> None:
    """Write all of it to files in ``folder``."""
    _checkpoint(network, optimizer).write(str(folder / PREFIX))


def restore_state(folder: Path, network: keras.Model, optimizer: keras.Optimizer) -> None:
    """Take it up again. Raises AssertionError where something of it is missing."""
    _checkpoint(network, optimizer).read(str(folder / PREFIX)).assert_consumed()


def _checkpoint(network: keras.Model, optimizer: keras.Optimizer) -> tf.train.Checkpoint:
    """A network's variables include the states that its dropout layers draw from."""
    return tf.train.Checkpoint(network=[one.value for one in network.variables], optimizer=[one.value for one in optimizer.variables])
