"""Who computes what in a gang: nothing twice, nothing left out."""

import numpy as np
import pytest

from levelfield.gang import ALONE, Gang

SIZES = [(1, 10), (2, 32), (3, 32), (4, 4), (4, 3), (5, 1)]


def gang(size):
    return [Gang(rank=rank, peers=("x",) * size) for rank in range(size)]


@pytest.mark.parametrize(("size", "examples"), SIZES)
def test_the_shares_are_all_of_it_in_order_and_as_equal_as_can_be(size, examples):
    shares = [np.arange(examples)[member.share(examples)] for member in gang(size)]
    assert np.concatenate(shares).tolist() == list(range(examples))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("size", "examples"), SIZES)
def test_weighted_means_of_the_parts_add_up_to_the_mean_of_the_batch(size, examples):
    batch, values = np.arange(examples)[::-1].copy(), np.random.default_rng(0).random(examples)
    parts = [member.part(batch) for member in gang(size)]
    assert sum(part.weight * values[part.examples].mean() for part in parts) == pytest.approx(values.mean(), rel=1e-15)
    assert all(len(part.examples) for part in parts)


def test_every_rank_has_a_part_of_every_batch_of_an_epoch():
    order = np.random.default_rng(0).permutation(100)
    members = [list(member.parts(order, 32)) for member in gang(3)]
    assert [len(parts) for parts in members] == [4, 4, 4]
    together = [np.concatenate([parts[step].examples for parts in members]) for step in range(4)]
    assert np.concatenate(together).tolist() == order.tolist()
    assert [sum(parts[step].weight for parts in members) for step in range(4)] == pytest.approx([1.0] * 4)


def test_rows_go_with_their_examples():
    batch = np.arange(3)
    for member in gang(4):
        assert member.rows(batch * 10).tolist() == (member.part(batch).examples * 10).tolist()


def test_who_is_alone_has_everything():
    assert ALONE.size == 1
    assert [(part.examples.tolist(), part.weight) for part in ALONE.parts(np.arange(5), 3)] == [([0, 1, 2], 1.0), ([3, 4], 1.0)]


def test_a_rank_that_is_not_in_the_gang_is_refused():
    with pytest.raises(ValueError, match="rank 2 in a gang of 2"):
        Gang(rank=2, peers=("a", "b"))
