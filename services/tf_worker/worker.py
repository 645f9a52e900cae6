"""The TensorFlow worker: Keras layers and optimizer, and a training step of its own under ``tf.function``."""

import importlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it once, at import
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

import keras
import tensorflow as tf

from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.workloads.base import Weights, Workload
from services.tf_worker.export import load_weights, read_weights

FLOATX = {"fp32": "float32", "fp64": "float64"}
DEVICES = {"cpu": "/CPU:0", "cuda": "/GPU:0"}
PREDICT_BATCH = 1000


class TensorFlowWorker:
    """Trains in the ``matched`` track: the batches are gathered on the device from the arrays that `load` brought there."""

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        self.mode, self.precision, self.device = spec.mode, spec.precision, DEVICES[spec.device]
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        gpus = tf.config.list_physical_devices("GPU")
        if spec.device == "cuda" and not gpus:
            raise RuntimeError("device is cuda, but TensorFlow finds no usable NVIDIA GPU on this node")
        if spec.device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)  # otherwise TensorFlow takes the whole card at once
        # TF32 keeps 10 of float32's 23 mantissa bits: not what "fp32" promises.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        keras.utils.set_random_seed(spec.seed)
        keras.config.set_floatx(FLOATX[spec.precision])
        # Keras keeps the policy of the first layer ever made in a process, whatever floatx becomes later.
        keras.config.set_dtype_policy(FLOATX[spec.precision])
        self.dtype = tf.as_dtype(FLOATX[spec.precision])

    def load(self, dataset: Dataset) -> None:
        with tf.device(self.device):
            self.x_train = tf.constant(dataset.x_train, self.dtype)
            self.x_test = tf.constant(dataset.x_test, self.dtype)
            self.y_train = tf.constant(dataset.y_train, tf.int64)

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.batch_size = spec.batch_size or workload.batch_size
        adam = workload.optimizer
        with tf.device(self.device):
            self.network = importlib.import_module(f"{__package__}.{workload.name}").network()
            load_weights(self.network, workload, weights)
            self.optimizer = keras.optimizers.Adam(
                learning_rate=spec.learning_rate or adam.learning_rate, beta_1=adam.beta_1, beta_2=adam.beta_2, epsilon=adam.epsilon
            )
            self.optimizer.build(self.network.trainable_variables)
        self.train_step = self._compiled(self._train_step)
        self.infer = self._compiled(self._infer)
        self._losses: list[tf.Tensor] = []

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        ends = range(self.batch_size, len(order), self.batch_size)
        with tf.device(self.device):
            self.batches = iter([tf.constant(part) for part in np.split(order, ends)])

    def train_steps(self, n: int) -> None:
        with tf.device(self.device):
            for _ in range(n):
                try:
                    index = next(self.batches)
                except StopIteration:
                    raise IndexError("train_steps() went past the end of the epoch") from None
                self._losses.append(self.train_step(index))

    def synchronize(self) -> None:
        if self._losses:
            tf.test.experimental.sync_devices()

    def losses(self) -> NDArray[np.float64]:
        values = tf.stack(self._losses).numpy().astype(np.float64) if self._losses else np.empty(0)
        self._losses = []
        return values

    def predict(self) -> NDArray[np.floating[Any]]:
        with tf.device(self.device):
            parts = [self.infer(self.x_test[at : at + PREDICT_BATCH]) for at in range(0, len(self.x_test), PREDICT_BATCH)]
            return tf.concat(parts, axis=0).numpy()

    def weights(self) -> Weights:
        return read_weights(self.network, self.workload)

    def memory(self) -> dict[str, int]:
        if self.device == DEVICES["cuda"]:
            return {"framework_peak": int(tf.config.experimental.get_memory_info("GPU:0")["peak"])}
        return {}  # TensorFlow does not count what its CPU allocator hands out

    def describe(self) -> dict[str, Any]:
        gpus = tf.config.list_physical_devices("GPU") if self.device == DEVICES["cuda"] else []
        return {
            "framework": "TensorFlow",
            "version": str(tf.__version__),
            "keras_version": str(keras.__version__),
            "device": str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "cpu",
            "threads": int(tf.config.threading.get_intra_op_parallelism_threads()),
            "interop_threads": int(tf.config.threading.get_inter_op_parallelism_threads()),
            "mode": self.mode,
            "precision": self.precision,
            "parameter_dtype": str(self.network.trainable_variables[0].dtype),
            "parameters": int(self.network.count_params()),
            "optimizer": f"keras.optimizers.{type(self.optimizer).__name__}",
            "learning_rate": float(str(self.optimizer.learning_rate.numpy())),  # 0.001, not float32's nearest number to it
            "epsilon": f"{self.optimizer.epsilon} before the bias correction (as Keras writes it)",
            "layout": "channels last",
            "input_pipeline": "whole data set on the device, batches by tf.gather",
            "tf32": bool(tf.config.experimental.tensor_float_32_execution_enabled()),
        }

    def _compiled(self, function: Any) -> Any:
        if self.mode == "eager":
            return function
        # Without relaxed shapes every new batch size would trace the function again; XLA compiles each shape for itself.
        return tf.function(function, jit_compile=self.mode == "xla", reduce_retracing=self.mode != "xla", autograph=False)

    def _train_step(self, index: tf.Tensor) -> tf.Tensor:
        x, y = tf.gather(self.x_train, index), tf.gather(self.y_train, index)
        with tf.GradientTape() as tape:
            logits = self.network(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def _infer(self, x: tf.Tensor) -> tf.Tensor:
        return self.network(x, training=False)
