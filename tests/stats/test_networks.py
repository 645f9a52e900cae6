"""Pairs of networks against a hand-worked example."""

import pytest

from levelfield.stats import compare_networks
from tests.networks import pair

# Of 8 examples that only one had right, all one's: p = 2 / 2^8. Of 6, all the other's: 2 / 2^6. Of 2, one each: 1.
SEEDS = {3: pair(10, 8, 0, same_error=1, other_error=1), 5: pair(12, 0, 6, other_error=2), 8: pair(18, 1, 1)}


def test_counts_and_p_values_are_those_of_paper_and_pencil():
    found = compare_networks(SEEDS)
    counts = [(one.seed, one.test.both, one.test.a_only, one.test.b_only, one.test.neither) for one in found.pairs]
    assert counts == [(3, 10, 8, 0, 2), (5, 12, 0, 6, 2), (8, 18, 1, 1, 0)]
    assert [one.test.p for one in found.pairs] == pytest.approx([2 / 2**8, 2 / 2**6, 1])


def test_holm_goes_over_the_seeds():
    """Three times the smallest, twice the next, the largest as it is: only the first stays below 5%."""
    found = compare_networks(SEEDS)
    assert [one.adjusted_p for one in found.pairs] == pytest.approx([6 / 2**8, 4 / 2**6, 1])
    assert found.differing == 1
    assert compare_networks({5: SEEDS[5]}).differing == 1, "alone, the second would be below 5%, too"


def test_networks_agree_where_they_give_the_same_class_right_or_wrong():
    found = compare_networks(SEEDS)
    assert [one.agreement for one in found.pairs] == pytest.approx([11 / 20, 12 / 20, 18 / 20])
    assert found.agreement == pytest.approx(12 / 20)


def test_without_predictions_there_is_nothing():
    assert compare_networks({}, without=3) is None
    assert compare_networks({5: SEEDS[5]}, without=3).without == 3


def test_networks_need_the_same_examples():
    with pytest.raises(ValueError, match="20 and 18"):
        compare_networks({1: (SEEDS[3][0], pair(18, 0, 0)[0])})
