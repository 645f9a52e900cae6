"""Workers that break the rules on gangs, each in one way."""

import numpy as np

from tests.contract.registry import breaks
from tests.fake_worker import NumpyWorker

LEARNS = "learns_in_a_gang_as_one_worker_does"


@breaks(LEARNS, says="rank 0 of 2: .* away from the reference")
class KeepsItsGradients(NumpyWorker):
    def _of_all(self, arrays):
        return arrays if self.circle and "conv1/kernel" in arrays else super()._of_all(arrays)


@breaks(LEARNS, says="rank . of 2: .* away from the reference")
class WeighsAllRanksAlike(NumpyWorker):
    def learn(self, x, y, masks):
        self.weight = 1 / self.gang.size
        return super().learn(x, y, masks)


@breaks(LEARNS, says="losses of rank . of 2: .* away from the reference")
class TellsItsOwnLosses(NumpyWorker):
    def _of_all(self, arrays):
        return arrays if "losses" in arrays else super()._of_all(arrays)


@breaks(LEARNS, says="the logits of 2 ranks: shape")
class PredictsEverything(NumpyWorker):
    def predict(self):
        mine, self.gang = self.gang, type(self.gang)()
        logits = super().predict()
        self.gang = mine
        return logits


@breaks(LEARNS, says=r"rank . of 2: .* away from the reference")
class TakesTheSamePartEverywhere(NumpyWorker):
    def begin_epoch(self, order):
        self.batches = (part.examples for part in type(self.gang)(peers=self.gang.peers).parts(order, self.batch_size))


@breaks("learns_in_a_gang_as_the_reference_does", says="weights .*moving_.* of rank 0: .* away from the reference", workload="resnet50")
class KeepsWhatItHasSeenItself(NumpyWorker):
    def _average_buffers(self):
        pass


@breaks("draws_dropout_of_its_own_on_every_rank", says="two ranks drop the same elements", workload="newsgroups_mlp")
class DrawsAlike(NumpyWorker):
    def own_masks(self, examples):
        self.rng = np.random.Generator(np.random.PCG64(1))
        return super().own_masks(examples)


@breaks("learns_apart_while_nothing_is_exchanged", says="is alike on both ranks without the exchange")
class AlwaysExchanges(NumpyWorker):
    def exchange(self, *, on):
        pass
