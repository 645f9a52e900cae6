"""Workers whose `trace` breaks the rules, each in one way. Those below `WITHOUT` compute a step that is not the workload's."""

import dataclasses

import numpy as np

from tests.contract.registry import breaks
from tests.contract.tracing import TIMED_STEPS
from tests.fake_layers import ReLUOp
from tests.fake_recurrent import EmbeddingOp
from tests.fake_worker import NumpyWorker

WITHOUT = "traces_every_tensor_as_the_reference_without_dropout"


class _OtherEmbedding(NumpyWorker):
    """Has an operation of its own in the place of `EmbeddingOp`."""

    op: type[EmbeddingOp]

    def build(self, spec, workload, weights):
        super().build(spec, workload, weights)
        self.network[0] = self.op(workload.layers[0], self.parameters)


@breaks(WITHOUT, says="step 1 in fp64: the output of embedding: .* away from the reference", workload="imdb_lstm")
class EmbedsPaddingAsZero(_OtherEmbedding):
    class op(EmbeddingOp):  # noqa: N801 - it stands for the attribute
        def forward(self, tokens):
            return super().forward(tokens) * (tokens > 0)[..., None]


@breaks(WITHOUT, says="step 1 in fp64: the gradient of embedding/embeddings: .* away from the reference", workload="imdb_lstm")
class CountsADuplicateOnce(_OtherEmbedding):
    class op(EmbeddingOp):  # noqa: N801
        def backward(self, dy):
            gradient = np.zeros_like(self.table)
            gradient[self.tokens] = dy
            self.gradients = {f"{self.name}/embeddings": gradient}


@breaks(WITHOUT, says="step 1 in fp64: the update of embedding/embeddings: .* away from the reference", workload="imdb_lstm")
class SquaresDuplicatesApart(_OtherEmbedding):
    """What Keras' Adam does with IndexedSlices: a sum of squares where the square of a sum belongs."""

    class op(EmbeddingOp):  # noqa: N801
        def backward(self, dy):
            super().backward(dy)
            self.squares = np.zeros_like(self.table)
            np.add.at(self.squares, self.tokens, dy**2)

    def update(self, gradients):
        name, b2 = "embedding/embeddings", self.optimizer.beta_2
        self.v[name] += (1 - b2) / b2 * (self.network[0].squares - gradients[name] ** 2)
        super().update(gradients)


@breaks(WITHOUT, says="step 1 in fp64: the output of lstm: .* away from the reference", workload="imdb_lstm")
class OtherOrderOfGates(NumpyWorker):
    """Input, forget, output, cell."""

    def build(self, spec, workload, weights):
        def reordered(array):
            i, f, c, o = np.split(array, 4, axis=-1)
            return np.concatenate([i, f, o, c], axis=-1)

        super().build(spec, workload, {name: reordered(array) if "lstm" in name else array for name, array in weights.items()})


@breaks(WITHOUT, says="step 1 in fp64: the update of lstm/bias: .* away from the reference", workload="imdb_lstm")
class LearnsTwoBiases(NumpyWorker):
    """PyTorch's LSTM has two that are added, and their sum moves twice as fast."""

    def update(self, gradients):
        before = self.parameters["lstm/bias"].copy()
        super().update(gradients)
        self.parameters["lstm/bias"] += self.parameters["lstm/bias"] - before


@breaks(WITHOUT, says="step 1 in fp64: the output of conv1: .* away from the reference", workload="cifar10_cnn")
class ForgetsToScale(NumpyWorker):
    def build(self, spec, workload, weights):
        super().build(spec, dataclasses.replace(workload, input_scale=1.0), weights)


@breaks(WITHOUT, says="step 1 in fp64: the output of dense1: .* away from the reference", workload="newsgroups_mlp")
class GivesOutputsBeforeTheActivation(NumpyWorker):
    def forward(self, x):
        logits = super().forward(x)
        x = x.astype(self.dtype)
        for op in self.network:
            x = op.forward(x)
            if not isinstance(op, ReLUOp):
                self.outputs[op.name] = x
        return logits


@breaks(WITHOUT, says="step 2 in fp64: the output of conv1: .* away from the reference")
class TracesOnACopy(NumpyWorker):
    def trace(self, index, masks):
        before = self.weights()
        trace = super().trace(index, masks)
        for name, array in before.items():
            self.parameters[name][...] = array
        return trace


@breaks(WITHOUT, says="step 1 in fp64: the loss: .* away from the reference")
class TracesTheSumOfTheLosses(NumpyWorker):
    def trace(self, index, masks):
        trace = super().trace(index, masks)
        return dataclasses.replace(trace, loss=trace.loss * len(index))


@breaks("traces_every_tensor_as_the_reference_in_fp32", says="step 1 in fp32: the gradient of .*/kernel: .* away from the reference")
class BackwardsInHalfPrecision(NumpyWorker):
    def backward(self, gradient):
        return {name: array.astype(np.float16).astype(self.dtype) for name, array in super().backward(gradient).items()}


@breaks("times_the_step_that_it_traces", says="timed against traced steps: conv1/kernel: .* away from the reference")
class DecaysWeightsInTrainingOnly(NumpyWorker):
    """After the last step that is compared, so that no loss tells of it."""

    def train_step(self, x, y):
        super().train_step(x, y)
        if self.step == TIMED_STEPS:
            self.parameters["conv1/kernel"] *= 0.99


@breaks("trace_takes_no_batch_and_leaves_no_loss", says="trace.. in its middle: .* away from the reference")
class TraceTakesABatch(NumpyWorker):
    def trace(self, index, masks):
        next(self.batches)
        return super().trace(index, masks)


@breaks("trace_takes_no_batch_and_leaves_no_loss", says=r"trace.. in its middle: shape \(4,\), expected \(3,\)")
class TraceLeavesALoss(NumpyWorker):
    def trace(self, index, masks):
        trace = super().trace(index, masks)
        self._losses.append(trace.loss)
        return trace


class _Retouched(NumpyWorker):
    """Changes a trace that was right."""

    def trace(self, index, masks):
        return dataclasses.replace(trace := super().trace(index, masks), **self.retouched(trace))

    def retouched(self, trace):
        raise NotImplementedError


LAYOUT = "traces_in_the_canonical_layout"


@breaks(LAYOUT, says="the loss is a float64, not a float")
class LossOfNumPy(_Retouched):
    def retouched(self, trace):
        return {"loss": np.float64(trace.loss)}


@breaks(LAYOUT, says=r"outputs of \['logits', .*'conv1'\], expected \['conv1'")
class NamesItsLayersBackwards(_Retouched):
    def retouched(self, trace):
        return {"outputs": dict(reversed(trace.outputs.items()))}


@breaks(LAYOUT, says=r"outputs: conv1 is \('float32', \(5, 32, 30, 30\)\), expected", workload="cifar10_cnn")
class ChannelsFirst(_Retouched):
    def retouched(self, trace):
        return {"outputs": trace.outputs | {"conv1": trace.outputs["conv1"].transpose(0, 3, 1, 2)}}


@breaks(LAYOUT, says="gradients of .*'dense1/bias', 'dense2/bias'", workload="newsgroups_mlp")
class LeavesAGradientOut(_Retouched):
    def retouched(self, trace):
        return {"gradients": {name: array for name, array in trace.gradients.items() if name != "dense1/kernel"}}


@breaks(LAYOUT, says="gradients: logits/kernel is a Tensor, not a NumPy array")
class TensorsOfItsOwn(_Retouched):
    class Tensor(np.ndarray):
        """What a framework may give in the place of an array."""

    def retouched(self, trace):
        return {"gradients": {name: array.view(self.Tensor) for name, array in trace.gradients.items()}}


@breaks(LAYOUT, says="the first trace's parameters, after the second: conv1/kernel has other values")
class SharesItsMemory(_Retouched):
    def retouched(self, trace):
        return {"parameters": self.parameters}
