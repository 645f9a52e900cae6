"""An EpochWorker in NumPy, for the platform's own tests of the track ``article``: ``[workers] article = "...:NumpyEpochWorker"``."""

from collections.abc import Iterator

import numpy as np

from levelfield.spec import RunSpec
from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import parameters
from tests.fake_worker import NumpyWorker


class NumpyEpochWorker(NumpyWorker):
    """Owns its loop: draws weights, batches and dropout from a generator of its own."""

    def build(self, spec: RunSpec, workload: Workload) -> None:
        super().build(spec, workload, self.draw_weights(workload))

    def fit(self, epochs: int) -> Iterator[float]:
        for _ in range(epochs):
            self.begin_epoch(self.rng.permutation(len(self.x_train)))
            self.train_steps(-(-len(self.x_train) // self.batch_size))
            yield float(np.mean(self.losses()))

    def draw_weights(self, workload: Workload) -> Weights:
        """The workload's distributions, but another generator than `Workload.initial_weights` takes."""
        weights: Weights = {}
        for layer, source, _ in workload.shapes():
            for name, parameter in parameters(layer, source).items():
                array = weights[f"{layer.name}/{name}"] = self.rng.uniform(-parameter.limit, parameter.limit, parameter.shape)
                array[parameter.ones or slice(0)] = 1.0
        return weights
