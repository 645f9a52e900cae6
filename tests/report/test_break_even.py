"""When a slow start pays, by hand."""

import pytest

from levelfield.report import render
from levelfield.report.analysis import analyse
from levelfield.report.break_even import told
from levelfield.report.model import BreakEven
from tests.report.study_factory import TENSORFLOW, frames


def with_start(seconds, **changes):
    """TensorFlow trains 3,000 examples/s and PyTorch 2,400; TensorFlow's import takes ``seconds`` longer."""
    given = frames(noise=0.001, **changes)
    given.runs.loc[given.runs["side"] == TENSORFLOW, "phase_import_s"] += seconds
    return given


def only(given):
    return analyse(given).workloads[0].comparisons[0]


def test_the_start_counts_only_what_warm_up_took_longer():
    """A warm-up block of 1,280 examples took 2 s; at full speed it takes 1280 / 3000 s. Five phases of 0.5 s, and building, 1 s."""
    side = analyse(with_start(0.0)).workloads[0].sides[0]
    assert side.quantities["start"].median == pytest.approx(5 * 0.5 + 1.0 + 2.0 - 1280 / 3000, rel=0.01)


def test_the_lines_cross_where_the_gain_of_each_epoch_has_paid_for_the_start():
    """An epoch has 5,120 examples: it takes 1.707 s and 2.133 s, so 0.427 s are gained in each."""
    found = only(with_start(4.0)).break_even
    later = 4.0 - 1280 / 3000 + 1280 / 2400
    assert found.faster == "TensorFlow"
    assert found.later_s == pytest.approx(later, rel=0.01)
    assert found.epochs == pytest.approx(later / (5120 / 2400 - 5120 / 3000), rel=0.03)


def test_who_is_faster_and_starts_first_is_ahead_from_the_beginning():
    found = only(with_start(-0.4)).break_even
    assert (found.epochs, found.later_s) == (0.0, 0.0)
    assert told(found, ("TensorFlow", "PyTorch")) is None


def test_nothing_is_said_where_no_side_is_known_to_be_faster():
    assert only(with_start(4.0, pairs=3)).break_even is None
    assert only(with_start(4.0, speed=(3000.0, 3000.0))).break_even is None


def test_it_stands_among_the_notes():
    assert "TensorFlow reaches its speed 4.1 s later than PyTorch; that pays after" in render.to_markdown(analyse(with_start(4.0)))


@pytest.mark.parametrize(("epochs", "words"), [(0.123, "0.12"), (9.7, "9.7"), (1234.5, "1,234")])
def test_the_number_of_epochs_is_readable(epochs, words):
    found = BreakEven(faster="B", later_s=1.0, epochs=epochs)
    assert told(found, ("A", "B")) == f"B reaches its speed 1.0 s later than A; that pays after {words} epochs."
