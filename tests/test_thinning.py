"""Long curves with fewer points."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from levelfield.thinning import stride, thinned


def curve(epochs):
    return [[number, 1 / number] for number in range(1, epochs + 1)]


@given(epochs=st.integers(1, 3000), most=st.integers(2, 300))
def test_a_curve_keeps_both_ends_and_an_even_part_of_what_lies_between(epochs, most):
    kept = thinned(curve(epochs), most)
    assert len(kept) <= most
    assert kept[0] == [1, 1.0]
    assert kept[-1] == [epochs, 1 / epochs]
    gaps = {after[0] - before[0] for before, after in pairwise(kept[:-1])}
    assert len(gaps) <= 1
    if epochs > most:
        assert len(kept) > most // 4, "no thinner than it has to be"


@given(most=st.integers(2, 60), epochs=st.integers(1, 400))
def test_one_that_grows_point_by_point_is_as_good_as_one_that_is_thinned_at_once(most, epochs):
    growing = []
    for point in curve(epochs):
        growing = thinned([*growing, point], most)
        assert len(growing) <= most
    assert {point[0] for point in thinned(curve(epochs), most)} <= {point[0] for point in growing}


def test_the_stride_of_a_short_curve_is_one():
    assert [stride(epochs, 200) for epochs in (1, 199, 200, 201, 400)] == [1, 1, 2, 2, 4]
