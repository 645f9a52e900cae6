"""EpochWorkers that break the rules, each in one way."""

import numpy as np

from levelfield.data import from_arrays
from tests.contract.registry import breaks
from tests.fake_epoch_worker import NumpyEpochWorker
from tests.fake_worker import NumpyWorker


@breaks("epoch_worker_has_the_signatures_of_the_protocol", says=r"no method fit\(\)")
class LacksALoop(NumpyEpochWorker):
    fit = None


@breaks("epoch_worker_has_the_signatures_of_the_protocol", says=r"build\(\) takes .*'weights")
class WantsItsWeights(NumpyEpochWorker):
    def build(self, spec, workload, weights):
        NumpyWorker.build(self, spec, workload, weights)


@breaks("fit_trains_one_epoch_at_a_time", says="it was trained ahead")
class TrainsAhead(NumpyEpochWorker):
    def fit(self, epochs):
        return iter(list(super().fit(epochs)))


@breaks("fit_trains_one_epoch_at_a_time", says="yields a float64, not a float")
class YieldsNumPy(NumpyEpochWorker):
    def fit(self, epochs):
        yield from map(np.float64, super().fit(epochs))


@breaks("fit_trains_one_epoch_at_a_time", says=r"fit\(2\) yielded 1 losses")
class StopsEarly(NumpyEpochWorker):
    def fit(self, epochs):
        yield next(super().fit(epochs))


@breaks("fits_and_predicts_every_test_example", says=r"shape \(11, 1\), expected \(12, 1\)", workload="imdb_lstm")
class ForgetsOne(NumpyEpochWorker):
    def predict(self):
        return super().predict()[1:]


@breaks("fits_and_predicts_every_test_example", says="the logits are not finite", workload="cifar10_cnn")
class TakesTheLogarithm(NumpyEpochWorker):
    def predict(self):
        return super().predict() * np.inf


@breaks("fits_and_predicts_every_test_example", says=r"fit\(\) yielded \[nan\]", workload="newsgroups_mlp")
class LosesItsLoss(NumpyEpochWorker):
    def fit(self, epochs):
        for _ in super().fit(epochs):
            yield float("nan")


@breaks("epoch_worker_learns", says="the training loss went from")
class NeverUpdates(NumpyEpochWorker):
    def update(self, gradients):
        pass


@breaks("epoch_worker_learns", says="the accuracy on like test examples")
class PredictsBackwards(NumpyEpochWorker):
    def predict(self):
        return super().predict()[::-1]


@breaks("epoch_worker_learns", says="these are probabilities")
class EndsInASoftmax(NumpyEpochWorker):
    def predict(self):
        exponentials = np.exp(super().predict())
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@breaks("epoch_worker_repeats_itself_by_its_seed", says="two runs with one seed")
class ShufflesAnew(NumpyEpochWorker):
    generator = np.random.Generator(np.random.PCG64(1))

    def begin_epoch(self, order):
        super().begin_epoch(self.generator.permutation(order))


@breaks("epoch_worker_repeats_itself_by_its_seed", says="the seed is ignored")
class OneSeedForAll(NumpyEpochWorker):
    def setup(self, spec, *, threads):
        super().setup(spec, threads=threads)
        self.rng = np.random.Generator(np.random.PCG64(1))


@breaks("epoch_worker_describes_itself_in_plain_types", says="does not say mode")
class SilentOnItsMode(NumpyEpochWorker):
    def describe(self):
        return super().describe() | {"mode": None}


@breaks("epoch_worker_only_reads_the_given_arrays", says="wrote to x_train")
class ScalesItsImages(NumpyEpochWorker):
    def load(self, dataset):
        if dataset.x_train.flags.writeable:
            dataset.x_train[...] -= dataset.x_train.mean()
        super().load(dataset)


@breaks("epoch_worker_only_reads_the_given_arrays", says="are refused")
class WantsWritableArrays(NumpyEpochWorker):
    def load(self, dataset):
        if not dataset.x_train.flags.writeable:
            raise ValueError("assignment destination is read-only")
        super().load(from_arrays(dataset.name, dataset.arrays()))


@breaks("epoch_worker_runs_through_train_to_a_result", says="does not survive JSON")
class DescribesItsShape(NumpyEpochWorker):
    def describe(self):
        return super().describe() | {"shape": (8, 8, 1)}
