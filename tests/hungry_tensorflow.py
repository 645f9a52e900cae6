"""TensorFlow's worker, which asks for more memory than there is."""

import tensorflow as tf

from services.tf_worker.worker import TensorFlowWorker


class Hungry(TensorFlowWorker):
    """In its first step."""

    def train_steps(self, n):
        tf.zeros([2**45, 2**3])
