"""What the ranks of a gang record of one step, put together."""

import numpy as np

from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record, joint_record, of_its_own


def record(rank, *, part=Part.OFF, output=None):
    tensors = {
        "output/conv1": np.full((rank + 1, 2), float(rank)) if output is None else output,
        "loss/loss": np.array(1.5),
        "gradient/conv1/kernel": np.ones(3),
    }
    return Record(part=part, step=4, tensors=tensors, own={"output": 0.1 * (rank + 1), "loss": 0.3})


def test_outputs_of_the_parts_stand_one_below_the_other():
    whole = joint_record([record(0), record(1)])
    assert whole.tensors["output/conv1"].tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    assert whole.tensors["gradient/conv1/kernel"].tolist() == [1.0] * 3
    assert (whole.step, whole.part, whole.own) == (4, Part.OFF, {"output": 0.2, "loss": 0.3})


def test_of_errors_the_largest():
    whole = joint_record([record(0, output=np.array(0.1)), record(1, output=np.array(0.3))])
    assert float(whole.tensors["output/conv1"]) == 0.3


def test_dropout_of_its_own_is_judged_on_the_worst_rank():
    parts = [record(rank, part=Part.DRAWN, output=np.array(wrong)) for rank, wrong in enumerate((0.0, np.inf))]
    assert joint_record(parts).tensors["output/conv1"] == np.inf


def test_errors_of_few_elements_are_left_out_where_a_rank_has_too_few():
    parts = [record(0, output=np.array(0.1)), record(1)]
    del parts[1].tensors["output/conv1"]
    assert "output/conv1" not in joint_record(parts).tensors


def test_what_the_ranks_have_in_common_is_told_by_the_first_alone():
    first, second = of_its_own(record(0), 0), of_its_own(record(1), 1)
    assert (first.tensors.keys(), list(second.tensors)) == (record(0).tensors.keys(), ["output/conv1"])
    whole, expected = joint_record([first, second]), joint_record([record(0), record(1)])
    assert {name: array.tolist() for name, array in whole.tensors.items()} == {name: a.tolist() for name, a in expected.tensors.items()}
    assert whole.own == expected.own


def test_one_alone_is_what_it_is():
    assert joint_record([one := record(0)]) is one
