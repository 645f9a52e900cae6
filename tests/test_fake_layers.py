"""The reference's layers and losses, forwards against their definitions and backwards against finite differences."""

import dataclasses

import numpy as np
import pytest

from levelfield import scoring
from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import (
    LSTM,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Residual,
)
from tests.fake_dropout import draw_masks, set_masks
from tests.fake_layers import Conv2DOp, MaxPool2DOp, network
from tests.fake_losses import LOSSES
from tests.fake_normal import BatchNormOp, set_training
from tests.fake_recurrent import EmbeddingOp, LSTMOp

EXAMPLES, STEP = 4, 1e-6
IMAGES = Workload(
    name="images",
    title="every layer for images",
    dataset="none",
    input_shape=(7, 6, 2),
    classes=3,
    layers=(
        Conv2D(name="conv", filters=3, kernel=3, activation="relu"),
        MaxPool2D(name="pool", size=2),
        Flatten(name="flatten"),
        Dense(name="dense", units=5, activation="relu"),
        Dropout(name="dropout", rate=0.4),
        Dense(name="logits", units=3),
    ),
    optimizer=Adam(),
    batch_size=EXAMPLES,
    epochs=1,
    block_steps=1,
    target_accuracy=1.0,
)
TEXTS = dataclasses.replace(
    IMAGES,
    name="texts",
    title="every layer for texts",
    input_shape=(5,),
    classes=2,
    loss="binary_cross_entropy",
    layers=(
        Embedding(name="embedding", vocabulary=4, units=3),
        Dropout(name="dropout", rate=0.4, per_sequence=True),
        LSTM(name="lstm", units=2),
        Dense(name="logit", units=1),
    ),
)
BLOCKS = dataclasses.replace(
    IMAGES,
    name="blocks",
    title="every layer of residual networks",
    input_shape=(9, 8, 2),
    layers=(
        Conv2D(name="stem", filters=3, kernel=3, padding=1, bias=False, initialiser="he_fan_out"),
        BatchNorm(name="stem_bn", activation="relu"),
        MaxPool2D(name="pool", size=3, stride=2, padding=1),
        Residual(name="same", body=(Conv2D(name="same_conv", filters=3, kernel=1), BatchNorm(name="same_bn"))),
        Residual(
            name="smaller",
            body=(Conv2D(name="smaller_conv", filters=4, kernel=3, stride=2, padding=1),),
            shortcut=(Conv2D(name="projection", filters=4, kernel=1, stride=2, bias=False), BatchNorm(name="projection_bn")),
        ),
        GlobalAveragePool2D(name="mean"),
        Dense(name="logits", units=3),
    ),
)


def rng_of(seed):
    return np.random.Generator(np.random.PCG64(seed))


def loss_and_gradient(workload, ops, x, y):
    for op in ops:
        x = op.forward(x)
    return LOSSES[workload.loss](x, y)


@pytest.mark.parametrize("dropout", [False, True], ids=["without-dropout", "with-given-masks"])
@pytest.mark.parametrize("workload", [IMAGES, TEXTS, BLOCKS], ids=lambda workload: workload.name)
def test_every_gradient_is_that_of_finite_differences(workload, dropout):
    """Of the inputs too, where they are no tokens. Five positions of four tokens: every text holds one twice."""
    rng = rng_of(3)
    shape = (EXAMPLES, *workload.input_shape)
    x = rng.integers(0, 4, shape) if workload.takes_tokens else rng.standard_normal(shape)
    y = np.arange(EXAMPLES) % workload.classes
    weights = {name: rng.standard_normal(array.shape) for name, array in workload.initial_weights(0).items()}
    ops = network(workload.layers, weights)
    set_training(ops, True)
    set_masks(ops, draw_masks(workload, EXAMPLES, rng) if dropout else None)
    _, gradient = loss_and_gradient(workload, ops, x, y)
    gradients = {}
    for op in reversed(ops):
        gradient = op.backward(gradient)
        gradients |= op.gradients
    arrays = weights if workload.takes_tokens else weights | {"inputs": x}
    averages = {name for name, parameter in workload.parameters() if not parameter.trainable}
    for name in arrays.keys() - averages:
        array, expected = arrays[name], gradients.get(name, gradient)
        assert array.any(), f"nothing to test in {name}"
        for at in np.ndindex(array.shape):
            slope = difference(array, at, lambda: loss_and_gradient(workload, ops, x, y)[0])
            assert slope == pytest.approx(expected[at], rel=1e-5, abs=1e-8), f"{name}{at}"


def difference(array, at, loss):
    """The central difference of the loss with respect to one element."""
    before = array[at]
    losses = []
    for sign in (1, -1):
        array[at] = before + sign * STEP
        losses.append(loss())
    array[at] = before
    return (losses[0] - losses[1]) / (2 * STEP)


def test_convolution_is_the_sum_of_its_definition():
    rng = rng_of(4)
    x, kernel, bias = rng.standard_normal((2, 5, 6, 3)), rng.standard_normal((3, 3, 3, 4)), rng.standard_normal(4)
    found = Conv2DOp(Conv2D(name="c", filters=4, kernel=3), {"c/kernel": kernel, "c/bias": bias}).forward(x)
    for n, i, j, f in np.ndindex(2, 3, 4, 4):
        assert found[n, i, j, f] == pytest.approx((x[n, i : i + 3, j : j + 3] * kernel[..., f]).sum() + bias[f])


def test_strided_convolution_of_a_padded_image_is_the_sum_of_its_definition():
    rng = rng_of(5)
    x, kernel = rng.standard_normal((2, 6, 5, 3)), rng.standard_normal((3, 3, 3, 4))
    found = Conv2DOp(Conv2D(name="c", filters=4, kernel=3, stride=2, padding=1, bias=False), {"c/kernel": kernel}).forward(x)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    assert found.shape == (2, 3, 3, 4)
    for n, i, j, f in np.ndindex(found.shape):
        assert found[n, i, j, f] == pytest.approx((padded[n, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * kernel[..., f]).sum())


def test_padding_is_never_a_maximum():
    op = MaxPool2DOp(MaxPool2D(name="p", size=3, stride=2, padding=1))
    assert op.forward(np.full((1, 4, 4, 1), -2.0)).tolist() == [[[[-2.0], [-2.0]], [[-2.0], [-2.0]]]]


def test_batch_norm_normalises_by_the_batch_in_training_and_by_what_it_has_seen_afterwards():
    first = {"gamma": 2.0, "beta": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
    weights = {f"n/{name}": np.array([value]) for name, value in first.items()}
    op = BatchNormOp(BatchNorm(name="n", momentum=0.75, epsilon=0.0), weights)
    x = np.array([1.0, 3.0, 5.0, 7.0]).reshape(2, 1, 2, 1)  # mean 4, variance 5
    op.training = True
    assert op.forward(x).ravel() == pytest.approx((x.ravel() - 4) / 5**0.5 * 2 + 1)
    assert (weights["n/moving_mean"].item(), weights["n/moving_variance"].item()) == pytest.approx((1.0, 0.75 + 0.25 * 5))
    op.training = False
    assert op.forward(x).ravel() == pytest.approx((x.ravel() - 1) / 2**0.5 * 2 + 1)
    assert weights["n/moving_mean"].item() == 1.0


def test_a_residual_block_adds_what_came_in():
    weights = {"c/kernel": np.full((1, 1, 1, 1), -3.0)}
    layer = Residual(name="r", body=(Conv2D(name="c", filters=1, kernel=1, bias=False),))
    ops = network((layer,), weights)
    assert ops.forward(np.array([1.0, -1.0]).reshape(2, 1, 1, 1)).ravel().tolist() == [0.0, 2.0]
    assert {name: output.ravel().tolist() for name, output in ops.outputs.items()} == {"c": [-3.0, 3.0], "r": [0.0, 2.0]}
    with pytest.raises(ValueError, match="r: a residual block with a dropout inside"):
        Residual(name="r", body=(Dropout(name="d", rate=0.1),))


def test_pooling_sends_the_gradient_to_the_first_maximum_and_drops_the_edge():
    op = MaxPool2DOp(MaxPool2D(name="p", size=2))
    x = np.array([[1.0, 1.0, 9.0], [1.0, 0.0, 9.0], [9.0, 9.0, 9.0]]).reshape(1, 3, 3, 1)
    assert op.forward(x).tolist() == [[[[1.0]]]]
    assert op.backward(np.full((1, 1, 1, 1), 5.0)).reshape(3, 3).tolist() == [[5.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_embedding_sums_the_gradients_of_a_token_that_occurs_twice():
    op = EmbeddingOp(Embedding(name="e", vocabulary=3, units=1), {"e/embeddings": np.array([[10.0], [20.0], [30.0]])})
    assert op.forward(np.array([[2, 0, 2]])).ravel().tolist() == [30.0, 10.0, 30.0]
    op.backward(np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1))
    assert op.gradients["e/embeddings"].ravel().tolist() == [2.0, 0.0, 5.0]


def test_lstm_has_its_gates_in_the_order_of_the_canonical_layout():
    """One unit, one time step from a state of zero: h = sigmoid(o) tanh(sigmoid(i) tanh(c)), and the forget gate has nothing to forget."""
    i, f, c, o = 0.1, 0.2, 0.3, 0.4
    weights = {"l/kernel": np.array([[i, f, c, o]]), "l/recurrent_kernel": np.zeros((1, 4)), "l/bias": np.zeros(4)}
    found = LSTMOp(LSTM(name="l", units=1), weights).forward(np.ones((1, 1, 1)))
    assert found[0, 0] == pytest.approx(np.tanh(np.tanh(c) / (1 + np.exp(-i))) / (1 + np.exp(-o)))
    weights["l/kernel"][...] = [[50.0, 0.0, 50.0, 50.0]]
    twice = LSTMOp(LSTM(name="l", units=1), weights | {"l/bias": np.array([0.0, f, 0.0, 0.0])}).forward(np.ones((1, 2, 1)))
    assert twice[0, 0] == pytest.approx(np.tanh(1 + 1 / (1 + np.exp(-f)))), "the second step forgets a part of the first"


def test_masks_have_the_workloads_shapes_and_rates():
    masks = draw_masks(IMAGES, 1000, rng_of(5)) | {"sequence": draw_masks(TEXTS, 1000, rng_of(6))["dropout"]}
    assert (masks["dropout"].shape, masks["sequence"].shape) == ((1000, 5), (1000, 1, 3))
    assert masks["dropout"].mean() == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(("loss", "outputs"), [("softmax_cross_entropy", 2), ("binary_cross_entropy", 1)])
def test_the_losses_are_those_that_the_core_judges_by(loss, outputs):
    """Two implementations of one definition, for logits of every size."""
    workload = dataclasses.replace(TEXTS, loss=loss)
    logits = rng_of(7).standard_normal((6, outputs)) * np.array([0.1, 1.0, 10.0, 100.0, 1000.0, 0.0])[:, None]
    labels = np.arange(6) % 2
    assert LOSSES[loss](logits, labels)[0] == pytest.approx(scoring.loss(workload, logits, labels), rel=1e-14)
