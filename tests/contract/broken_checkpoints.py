"""Workers that break the rule on checkpoints, each in one way."""

from tests.contract.registry import breaks
from tests.fake_worker import NumpyWorker

GOES_ON, DROPS = "goes_on_from_what_it_saved_as_if_nothing_had_been", "newsgroups_mlp"


@breaks(GOES_ON, says="after restore", workload=DROPS)
class ForgetsTheMoments(NumpyWorker):
    def restore(self, folder):
        super().restore(folder)
        for array in (*self.m.values(), *self.v.values()):
            array[...] = 0


@breaks(GOES_ON, says="after restore", workload=DROPS)
class ForgetsTheStep(NumpyWorker):
    def restore(self, folder):
        super().restore(folder)
        self.step = 0


@breaks(GOES_ON, says="after restore", workload=DROPS)
class ForgetsTheParameters(NumpyWorker):
    def restore(self, folder):
        given = self.weights()
        super().restore(folder)
        for name, array in given.items():
            self.parameters[name][...] = array


@breaks(GOES_ON, says="the losses after restore", workload=DROPS)
class DrawsAnew(NumpyWorker):
    def restore(self, folder):
        before = self.rng.bit_generator.state
        super().restore(folder)
        self.rng.bit_generator.state = before
