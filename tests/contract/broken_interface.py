"""Workers that break the rules on a worker's boundary, each in one way."""

import numpy as np

from tests.contract.registry import breaks
from tests.fake_worker import NumpyWorker


@breaks("has_the_signatures_of_the_protocol", says=r"train_steps\(\) takes .*'count.*protocol's takes .*'n ")
class OtherParameterName(NumpyWorker):
    def train_steps(self, count):
        super().train_steps(count)


@breaks("has_the_signatures_of_the_protocol", says=r"no method synchronize\(\)")
class LacksAMethod(NumpyWorker):
    synchronize = None


@breaks("training_returns_nothing", says=r"train_steps\(\) returned a float")
class ReturnsItsLoss(NumpyWorker):
    def train_steps(self, n):
        super().train_steps(n)
        return self._losses[-1]


@breaks("raises_index_error_past_the_end_of_an_epoch", says="StopIteration, expected IndexError")
class RaisesStopIteration(NumpyWorker):
    def train_steps(self, n):
        for _ in range(n):
            index = next(self.batches)
            self.train_step(self.x_train[index], self.y_train[index])


@breaks("raises_index_error_past_the_end_of_an_epoch", says="without an IndexError")
class StopsSilently(NumpyWorker):
    def train_steps(self, n):
        for index, _ in zip(self.batches, range(n), strict=False):
            self.train_step(self.x_train[index], self.y_train[index])


@breaks("losses_are_float64_and_read_once", says="gives float32, expected float64")
class LossesInFloat32(NumpyWorker):
    def losses(self):
        return super().losses().astype(np.float32)


@breaks("losses_are_float64_and_read_once", says=r"after 1 steps has shape \(4,\), expected \(1,\)")
class KeepsItsLosses(NumpyWorker):
    def losses(self):
        return np.array(self._losses)


@breaks("device_time_lies_within_the_time_of_the_block", says="on a CPU, expected None")
class TakesTheHostsClockForTheDevices(NumpyWorker):
    def device_ns(self):
        return 1


@breaks("reads_mapped_arrays_and_never_writes_to_them", says="are refused")
class ScalesInPlace(NumpyWorker):
    def load(self, dataset):
        dataset.x_train[...] *= 0.5
        super().load(dataset)


@breaks("reads_mapped_arrays_and_never_writes_to_them", says="wrote to y_train")
class ShufflesWhereItMay(NumpyWorker):
    def load(self, dataset):
        super().load(dataset)
        if dataset.y_train.flags.writeable:
            dataset.y_train.sort()


@breaks("weights_are_copies", says=r"what weights\(\) gave before training")
class GivesItsOwnArrays(NumpyWorker):
    def weights(self):
        return self.parameters


@breaks("weights_are_copies", says="after the caller had changed what it was given")
class GivesOneCopyTwice(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.copies = {}

    def weights(self):
        return self.copies.setdefault(self.step, super().weights())


@breaks("weights_are_copies", says=r"the weights given to build\(\), after training: \w+/\w+ has other values")
class TrainsTheGivenArrays(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.given = weights

    def update(self, gradients):
        super().update(gradients)
        for name, array in self.parameters.items():
            self.given[name][...] = array


@breaks("memory_is_in_positive_bytes_or_left_out", says="is 0: what is not known is left out")
class MemoryOfZero(NumpyWorker):
    def memory(self):
        return {"framework_peak": 0}


@breaks("memory_is_in_positive_bytes_or_left_out", says="is a int64, not an int")
class MemoryAsNumPy(NumpyWorker):
    def memory(self):
        return {"framework_peak": np.int64(4096)}


@breaks("describes_itself_in_plain_types", says=r"describe\(\)\['version'\] is a .*FrameworkVersion, not plain data")
class VersionOfItsOwnType(NumpyWorker):
    class FrameworkVersion(str):
        __slots__ = ()

    def describe(self):
        return super().describe() | {"version": self.FrameworkVersion("1.0")}


@breaks("describes_itself_in_plain_types", says="does not say device")
class SilentOnItsDevice(NumpyWorker):
    def describe(self):
        return {name: value for name, value in super().describe().items() if name != "device"}


@breaks("describes_itself_truthfully", says="says threads 2, asked was 1")
class OtherThreads(NumpyWorker):
    def describe(self):
        return super().describe() | {"threads": self.threads + 1}


@breaks("describes_itself_truthfully", says="describe.. says fp64, but conv1/kernel is float32")
class AlwaysFloat32(NumpyWorker):
    def build(self, spec, workload, weights):
        self.dtype = np.dtype(np.float32)
        super().build(spec, workload, weights)


@breaks("runs_through_train_to_a_result", says="4 losses for 8 steps")
class LosesHalfItsLosses(NumpyWorker):
    def losses(self):
        return super().losses()[::2]


@breaks("runs_through_train_to_a_result", says="does not survive JSON")
class DescribesInTuples(NumpyWorker):
    def describe(self):
        return super().describe() | {"shape": (8, 8, 1)}


@breaks("refuses_a_device_that_is_not_there", says="accepted device cuda")
class FallsBackToTheCPU(NumpyWorker):
    def setup(self, spec, *, threads):
        self.mode, self.precision, self.dtype, self.threads = spec.mode, spec.precision, np.dtype(np.float32), threads


@breaks("refuses_a_device_that_is_not_there", says="names neither the device nor the reason: KeyError")
class UnclearAboutItsDevice(NumpyWorker):
    def setup(self, spec, *, threads):
        super().setup(spec, threads={"cpu": threads}[spec.device])
