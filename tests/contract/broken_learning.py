"""Workers that break the rules on what a worker computes, each in one way."""

import numpy as np

from levelfield.workloads.base import Adam
from tests.contract.registry import breaks
from tests.fake_layers import ReLUOp
from tests.fake_worker import NumpyWorker


@breaks("takes_the_given_weights_over_exactly", says=r"conv1/kernel is float64.*, expected float32")
class WidensItsWeights(NumpyWorker):
    def weights(self):
        return {name: array.astype(np.float64) for name, array in super().weights().items()}


@breaks("takes_the_given_weights_over_exactly", says="conv1/bias has other values")
class StartsWithoutBiases(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, {name: array * (not name.endswith("/bias")) for name, array in weights.items()})


@breaks("takes_the_batches_in_the_given_order", says="losses of the last batch, of 4, epoch 0: shape")
class DropsTheSmallerBatch(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order[: len(order) // self.batch_size * self.batch_size])

    def train_steps(self, n):
        for index, _ in zip(self.batches, range(n), strict=False):
            self.train_step(self.x_train[index], self.y_train[index])


@breaks("takes_the_batches_in_the_given_order", says="losses of the full batches, epoch 0: .* away from the reference")
class ShufflesOnItsOwn(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order[::-1])


@breaks("takes_the_batches_in_the_given_order", says="losses of the last batch, of 4, epoch 0: .* away from the reference")
class DividesByTheFullBatch(NumpyWorker):
    def train_step(self, x, y):
        super().train_step(x, y)
        self._losses[-1] *= len(x) / self.batch_size


@breaks("updates_by_the_equation_of_the_workload_in_fp64", says="after 10 steps in fp64: .* away from the reference")
class EpsilonAfterTheBiasCorrection(NumpyWorker):
    """PyTorch's form, with an equal epsilon."""

    def update(self, gradients):
        epsilon = self.optimizer.epsilon * (1 - self.optimizer.beta_2 ** (self.step + 1)) ** 0.5
        original, self.optimizer = self.optimizer, Adam(learning_rate=self.learning_rate, epsilon=epsilon)
        super().update(gradients)
        self.optimizer = original


@breaks("updates_by_the_equation_of_the_workload_in_fp64", says="after 10 steps in fp64: .* away from the reference")
class BetasAsWritten(NumpyWorker):
    """0.9 and 0.999 in float64 differ from what float32 holds."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.optimizer = Adam(learning_rate=self.learning_rate, beta_1=0.9, beta_2=0.999)


@breaks("updates_by_the_equation_of_the_workload_in_fp64", says="after 10 steps in fp64: .* away from the reference")
@breaks("updates_by_the_equation_of_the_workload_in_fp32", says="after 10 steps in fp32: .* away from the reference")
class ForgetsReLUBackwards(NumpyWorker):
    def backward(self, gradient):
        for op in self.network:
            if isinstance(op, ReLUOp):
                op.positive = True
        return super().backward(gradient)


@breaks("updates_by_the_equation_of_the_workload_in_fp32", says="after 10 steps in fp32: .* away from the reference")
class RoundsToHalfPrecision(NumpyWorker):
    def backward(self, gradient):
        return {name: array.astype(np.float16).astype(self.dtype) for name, array in super().backward(gradient).items()}


@breaks("moves_every_parameter", says="16 of 16 elements of conv1/bias have not moved")
class FreezesABias(NumpyWorker):
    def update(self, gradients):
        super().update({name: array for name, array in gradients.items() if name != "conv1/bias"})


@breaks("predicts_raw_logits_of_every_test_example_in_order", says="the logits: .* away from the reference")
class PredictsProbabilities(NumpyWorker):
    def predict(self):
        exponentials = np.exp(super().predict())
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@breaks("predicts_raw_logits_of_every_test_example_in_order", says=r"shape \(1000, 10\), expected \(1030, 10\)")
class PredictsFullPartsOnly(NumpyWorker):
    def predict(self):
        return super().predict()[:1000]


@breaks("predicts_raw_logits_of_every_test_example_in_order", says="the logits: .* away from the reference")
class PredictsInAnotherOrder(NumpyWorker):
    def predict(self):
        return super().predict()[::-1]


@breaks("predict_changes_no_weight_and_takes_no_batch", says="after predict.*has other values")
class LearnsFromPredicting(NumpyWorker):
    def predict(self):
        logits = super().predict()
        self.update(self.backward(logits))
        return logits


@breaks("predict_changes_no_weight_and_takes_no_batch", says="losses of an epoch with predict")
class PredictTakesABatch(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(np.concatenate([order, order]))

    def predict(self):
        next(self.batches)
        return super().predict()


@breaks("gives_the_same_losses_for_the_same_spec", says="second of two runs of one spec")
class DrawsFromAGlobalGenerator(NumpyWorker):
    generator = np.random.Generator(np.random.PCG64(1))

    def begin_epoch(self, order):
        super().begin_epoch(self.generator.permutation(order))


@breaks("obeys_batch_size_and_learning_rate_of_the_spec", says="batch_size=30.*the losses")
class IgnoresTheBatchSize(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.batch_size = workload.batch_size


@breaks("obeys_batch_size_and_learning_rate_of_the_spec", says="learning_rate=0.003.*away from the reference")
class IgnoresTheLearningRate(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.learning_rate = workload.optimizer.learning_rate


@breaks("computes_the_same_in_its_mode", says="describe.. says mode 'eager', asked was 'plain'")
class SaysAnotherMode(NumpyWorker):
    def describe(self):
        return super().describe() | {"mode": "eager"}


@breaks("computes_the_same_in_its_mode", says="the losses: .* away from the reference")
class TakesTheGradientOfTheSum(NumpyWorker):
    """Adam hides a constant factor, but not that of the smaller batch."""

    def backward(self, gradient):
        return super().backward(gradient * len(gradient))


@breaks("computes_the_same_in_its_mode", says="after 4 steps: .* away from the reference")
class WeightsAreOneStepBehind(NumpyWorker):
    def update(self, gradients):
        self.before = super().weights()
        super().update(gradients)

    def weights(self):
        return self.before


@breaks("computes_the_same_in_its_mode", says="the logits after training: .* away from the reference")
class PredictsWithTheFirstWeights(NumpyWorker):
    def load(self, dataset):
        super().load(dataset)
        self.first = None

    def train_step(self, x, y):
        if self.first is None:
            self.first = self.forward(self.x_test)
        super().train_step(x, y)

    def predict(self):
        return self.first
