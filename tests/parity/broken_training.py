"""Workers whose network is right, but not what they do with it, each in one way."""

from dataclasses import replace

import numpy as np

from levelfield.parity.experiment import Part
from tests.fake_recurrent import EmbeddingOp
from tests.fake_worker import NumpyWorker
from tests.parity.registry import diverges
from tests.parity.small import TEXTS


@diverges("loss")
class SumsTheLoss(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        mean = self.loss
        self.loss = lambda logits, labels: tuple(value * len(labels) for value in mean(logits, labels))


@diverges("loss", step=2)
class DividesByTheWholeBatch(NumpyWorker):
    """Which the last one of an epoch is not."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        mean = self.loss
        self.loss = lambda logits, labels: tuple(value * len(labels) / self.batch_size for value in mean(logits, labels))


@diverges("gradient/logits")
class TakesTheGradientOfTheSum(NumpyWorker):
    """Adam hides a constant factor."""

    def backward(self, gradient):
        return super().backward(gradient * len(gradient))


@diverges("parameter")
class EpsilonAfterTheBiasCorrection(NumpyWorker):
    """PyTorch's form, with an equal epsilon."""

    def update(self, gradients):
        original = self.optimizer
        self.optimizer = replace(original, epsilon=original.epsilon * (1 - original.beta_2 ** (self.step + 1)) ** 0.5)
        super().update(gradients)
        self.optimizer = original


@diverges("parameter", within_rounding=True)
class BetasAsWritten(NumpyWorker):
    """0.9 and 0.999 in float64 differ from what float32 holds."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.optimizer = replace(self.optimizer, beta_1=0.9, beta_2=0.999)


@diverges("parameter")
class DecaysItsWeights(NumpyWorker):
    def update(self, gradients):
        for name in self.parameters:
            self.parameters[name] *= 1 - 0.01 * self.learning_rate
        super().update(gradients)


@diverges("parameter")
class PenalisesItsWeights(NumpyWorker):
    """The same decay as part of the gradient, which is not what AdamW does."""

    def update(self, gradients):
        super().update({name: array + 0.01 * self.parameters[name] for name, array in gradients.items()})


@diverges("parameter/dense1")
class LeavesALayerUntrained(NumpyWorker):
    def update(self, gradients):
        super().update({name: array for name, array in gradients.items() if not name.startswith("dense1/")})


@diverges("parameter/lstm", workload=TEXTS)
class TwoLearningBiases(NumpyWorker):
    """PyTorch's LSTM adds two; where both learn, what they come to moves twice as far."""

    def update(self, gradients):
        before = self.parameters["lstm/bias"].copy()
        super().update(gradients)
        self.parameters["lstm/bias"] += self.parameters["lstm/bias"] - before


@diverges("parameter/embedding", workload=TEXTS)
class SumsTheSquaresOfDuplicates(NumpyWorker):
    """As Keras' Adam does with an embedding's gradient that it was not given as one tensor: the sum should be squared."""

    def update(self, gradients):
        (op,) = (op for op in self.network if isinstance(op, EmbeddingOp))
        name = f"{op.name}/embeddings"
        before = self.parameters[name].copy()
        super().update(gradients)
        b1, b2 = self.optimizer.beta_1, self.optimizer.beta_2
        self.v[name] += (1 - b2) * (op.squares - gradients[name] ** 2)
        rate = self.learning_rate * (1 - b2**self.step) ** 0.5 / (1 - b1**self.step)
        self.parameters[name][...] = before - rate * self.m[name] / (np.sqrt(self.v[name]) + self.optimizer.epsilon)

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for op in self.network:
            if isinstance(op, EmbeddingOp):
                op.__class__ = self.Op

    class Op(EmbeddingOp):
        def backward(self, dy):
            super().backward(dy)
            self.squares = np.zeros_like(self.table)
            np.add.at(self.squares, self.tokens, dy**2)


@diverges("loss", part=Part.TIMED, step=2)
class DropsTheLastBatch(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order[: len(order) // self.batch_size * self.batch_size])

    def train_steps(self, n):
        for _, index in zip(range(n), self.batches, strict=False):
            self.train_step(self.x_train[index], self.y_train[index])


@diverges("loss", part=Part.TIMED)
class AnotherOrder(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order[::-1])


@diverges("loss", part=Part.TIMED, step=3)
class RepeatsTheFirstOrder(NumpyWorker):
    """As a shuffled pipeline does that is cached."""

    def begin_epoch(self, order):
        self.first = getattr(self, "first", order)
        super().begin_epoch(self.first)


@diverges("parameter", part=Part.TIMED, step=3)
class ForgetsItsMomentsBetweenEpochs(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order)
        for array in (*self.m.values(), *self.v.values()):
            array[...] = 0


@diverges("loss", part=Part.TIMED, step=2)
class RepeatsABatchWithinACall(NumpyWorker):
    """What is asked for one step at a time is right."""

    def train_steps(self, n):
        indices = [next(self.batches) for _ in range(n)]
        for _ in indices:
            self.train_step(self.x_train[indices[0]], self.y_train[indices[0]])


@diverges("loss", part=Part.TIMED, step=1)
class GivesOneLossForACall(NumpyWorker):
    """As a framework does that has averaged them."""

    def train_steps(self, n):
        super().train_steps(n)
        self._losses = [float(np.mean(self._losses))]


@diverges("parameter", part=Part.TIMED)
class TracesWhatItDoesNotDo(NumpyWorker):
    def train_step(self, x, y):
        rate, self.learning_rate = self.learning_rate, 2 * self.learning_rate
        super().train_step(x, y)
        self.learning_rate = rate


@diverges("loss", part=Part.TIMED)
class DropsByARateOfItsOwn(NumpyWorker):
    def train_step(self, x, y):
        self._losses.append(self.learn(x, y, {"dropout1": self.rng.random((len(x), 8)) >= 0.5})[0])
