"""Confusion matrices and the examples on which networks part, against networks that can be checked by hand."""

import numpy as np
import pytest

from levelfield.charts import predictions as charts
from levelfield.charts.style import Look
from levelfield.predictions import Predictions
from levelfield.report import confusion

LABELS = np.array([0, 0, 1, 1, 2, 2])
A = np.array([0, 1, 1, 1, 0, 2])
B = np.array([0, 0, 2, 1, 1, 0])
NAMES = ("cat", "dog", "<b>frog</b>")
SIDES = (Look("a", "A", "#d97706", "solid"), Look("b", "B", "#2b83c6", "solid"))


def network(given, labels=LABELS, classes=3):
    return Predictions.pack(np.asarray(given), labels, classes)


PAIRS = {0: (network(A), network(B)), 7: (network(A), network(A)), 9: (network(B), network(A))}


def written(figure):
    """The numbers in the cells, by row and column."""
    told = figure.data[2]
    return {(row, column): text for row, column, text in zip(told.y, told.x, told.text, strict=True)}


def test_confusion_counts_right_classes_against_those_given():
    assert confusion.confusion([network(A)], LABELS).tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    twice = confusion.confusion([network(A), network(B)], LABELS)
    assert twice.tolist() == [[3, 1, 0], [0, 3, 1], [2, 1, 1]]


def test_the_right_class_is_known_where_any_network_had_it_right():
    assert confusion.right_classes([network(A), network(B)]).tolist() == [0, 0, 1, 1, confusion.UNKNOWN, 2]
    known = confusion.right_classes([network(A)])
    assert known.tolist() == [0, confusion.UNKNOWN, 1, 1, confusion.UNKNOWN, 2]
    assert confusion.confusion([network(A)], known).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 1]], "what is not known is left out"


def test_disagreement_sets_one_side_s_answers_against_the_other_s():
    found = confusion.disagreement({0: PAIRS[0]})
    assert found.tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert confusion.disagreement(PAIRS).sum() == 18
    assert np.trace(confusion.disagreement({7: PAIRS[7]})) == 6


def test_parting_counts_seeds():
    found = confusion.parting(PAIRS)
    assert found.a_only.tolist() == [0, 1, 1, 0, 0, 1]
    assert found.b_only.tolist() == [0, 1, 1, 0, 0, 1]
    assert found.both_wrong.tolist() == [0, 0, 0, 0, 2, 0]
    one = confusion.parting({0: PAIRS[0]})
    assert (one.a_only.tolist(), one.b_only.tolist()) == ([0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 0, 0])


def test_examples_of_most_seeds_come_first():
    assert confusion.ranked(np.array([0, 2, 1, 2, 0, 3])).tolist() == [5, 1, 3, 2]


def test_answers_are_counted_over_networks():
    found = confusion.answers([network(A), network(A), network(B)], [4, 0])
    assert found[0] == {0: 2, 1: 1}
    assert found[1] == {0: 3}


def test_of_many_classes_those_with_most_errors_are_shown_and_the_others_together():
    labels = np.repeat(np.arange(6), 4)
    given = labels.copy()
    given[[4, 5, 6]] = 3  # three of class 1 are taken for 3
    given[20] = 0  # one of class 5 for 0
    counts = confusion.confusion([network(given, labels, 8)], labels)
    assert confusion.worth_showing([counts], 8) == list(range(8))
    assert confusion.worth_showing([counts], 3) == [0, 1, 3]
    matrix = confusion.most_confused(counts, [0, 1, 5])
    assert matrix.columns == (0, 1, 5, None)
    assert matrix.counts.tolist() == [[4, 0, 0, 0], [0, 1, 0, 3], [1, 0, 3, 0]]
    assert matrix.totals.tolist() == [4, 4, 4]
    frame = charts.confusion_frame(matrix, NAMES)
    assert frame[frame["given_class"] == charts.OTHERS]["count"].tolist() == [0, 3, 0]
    assert set(frame["right_class"]) == {"cat", "dog", "5"}


def test_classes_without_examples_do_not_take_the_place_of_others():
    labels = np.array([900, 901, 902])
    counts = confusion.confusion([network(labels, labels, 1000)], labels)
    assert confusion.worth_showing([counts], 40) == [900, 901, 902]


def test_colours_are_errors_on_one_scale_and_right_ones_are_grey():
    matrices = [confusion.most_confused(confusion.confusion([network(given)], LABELS), range(3)) for given in (A, B)]
    top = charts.most_errors(matrices)
    assert top == 0.5
    for matrix, side in zip(matrices, SIDES, strict=True):
        same, errors, _ = charts.confusion(matrix, NAMES, side, top=top).data
        assert np.isnan(np.diag(np.array(errors.z, dtype=float))).all()
        assert (np.isnan(np.array(same.z, dtype=float)) != np.isnan(np.array(errors.z, dtype=float))).all()
        assert (errors.zmin, errors.zmax) == (0, 0.5)
        assert errors.colorscale[-1][1].startswith("rgba(")
    figure = charts.confusion(matrices[0], NAMES, SIDES[0], top=top)
    assert figure.data[1].customdata[2][0] == "&lt;b&gt;frog&lt;/b&gt; taken for cat<br>1 of 2 (50.00%)"
    assert figure.layout.yaxis.ticktext[2] == "&lt;b&gt;frog&lt;/b&gt;"
    assert written(figure) == {(0, 0): "50", (0, 1): "50", (1, 1): "100", (2, 0): "50", (2, 2): "50"}


def test_networks_without_an_error_have_a_map_too():
    matrix = confusion.most_confused(confusion.confusion([network(LABELS)], LABELS), range(3))
    assert charts.most_errors([matrix]) == 0.0
    assert charts.confusion(matrix, (), SIDES[0], top=0.0).data[1].zmax == 1.0


def test_the_map_of_disagreement_counts_answers():
    counts = confusion.disagreement(PAIRS)
    matrix = confusion.most_confused(counts, range(3))
    figure = charts.disagreement(matrix, NAMES, SIDES)
    apart = figure.data[1]
    assert written(figure)[0, 1] == str(counts[0, 1])
    assert (0, 0) not in written(figure), "where they agree there is no number"
    assert apart.customdata[0][2].startswith("A: cat<br>B: &lt;b&gt;frog&lt;/b&gt;<br>")
    frame = charts.disagreement_frame(matrix, NAMES, ("a", "b"))
    assert frame["count"].sum() == 18
    assert list(frame) == ["a_gave", "b_gave", "count"]


@pytest.mark.parametrize(("share", "text"), [(0.0, ""), (np.nan, ""), (0.0004, "0.0"), (0.012, "1.2"), (0.0996, "10"), (1.0, "100")])
def test_cells_are_short(share, text):
    assert charts._percent(share) == text
