"""Workers whose network is not the workload's, each in one way; the next file has more.

A service.toml chooses one by its name: ``worker = "tests.parity.broken_workers:ExtraReLU"``.
"""

from dataclasses import replace

import numpy as np

from levelfield.parity.experiment import Part
from tests.fake_dropout import DropoutOp
from tests.fake_layers import Conv2DOp, FlattenOp, MaxPool2DOp, ReLUOp
from tests.fake_recurrent import EmbeddingOp, LSTMOp
from tests.fake_worker import NumpyWorker
from tests.parity.registry import diverges
from tests.parity.small import TEXTS


class _OtherOp(NumpyWorker):
    """Computes the layers of the class that `Op` derives from as `Op` does."""

    Op: type

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for op in self.network:
            if type(op) is self.Op.__base__:
                op.__class__ = self.Op


@diverges("output/logits")
class ExtraReLU(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.network.append(ReLUOp(workload.layers[-1]))


@diverges("output/conv1")
class SamePadding(_OtherOp):
    class Op(Conv2DOp):
        def forward(self, x):
            return super().forward(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))

        def backward(self, dy):
            return super().backward(dy)[:, 1:-1, 1:-1]


@diverges("output/flatten")
class ChannelsFirst(_OtherOp):
    class Op(FlattenOp):
        def forward(self, x):
            return super().forward(x.transpose(0, 3, 1, 2))

        def backward(self, dy):
            return super().backward(dy).transpose(0, 2, 3, 1)


@diverges("output/pool1")
class AveragePooling(_OtherOp):
    class Op(MaxPool2DOp):
        def forward(self, x):
            (n, rows, columns, channels), size, self.image = super().forward(x).shape, self.windows.size, x.shape
            return x[:, : rows * size, : columns * size].reshape(n, rows, size, columns, size, channels).mean(axis=(2, 4))

        def backward(self, dy):
            size = self.windows.size
            given = np.repeat(np.repeat(dy, size, axis=1), size, axis=2) / size**2
            rest = ((0, 0), *((0, self.image[axis] - given.shape[axis]) for axis in (1, 2)), (0, 0))
            return np.pad(given, rest).astype(dy.dtype)


@diverges("output/conv1")
class HalfPrecision(_OtherOp):
    class Op(Conv2DOp):
        def forward(self, x):
            return super().forward(x).astype(np.float16).astype(x.dtype)


@diverges("output/conv1", within_rounding=True)
class SinglePrecision(NumpyWorker):
    """Where double was asked; where single was, nothing is wrong with it."""

    def build(self, spec, workload, weights):
        self.dtype = np.dtype(np.float32)
        super().build(spec, workload, weights)


@diverges("output/conv1")
class GivesNaN(_OtherOp):
    class Op(Conv2DOp):
        def forward(self, x):
            return super().forward(x) * np.nan


@diverges("output/conv1")
class IgnoresBiases(NumpyWorker):
    """Zero at first as a rule, they would not be missed."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, {name: array * (not name.endswith("/bias")) for name, array in weights.items()})


@diverges("output/conv1")
class ForgetsToScaleItsInput(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, replace(workload, input_scale=1.0), weights)


@diverges("output/dropout1", part=Part.ON)
class DropoutWithoutRescaling(_OtherOp):
    class Op(DropoutOp):
        def _dropped(self, x):
            return x if self.kept is None else x * self.kept


@diverges("gradient/dense1", part=Part.ON)
class DropoutInTheForwardPassAlone(_OtherOp):
    class Op(DropoutOp):
        def backward(self, dy):
            return dy


@diverges("output/dropout1", part=Part.ON, workload=TEXTS)
class MaskForEachTimeStep(NumpyWorker):
    def learn(self, x, y, masks):
        if masks is not None:
            masks = {name: np.stack([np.roll(mask[:, 0], t, axis=1) for t in range(x.shape[1])], axis=1) for name, mask in masks.items()}
        return super().learn(x, y, masks)


def _exchanged(array):
    """Input gates where forget gates were, and the reverse."""
    i, f, g, o = np.split(array, 4, axis=-1)
    return np.concatenate([f, i, g, o], axis=-1)


@diverges("output/lstm", workload=TEXTS)
class SwappedGates(_OtherOp):
    class Op(LSTMOp):
        def forward(self, x):
            own = self.kernel, self.recurrent, self.bias
            self.kernel, self.recurrent, self.bias = map(_exchanged, own)
            h = super().forward(x)
            self.kernel, self.recurrent, self.bias = own
            return h


@diverges("output/lstm", workload=TEXTS)
class ForgetBiasOfOne(NumpyWorker):
    """Whatever it is given."""

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        for name, array in self.parameters.items():
            if name.startswith("lstm/bias"):
                array[len(array) // 4 : len(array) // 2] = 1.0


@diverges("output/lstm", workload=TEXTS)
class ForgetBiasOfOneMore(ForgetBiasOfOne):
    """As TensorFlow's first LSTM cells had it: added on the way, and in no parameter."""

    def forward(self, x):
        bias = self.parameters["lstm/bias"]
        forget = slice(len(bias) // 4, len(bias) // 2)
        before = bias.copy()
        bias[forget] += 1.0
        logits = super().forward(x)
        bias[...] = before
        return logits

    build = NumpyWorker.build


@diverges("gradient/embedding", workload=TEXTS)
class UnsummedDuplicates(_OtherOp):
    """The last occurrence of a token alone counts."""

    class Op(EmbeddingOp):
        def backward(self, dy):
            gradient = np.zeros_like(self.table)
            gradient[self.tokens] = dy
            self.gradients = {f"{self.name}/embeddings": gradient}
