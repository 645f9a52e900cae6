"""The TensorFlow worker of the track ``article``: Keras' ``compile`` and ``fit``, as Keras' own tutorials write them."""

import importlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.workloads.base import Workload
from services.tf_worker.describe import describe_initialisers, describe_network, describe_optimizer
from services.tf_worker.device import choose_device, describe_device, peak_memory
from services.tf_worker.optimizer import make_usual_optimizer

EPSILON = 1e-7  # float32 rounds probabilities to 0 and 1; so far from them, their logits stay finite


@dataclass(frozen=True, kw_only=True)
class Article:
    """A workload as Keras' documentation would write it: Keras' own initial weights, arrays, probabilities as outputs."""

    network: keras.Model
    loss: str
    train: tuple[NDArray[Any], NDArray[Any]]
    x_test: NDArray[Any]
    preprocessing: str


class ArticleWorker:
    """Keras draws weights, order and dropout; the seed makes them the same again. Precision is float32, as it comes."""

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        if spec.precision != "fp32":
            raise ValueError(f"the track article is float32, as the framework comes; asked was {spec.precision}")
        self.device, self.mode = choose_device(spec, threads=threads), spec.mode

    def load(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def build(self, spec: RunSpec, workload: Workload) -> None:
        self.workload, self.batch_size = workload, spec.batch_size or workload.batch_size
        with tf.device(self.device):
            self.article = importlib.import_module(f"{__package__}.{workload.name}").article(self.dataset)
            self.network = self.article.network
            self.optimizer = make_usual_optimizer(workload.optimizer, spec.learning_rate)
            self.network.compile(
                optimizer=self.optimizer,
                loss=self.article.loss,
                metrics=["accuracy"],
                run_eagerly=self.mode == "eager",
                jit_compile=self.mode == "xla",
            )

    def fit(self, epochs: int) -> Iterator[float]:
        turns = _Turns()
        thread = threading.Thread(target=self._fit, args=(epochs, turns), daemon=True)
        thread.start()
        try:
            yield from turns.losses()
        finally:
            turns.stop()
            thread.join()

    def synchronize(self) -> None:
        """`fit` has read the epoch's loss, for which the device had to finish."""

    def predict(self) -> NDArray[np.floating[Any]]:
        with tf.device(self.device):
            probabilities = np.clip(self.network.predict(self.article.x_test, batch_size=self.batch_size, verbose=0), EPSILON, 1 - EPSILON)
        if probabilities.shape[1] == 1:
            return np.log(probabilities / (1 - probabilities))
        return np.log(probabilities)

    def memory(self) -> dict[str, int]:
        return peak_memory(self.device)

    def describe(self) -> dict[str, Any]:
        return {
            **describe_device(self.device),
            **describe_network(self.network),
            **describe_optimizer(self.optimizer),
            "mode": self.mode,
            "precision": "fp32",
            **describe_initialisers(self.network),
            "loss": f"{self.article.loss} of logits",  # Keras takes them from the activation's input
            "test_loss": "from probabilities, at most 16.1 an example",
            "batch_size": self.batch_size,
            "last_batch": "smaller, kept",
            "layout": "channels last" if len(self.workload.input_shape) == 3 else "no images",
            "input_pipeline": "arrays given to fit, shuffled by Keras, metrics kept on the device",
            "input_threads": "tf.data's own, as many as the cores allow",
            "preprocessing": self.article.preprocessing,
            "steps_per_call": int(self.network.steps_per_execution),
        }

    def _fit(self, epochs: int, turns: "_Turns") -> None:
        try:
            with tf.device(self.device):
                self.network.fit(*self.article.train, batch_size=self.batch_size, epochs=epochs, verbose=0, callbacks=[turns])
        except BaseException as error:  # noqa: BLE001 - it is raised again where the epochs are asked for
            turns.fitted(error)
        else:
            turns.fitted(None)


class _Turns(keras.callbacks.Callback):
    """`fit` in one thread and whoever asks for epochs in another take turns: between two epochs `fit` waits until the next is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._results: queue.SimpleQueue[float | BaseException | None] = queue.SimpleQueue()
        self._asked = threading.Semaphore(0)

    def losses(self) -> Iterator[float]:
        """The mean loss of each epoch; an exception of `fit` is raised here."""
        while True:
            self._asked.release()
            result = self._results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                return
            yield result

    def stop(self) -> None:
        """Nobody asks any more: `fit` ends after the step that it is at."""
        if self.model:
            self.model.stop_training = True
        self._asked.release()

    def fitted(self, error: BaseException | None) -> None:
        """`fit` has come to its end."""
        self._results.put(error)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        self._asked.acquire()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._results.put(float((logs or {})["loss"]))
