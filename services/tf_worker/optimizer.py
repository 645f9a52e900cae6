"""The workload's optimizers by Keras' own classes."""

import keras

from levelfield.gang import Gang
from levelfield.workloads.base import SGD, Optimizer
from services.tf_worker import gang as ranks


def make_optimizer(of: Optimizer, learning_rate: float | None, gang: Gang) -> keras.optimizers.Optimizer:
    """``learning_rate`` takes the place of the workload's."""
    kinds, rate = (keras.optimizers if gang.size == 1 else ranks), learning_rate or of.learning_rate
    if isinstance(of, SGD):
        return kinds.SGD(learning_rate=rate, momentum=of.momentum)
    return kinds.Adam(learning_rate=rate, beta_1=of.beta_1, beta_2=of.beta_2, epsilon=of.epsilon)


def make_usual_optimizer(of: Optimizer, learning_rate: float | None) -> keras.optimizers.Optimizer:
    """Keras' own of that kind as it comes, but for the learning rate and, of SGD, the momentum."""
    rate = learning_rate or of.learning_rate
    if isinstance(of, SGD):
        return keras.optimizers.SGD(learning_rate=rate, momentum=of.momentum)
    return keras.optimizers.Adam(learning_rate=rate)
