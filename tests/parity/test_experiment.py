"""What both sides are fed."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.parity.experiment import EPOCHS, SHIFT, Part
from tests.parity.small import IMAGES, TEXTS, dataset, experiment

PRECISIONS = {"fp64": np.float64, "fp32": np.float32}


def differ(a, b):
    return a.keys() == b.keys() and any(not np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("workload", [IMAGES, TEXTS], ids=lambda workload: workload.name)
def test_two_processes_are_fed_alike_and_two_seeds_are_not(workload):
    one, same, other = (experiment(workload, "fp32", seed=seed) for seed in (0, 0, 1))
    for given in (lambda e: e.weights(), lambda e: e.perturbed_weights(2), lambda e: e.masks(3, 8), lambda e: dict(enumerate(e.batches()))):
        assert not differ(given(one), given(same))
        assert differ(given(one), given(other))
    assert differ(one.masks(0, 8), one.masks(1, 8))
    assert differ(one.perturbed_weights(0), one.perturbed_weights(1))


@pytest.mark.parametrize(("batch_size", "steps"), [(8, 4), (8, 5), (8, 2), (8, 1), (3, 4), (1, 6)])
def test_every_epoch_ends_with_half_a_batch(batch_size, steps):
    """Also where nothing can be halved, the number of steps is the one that was asked for."""
    of = experiment(IMAGES, "fp64", batch_size=batch_size, steps=steps)
    sizes = [len(batch) for batch in of.batches()]
    per_epoch = max(2, -(-steps // EPOCHS))
    epoch = [batch_size] * (per_epoch - 1) + [max(1, batch_size // 2)]
    assert sizes == (epoch * EPOCHS)[:steps]
    assert sizes[0] == batch_size, "also one step alone is that of a full batch"
    first, second = of.orders()
    assert sorted(first) == sorted(second) == list(range(of.examples))
    assert len(first) < 3 or list(first) != list(second)


def test_masks_have_their_shapes_and_keep_their_share():
    assert experiment(TEXTS, "fp32").masks(0, 4)["dropout1"].shape == (4, 1, 8)
    kept = experiment(IMAGES, "fp32").masks(0, 2000)["dropout1"]
    assert kept.shape == (2000, 8)
    assert kept.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("workload", [IMAGES, TEXTS], ids=lambda workload: workload.name)
def test_what_is_constant_at_first_is_shifted_and_nothing_else(workload, precision):
    """All of them are zero in a run, or one in a forget gate: then nobody would see two exchanged."""
    initial = workload.initial_weights(0)
    given = experiment(workload, precision).weights()
    assert given.keys() == initial.keys()
    for name, array in given.items():
        assert array.dtype == PRECISIONS[precision]
        moved = np.abs(array - initial[name].astype(array.dtype))
        if name.endswith("/bias"):
            assert len(np.unique(array)) == array.size
            assert 0 < moved.max() <= SHIFT
        else:
            assert moved.max() == 0


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_draw_moves_every_weight_by_one_unit_in_the_last_place(precision):
    of = experiment(IMAGES, precision)
    exact, drawn = of.weights(), of.perturbed_weights(0)
    for name, array in exact.items():
        up, down = (drawn[name] == np.nextafter(array, array.dtype.type(towards)) for towards in (np.inf, -np.inf))
        assert (up ^ down).all(), name
        assert array.size < 8 or (up.any() and down.any()), name
        assert drawn[name].dtype == array.dtype


def test_examples_come_from_the_whole_range():
    """Files may be sorted by their labels."""
    full = dataset(IMAGES)
    used = experiment(IMAGES, "fp32").dataset(full)
    assert len(used.x_train) == len(used.y_train) == 20
    np.testing.assert_array_equal(used.x_train[[0, -1]], full.x_train[[0, -1]])
    np.testing.assert_array_equal(used.y_train[[0, -1]], full.y_train[[0, -1]])


def test_too_few_examples_are_refused():
    with pytest.raises(ValueError, match="20 steps need 76 training examples, made up has 40"):
        experiment(IMAGES, "fp32", steps=20).dataset(dataset(IMAGES))


def test_dropout_on_is_a_part_where_there_is_dropout():
    assert experiment(IMAGES, "fp32").parts == [Part.OFF, Part.ON, Part.DRAWN, Part.TIMED]
    without = replace(IMAGES, layers=tuple(layer for layer in IMAGES.layers if layer.name != "dropout1"))
    assert experiment(without, "fp32").parts == [Part.OFF, Part.TIMED]


def test_the_timed_step_is_compared_with_every_rate_at_zero():
    layers = {layer.name: layer for layer in experiment(TEXTS, "fp32").workload.without_dropout().layers}
    assert layers["dropout1"].rate == 0
    assert layers["dropout1"].per_sequence
    assert [layer for name, layer in layers.items() if name != "dropout1"] == [each for each in TEXTS.layers if each.name != "dropout1"]
