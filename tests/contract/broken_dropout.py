"""Workers whose dropout breaks the rules, each in one way."""

import numpy as np

from tests.contract.registry import breaks
from tests.fake_dropout import draw_masks, set_masks
from tests.fake_worker import NumpyWorker

WITHOUT, WITH = "traces_every_tensor_as_the_reference_without_dropout", "traces_every_tensor_as_the_reference_with_given_masks"


@breaks(WITHOUT, says="step 1 in fp64: the output of dropout1: .* away from the reference", workload="newsgroups_mlp")
class DropsUnasked(NumpyWorker):
    def trace(self, index, masks):
        return super().trace(index, draw_masks(self.workload, len(index), self.rng) if masks is None else masks)


@breaks(WITH, says="step 1 in fp64: the output of dropout1: .* away from the reference", workload="imdb_lstm")
class IgnoresItsMasks(NumpyWorker):
    def trace(self, index, masks):
        return super().trace(index, None)


@breaks(WITH, says="step 1 in fp64: the output of dropout1: .* away from the reference", workload="cifar10_cnn")
class DropsWhatItShouldKeep(NumpyWorker):
    def trace(self, index, masks):
        return super().trace(index, masks and {name: ~mask for name, mask in masks.items()})


@breaks(WITH, says="step 1 in fp64: the output of dropout1: .* away from the reference", workload="newsgroups_mlp")
class ForgetsToScaleWhatItKeeps(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for op in self.network:
            op.rate = 0.0


@breaks(WITH, says="step 1 in fp64: the gradient of dense1/kernel: .* away from the reference", workload="newsgroups_mlp")
class ForgetsDropoutBackwards(NumpyWorker):
    def backward(self, gradient):
        set_masks(self.network, None)
        return super().backward(gradient)


@breaks("times_the_step_that_it_traces", says="the losses of timed against traced steps: .* away", workload="cifar10_cnn")
class DropsByARateOfItsOwn(NumpyWorker):
    def train_step(self, x, y):
        self._losses.append(self.learn(x, y, {"dropout1": self.rng.random((len(x), 64)) >= 0.5})[0])


@breaks("drops_in_training_by_its_seed", says="two seeds give the same losses", workload="newsgroups_mlp")
class NeverDropsInTraining(NumpyWorker):
    def train_step(self, x, y):
        self._losses.append(self.learn(x, y, None)[0])


@breaks("drops_in_training_by_its_seed", says="the second of two runs with the same seed: .* away", workload="imdb_lstm")
class DrawsMasksFromAGlobalGenerator(NumpyWorker):
    generator = np.random.Generator(np.random.PCG64(1))

    def setup(self, spec, *, threads):
        super().setup(spec, threads=threads)
        self.rng = self.generator


@breaks("predicts_without_dropout_after_training", says="the logits after a step with dropout: .* away", workload="imdb_lstm")
class DropsInPrediction(NumpyWorker):
    def predict(self):
        set_masks(self.network, draw_masks(self.workload, len(self.x_test), self.rng))
        return self.forward(self.x_test)
