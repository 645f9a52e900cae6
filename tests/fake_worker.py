"""A Worker in pure NumPy: the independent reference of the contract suite, and the stand-in for a framework in the platform's own tests."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.gang import ALONE, Gang
from levelfield.spec import RunSpec
from levelfield.worker import DRAWN, Drawn, Masks, Trace
from levelfield.workloads.base import Weights, Workload
from tests import fake_optimizers as optimizers
from tests.fake_dropout import draw_masks, set_masks
from tests.fake_gang import circle
from tests.fake_layers import network
from tests.fake_losses import LOSSES
from tests.fake_normal import set_training

DTYPES = {"fp32": np.dtype(np.float32), "fp64": np.dtype(np.float64)}
STATE = ("parameters", "m", "v")
PREDICT_BATCH = 250  # an LSTM keeps what each of its time steps computed: a GB for 250 reviews would be too much, 0.3 GB is not


class NumpyWorker:
    """Interprets ``workload.layers``. ``threads`` is taken note of, not set: NumPy's matrix product has settled it at import."""

    gang, circle, exchanging = ALONE, None, True
    weight = 1.0  # what the present part of a batch counts

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        if spec.device != "cpu":
            raise RuntimeError(f"device is {spec.device}, but NumPy has no GPU: it computes on the CPU alone")
        self.mode, self.precision, self.dtype, self.threads = spec.mode, spec.precision, DTYPES[spec.precision], threads
        self.seeds = [spec.seed, 2]  # 0 and 1: weights and batches
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seeds)))

    def join(self, gang: Gang) -> None:
        self.gang, self.circle = gang, circle(gang)
        if gang.rank:  # every rank draws its own masks
            self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([*self.seeds, gang.rank])))

    def exchange(self, *, on: bool) -> None:
        self.exchanging = on

    def load(self, dataset: Dataset) -> None:
        self.x_train, self.x_test, self.y_train = dataset.x_train, dataset.x_test, dataset.y_train

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        self.workload, self.loss = workload, LOSSES[workload.loss]
        self.batch_size = spec.batch_size or workload.batch_size
        self.parameters = {name: array.astype(self.dtype) for name, array in weights.items()}
        self.moving = [name for name, parameter in workload.parameters() if not parameter.trainable]
        self.network = network(workload.layers, self.parameters)
        self.optimizer, self.learning_rate = workload.optimizer, spec.learning_rate or workload.optimizer.learning_rate
        self.m = {name: np.zeros_like(array) for name, array in self.parameters.items()}
        self.v = {name: np.zeros_like(array) for name, array in self.parameters.items()}
        self.step = 0
        self._losses: list[float] = []

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        self.batches = self._own(order)

    def train_steps(self, n: int) -> None:
        for _ in range(n):
            try:
                index = next(self.batches)
            except StopIteration:
                raise IndexError("train_steps() went past the end of the epoch") from None
            self.train_step(self.x_train[index], self.y_train[index])

    def synchronize(self) -> None:
        pass

    def losses(self) -> NDArray[np.float64]:
        values = np.array(self._losses, np.float64)
        self._losses = []
        return self._of_all({"losses": values})["losses"]

    def device_ns(self) -> int | None:
        return None

    def trace(self, index: NDArray[np.int64], masks: Masks | Drawn | None) -> Trace:
        part = self.gang.part(index)
        rows = {name: self.gang.rows(mask) for name, mask in masks.items()} if isinstance(masks, Mapping) else masks
        own = self.own_masks(len(part.examples)) if rows == DRAWN else rows
        self.weight = part.weight
        share, gradients = self.learn(self.x_train[part.examples], self.y_train[part.examples], own)
        loss = float(self._of_all({"loss": np.float64(share)})["loss"])
        outputs = {name: array.copy() for name, array in self.outputs.items()}
        return Trace(loss=loss, outputs=outputs, gradients=gradients, parameters=self.weights())

    def predict(self) -> NDArray[np.floating[Any]]:
        self._average_buffers()
        set_masks(self.network, None)
        own = self.x_test[self.gang.share(len(self.x_test))]
        parts = np.split(own, range(PREDICT_BATCH, len(own), PREDICT_BATCH))
        set_training(self.network, False)
        return np.concatenate([self.forward(part) for part in parts])

    def save(self, folder: Path) -> None:
        arrays = {f"{kind}/{name}": array for kind in STATE for name, array in getattr(self, kind).items()}
        np.savez(folder / "state.npz", **arrays)
        (folder / "random.json").write_text(json.dumps({"step": self.step, "generator": self.rng.bit_generator.state}))

    def restore(self, folder: Path) -> None:
        with np.load(folder / "state.npz") as found:
            for key, array in found.items():
                kind, _, name = key.partition("/")
                getattr(self, kind)[name][...] = array
        other = json.loads((folder / "random.json").read_text())
        self.step, self.rng.bit_generator.state = other["step"], other["generator"]

    def weights(self) -> Weights:
        self._average_buffers()
        return {name: array.copy() for name, array in self.parameters.items()}

    def memory(self) -> dict[str, int]:
        return {}

    def describe(self) -> dict[str, Any]:
        return {
            "framework": "NumPy",
            "version": str(np.__version__),
            "device": "cpu",
            "threads": self.threads,
            "mode": self.mode,
            "precision": self.precision,
            "parameters": sum(array.size for name, array in self.parameters.items() if name not in self.moving),
            **optimizers.describe(self.optimizer, self.learning_rate),
            "dropout": "masks drawn by numpy.random.PCG64 from the seed",
        }

    def train_step(self, x, y) -> None:
        """One step on a batch, with masks of its own."""
        self._losses.append(self.learn(x, y, self.own_masks(len(x)))[0])

    def own_masks(self, examples: int) -> Masks:
        """Which elements each dropout layer keeps in a step of training."""
        return draw_masks(self.workload, examples, self.rng)

    def learn(self, x, y, masks: Masks | None) -> tuple[float, Weights]:
        """One step on a part of a batch: gives what that adds to the loss, and the gradients of all ranks."""
        set_masks(self.network, masks)
        set_training(self.network, True)
        loss, gradient = self.loss(self.forward(x), y)
        own = {name: array * self.dtype.type(self.weight) for name, array in self.backward(gradient).items()}
        gradients = self._of_all(own) if self.exchanging else own
        self.update(gradients)
        return float(loss) * self.weight, gradients

    def _own(self, order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        for part in self.gang.parts(order, self.batch_size):
            self.weight = part.weight
            yield part.examples

    def _of_all(self, arrays: dict[str, Any]) -> dict[str, Any]:
        return self.circle.add_up(arrays) if self.circle else arrays

    def forward(self, x):
        """Examples as the data set holds them to logits, (batch, outputs). Leaves each layer's output in ``outputs``."""
        if not self.workload.takes_tokens:
            x = x.astype(self.dtype) / self.workload.input_scale
        x = self.network.forward(x)
        self.outputs = self.network.outputs
        return x

    def backward(self, gradient) -> Weights:
        """The gradient of every parameter from that of the logits, after `forward` on the same batch."""
        self.network.backward(gradient)
        return self.network.gradients

    def update(self, gradients: Weights) -> None:
        """One step of the workload's optimizer."""
        self.step += 1
        optimizers.update(self.optimizer, self.learning_rate, self.parameters, gradients, m=self.m, v=self.v, step=self.step)

    def _average_buffers(self) -> None:
        """Let every rank have the mean of what the ranks have seen; called by all of them."""
        if self.moving and self.circle:
            for name, array in self._of_all({name: self.parameters[name] for name in self.moving}).items():
                self.parameters[name][...] = array / self.gang.size
