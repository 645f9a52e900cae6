"""What names a run and its inputs must never change by accident: golden values for hashes, orders and initial weights."""

import dataclasses

import numpy as np
import pytest

from levelfield import workloads
from levelfield.spec import RunSpec
from levelfield.workloads.base import batch_order, fingerprint
from levelfield.workloads.layers import Dropout, mask_shape

SPEC = RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=0)
GOLDEN_WEIGHTS = {
    (0, "float32"): "f08d341d7a19d0ef737c9341bbb9570c6aeac8ef7233f2118a43cf781d86fdc2",
    (0, "float64"): "a143a082eccf3d78d570a23438b6592d6e3ef178f39099f6ac915f4967f7e9b4",
    (1, "float32"): "1f822dabfd86cfc29953fd34e5a9587d4679dda5640e813021fea3eb74147879",
}
GOLDEN_WORKLOADS = {  # the number of parameters, and the fingerprint of their first values for seed 0
    "cifar10_cnn": (122_570, "97943e45c94654814aadab5078362c4570f12cc837e0ba734a632e500dc7dbf3"),
    "digits_cnn": (13_706, GOLDEN_WEIGHTS[0, "float64"]),
    "resnet50": (25_610_152, "0f563b7ef729f2a3ae9241b518adad597284fed9051eb56164acbab7d649fdf2"),
    "imdb_lstm": (1_411_713, "1d24e749b29a1e81d65d6e99abd4a7e52c25d28cf54cc15a20d964506aa971a8"),
    "newsgroups_mlp": (1_296_898, "d3c58ff3fbf57c233cb00405550574b9989df4c2314a3807218022ebfa27b641"),
}


def test_hash_is_golden():
    assert SPEC.canonical_json() == '{"framework":"torch","mode":"eager","seed":0,"workload":"digits_cnn"}'
    assert SPEC.hash == "695d3da5f0d3dfe6"


def test_defaults_do_not_enter_the_hash_and_everything_else_does():
    assert dataclasses.replace(SPEC, track="matched", precision="fp32", device="cpu", epochs=None).hash == SPEC.hash
    changes = {"workload": "x", "framework": "x", "mode": "x", "seed": 1, "track": "x", "precision": "x", "device": "x"}
    changes |= {
        "batch_size": 1,
        "epochs": 1,
        "learning_rate": 1.0,
        "threads": 1,
        "trains": False,
        "workers": 2,
        "placement": "spread",
        "device_model": "x",
    }
    assert set(changes) == {field.name for field in dataclasses.fields(RunSpec)}
    hashes = {dataclasses.replace(SPEC, **{name: value}).hash for name, value in changes.items()}
    assert len(hashes | {SPEC.hash}) == len(changes) + 1


def test_a_later_field_with_a_default_does_not_rename_older_runs():
    later = dataclasses.make_dataclass("Later", [("later", int | None, None)], bases=(RunSpec,), frozen=True, kw_only=True)
    assert later(**SPEC.to_dict()).hash == SPEC.hash
    assert later(**SPEC.to_dict(), later=1).hash != SPEC.hash


def test_spec_survives_its_dictionary_and_names_what_is_wrong():
    assert RunSpec.from_dict(SPEC.to_dict()) == SPEC
    with pytest.raises(ValueError, match="unknown field batchsize"):
        RunSpec.from_dict(SPEC.to_dict() | {"batchsize": 1})
    with pytest.raises(ValueError, match="seed"):
        RunSpec.from_dict({name: value for name, value in SPEC.to_dict().items() if name != "seed"})


@pytest.mark.parametrize(("seed", "dtype"), GOLDEN_WEIGHTS)
def test_initial_weights_are_golden(seed, dtype):
    weights = workloads.get("digits_cnn").initial_weights(seed)
    assert fingerprint({name: array.astype(dtype) for name, array in weights.items()}) == GOLDEN_WEIGHTS[seed, dtype]


def test_every_workload_has_its_golden_weights():
    found = {name: workloads.get(name).initial_weights(0) for name in workloads.names()}
    assert {
        name: (sum(array.size for array in weights.values()), fingerprint(weights)) for name, weights in found.items()
    } == GOLDEN_WORKLOADS


def test_initial_weights_of_the_lstm_are_kerass_but_for_the_recurrent_kernel():
    weights = workloads.get("imdb_lstm").initial_weights(0)
    units = 128
    assert 0.0499 < np.abs(weights["embedding/embeddings"]).max() <= 0.05
    for name in ("lstm/kernel", "lstm/recurrent_kernel"):
        limit = np.sqrt(6 / (units + 4 * units))
        assert weights[name].shape == (units, 4 * units)
        assert 0.99 * limit < np.abs(weights[name]).max() <= limit
    assert weights["lstm/bias"].reshape(4, units).tolist() == [[gate == 1.0] * units for gate in range(4)], "the forget gate's are 1"
    assert not weights["logit/bias"].any()


@pytest.mark.parametrize("name", workloads.names())
def test_shapes_lead_from_the_inputs_to_the_logits(name):
    workload = workloads.get(name)
    assert workload.name == name
    *_, (last, _, output) = workload.shapes()
    assert (last, output) == (workload.layers[-1], (workload.outputs,))
    names = workload.layer_names()
    assert len(set(names)) == len(names), "two layers have one name"


def test_a_mask_is_that_of_the_input_or_of_one_time_step():
    dropout = Dropout(name="d", rate=0.5)
    assert mask_shape(dropout, (200, 128)) == (200, 128)
    assert mask_shape(dataclasses.replace(dropout, per_sequence=True), (200, 128)) == (1, 128)


def test_initial_weights_are_glorot_uniform():
    weights = workloads.get("digits_cnn").initial_weights(0)
    limit = np.sqrt(6 / (9 * 16 + 9 * 32))
    assert 0.99 * limit < np.abs(weights["conv2/kernel"]).max() <= limit
    assert not weights["conv2/bias"].any()
    assert {array.dtype.name for array in weights.values()} == {"float64"}


def test_batch_order_is_a_golden_permutation_of_seed_and_epoch():
    assert batch_order(0, 0, 10).tolist() == [9, 1, 3, 8, 7, 6, 0, 4, 2, 5]
    assert batch_order(0, 1, 10).tolist() == [2, 7, 0, 4, 1, 6, 8, 9, 3, 5]
    assert batch_order(1, 0, 10).tolist() == [7, 2, 4, 6, 1, 0, 3, 5, 9, 8]
    assert sorted(batch_order(5, 3, 1437)) == list(range(1437))


def test_fingerprint_sees_names_types_shapes_and_values_but_not_memory_layout():
    array = np.arange(6, dtype=np.int64).reshape(2, 3)
    assert fingerprint({"a": np.arange(3)}) == "38b37b674bc2216d71fed8dfcb2488c7ab8216dfbe1aba60479ffc7e80ce768b"
    others = [{"b": array}, {"a": array.astype(np.int32)}, {"a": array.reshape(3, 2)}, {"a": array + 1}]
    assert fingerprint({"a": array}) not in {fingerprint(other) for other in others}
    assert fingerprint({"a": np.asfortranarray(array)}) == fingerprint({"a": array})
    assert fingerprint({"a": array, "b": array}) == fingerprint({"b": array, "a": array})
