"""Time to target and the mean over workloads, in the report."""

import pytest

from levelfield.report import render
from levelfield.report.analysis import analyse
from levelfield.report.target import times
from tests.report.study_factory import TENSORFLOW, TORCH, end, frames


def learns(given, *, slow=(), never=()):
    """Every run reaches 97% in its second epoch, those in ``slow`` after 50 s of it, those in ``never`` not at all."""
    last = given.epochs["epoch"] == 1
    given.epochs.loc[last, "test_accuracy"] = 0.98
    given.epochs.loc[last & given.epochs["run_id"].isin(slow), "train_s"] = 50.0
    given.epochs.loc[given.epochs["run_id"].isin(never), "test_accuracy"] = 0.5
    return given


def ids(given, side):
    return given.runs.loc[given.runs["side"] == side, "run_id"].tolist()


def compared(given):
    return analyse(given).workloads[0].comparisons[0].to_target


def test_the_time_counts_building_and_every_epoch_up_to_the_target():
    given = learns(frames(pairs=2), slow=[2], never=[3])
    assert times(given.epochs, given.runs) == {1: pytest.approx(3.0), 2: pytest.approx(52.0), 4: pytest.approx(3.0)}


def test_who_is_there_first_is_said_with_the_test():
    given = frames(pairs=10)
    learns(given, slow=ids(given, TORCH))
    found = compared(given)
    assert (found.a.median, found.b.median, found.favours) == (pytest.approx(3.0), pytest.approx(52.0), "a")
    text = render.to_markdown(analyse(given))
    assert "Time to 97% test accuracy, by the end of an epoch: TensorFlow 10 of 10 runs, median 3.00 s; PyTorch 10 of 10 runs" in text
    assert "TensorFlow is there first (p = 0.002" in text


def test_a_miss_ranks_last_and_leaves_no_median_where_it_is_one():
    given = frames(pairs=10)
    learns(given, never=ids(given, TENSORFLOW))
    found = compared(given)
    assert (found.a.reached, found.a.median, found.ratio, found.favours) == (0, None, None, "b")
    assert "TensorFlow 0 of 10 runs, more than half never" in render.to_markdown(analyse(given))


def test_a_run_that_failed_missed_and_one_that_was_disturbed_says_nothing():
    given = learns(frames(pairs=10))
    end(given, 1, "failed", "died")
    end(given, 3, "invalid", "noise", keep=True)
    found = compared(given)
    assert (found.a.runs, found.a.reached) == (9, 9 - 1)
    assert found.b.runs == 9


def test_several_workloads_have_a_mean():
    given = frames(workloads=("digits_cnn", "cifar10_cnn"), noise=0.001)
    (one,) = analyse(given).overall
    assert one.speed.estimate == pytest.approx(1.25, rel=0.01)
    line = "TensorFlow / PyTorch, geometric mean of the speed ratios over these 2 workloads: 1.25"
    assert line in render.to_markdown(analyse(given)).replace("\\", "")
    assert analyse(frames()).overall == ()


def test_a_workload_without_a_pair_leaves_no_mean():
    given = frames(workloads=("digits_cnn", "cifar10_cnn"))
    given.runs = given.runs[given.runs["workload"] == "digits_cnn"]
    (one,) = analyse(given).overall
    assert one.speed.estimate is None
    assert "not known, 1 of them without a complete pair" in render.to_markdown(analyse(given))
