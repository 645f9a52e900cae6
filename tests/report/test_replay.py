"""A stored run against its repeats, on studies made by hand."""

import json
import math
import re

import pytest

from levelfield.report.replay import compare
from levelfield.report.replayed import sentence, to_json
from levelfield.result import Status
from levelfield.stats import predict
from tests.report.repeats import NEW, OLD, repeat, shown, values
from tests.report.study_factory import TENSORFLOW, TORCH, end, frames

LOSSES = {OLD: [0.5, 0.25, 0.125], NEW: [0.5, 0.25, 0.125]}


def throughputs(given, side):
    ids = given.runs[given.runs["side"] == side]["run_id"]
    steady = given.block_rows[given.block_rows["steady"] & given.block_rows["run_id"].isin(ids)]
    return (steady["samples"] / steady["duration_s"]).groupby(steady["run_id"]).median().tolist()


def test_a_run_that_comes_out_as_before_is_confirmed():
    found = compare(frames(), repeat(NEW), OLD, LOSSES)
    assert found.is_confirmed
    assert (found.side, found.workload, found.seed, found.new_study_id) == (TENSORFLOW, "digits_cnn", 1, "replay-3-x")
    assert {"test_accuracy", "test_loss", "train_loss", "throughput", "start", "time_to_train", "wall", "process_peak_rss"} == set(
        values(found)
    )
    for value in found.values:
        assert value.inside is True, value.quantity.name
        assert value.new == (value.old,) == (value.centre,)
    assert (found.differences, found.inexact) == ((), ())
    (curve,) = [run.curve for run in found.runs]
    assert (curve.unit, curve.old, curve.is_identical) == ("step", 3, True)


def test_the_interval_is_for_one_more_run_of_the_same_side():
    given = frames()
    found = values(compare(given, repeat(NEW), OLD, {}))["throughput"]
    assert found.old_runs == 5
    assert found.interval == predict(throughputs(given, TENSORFLOW), scale="ratio").interval
    assert not found.interval.low < throughputs(given, TORCH)[0] < found.interval.high, "the other side is another population"


@pytest.mark.parametrize(("factor", "inside"), [(1.03, True), (1.2, False), (0.8, False)])
def test_a_run_that_is_slower_or_faster_than_any_may_be_lies_outside(factor, inside):
    new = repeat(NEW)
    new.block_rows["duration_s"] /= factor
    found = compare(frames(), new, OLD, LOSSES)
    assert values(found)["throughput"].inside is inside
    assert found.is_confirmed is inside
    assert [value.quantity.name for value in found.outside] == ([] if inside else ["throughput", "start"])


def test_accuracy_is_held_against_seeds_on_its_own_scale():
    given, new = frames(), repeat(NEW)
    accuracies = given.epochs[(given.epochs["side"] == TENSORFLOW) & (given.epochs["epoch"] == 1)]["test_accuracy"].tolist()
    found = values(compare(given, new, OLD, {}))["test_accuracy"]
    assert found.interval == predict(accuracies, scale="difference").interval
    assert found.old == accuracies[1]
    new.epochs["test_accuracy"] -= 0.05
    assert values(compare(given, new, OLD, {}))["test_accuracy"].inside is False
    assert "-5.00 points" in shown(compare(given, new, OLD, {}))


def test_no_accuracy_is_expected_beyond_all():
    found = compare(frames(accuracy=(0.999, 0.9)), repeat(NEW, runs=frames(accuracy=(0.999, 0.9))), OLD, {})
    assert values(found)["test_accuracy"].interval.high == 1.0


def test_the_mean_of_several_repeats_is_held_against_a_narrower_interval_for_time_alone():
    """They share a seed: for what is learned they are one more draw, however many there are."""
    given, new = frames(), repeat(101, 102, 103, 104)
    new.block_rows["duration_s"] *= new.block_rows["run_id"].map({101: 1.0, 102: 1.02, 103: 0.98, 104: 1.04})
    found = compare(given, new, OLD, {})
    speed, accuracy = values(found)["throughput"], values(found)["test_accuracy"]
    assert len(speed.new) == len(accuracy.new) == 4
    assert speed.centre == pytest.approx(math.exp(sum(map(math.log, speed.new)) / 4))
    assert speed.interval == predict(throughputs(given, TENSORFLOW), scale="ratio", further=4).interval
    assert accuracy.interval == values(compare(given, repeat(NEW), OLD, {}))["test_accuracy"].interval
    assert "mean of 4 new runs" in shown(found)


def test_a_single_old_run_gives_no_interval_and_that_is_said():
    found = compare(frames(pairs=1), repeat(NEW, of=1, runs=frames(pairs=1)), 1, {})
    assert {value.inside for value in found.values} == {None}
    assert found.is_confirmed, "there is nothing that it could contradict"
    assert "no interval: 1 old run of this side with a value, two are needed" in shown(found)
    assert sentence(found) == "No value can be judged."


def test_what_was_disturbed_counts_neither_before_nor_now():
    given = end(frames(), 5, "invalid", keep=True)
    found = compare(given, repeat(NEW), OLD, {})
    assert (values(found)["throughput"].old_runs, values(found)["test_accuracy"].old_runs) == (4, 5)
    disturbed = compare(given, repeat(NEW, status="invalid", failure_reason="foreign processes took 0.9 cores"), OLD, {})
    assert values(disturbed)["test_accuracy"].inside is True
    assert values(disturbed)["throughput"].why == "no new value: invalid"
    assert not disturbed.is_confirmed, "an interval without a value that lies in it confirms nothing"
    assert "Run 101, attempt 1: invalid: foreign processes took 0.9 cores" in shown(disturbed)


def test_earlier_attempts_are_left_out():
    given = frames()
    given.runs.loc[given.runs["run_id"] == 5, "latest"] = False
    new = repeat(NEW, 102)
    new.runs.loc[0, ["latest", "status"]] = [False, "failed"]
    found = compare(given, new, OLD, LOSSES)
    assert values(found)["throughput"].old_runs == 4
    assert [run.run_id for run in found.runs] == [102]
    assert found.is_confirmed


@pytest.mark.parametrize(("old", "new", "confirmed"), [("ok", "failed", False), ("ok", "diverged", False), ("diverged", "diverged", True)])
def test_a_repeat_that_does_not_end_as_the_old_run_confirms_nothing(old, new, confirmed):
    before = frames() if old == "ok" else end(frames(), OLD, old, "the loss is not finite")
    found = compare(before, end(repeat(NEW), NEW, new, "ValueError: [red]no[/red]"), OLD, {})
    assert found.is_confirmed is confirmed
    assert found.differences == (), "a run that did not come to its end has not done all of its work: that is told elsewhere"
    assert "ValueError: [red]no[/red]" in shown(found)
    json.loads(to_json(found))


def test_a_repeat_that_fails_confirms_nothing_even_where_there_is_no_interval():
    given = frames(pairs=1)
    assert not compare(given, end(repeat(NEW, of=1, runs=given), NEW, "failed"), 1, {}).is_confirmed


def test_a_value_that_a_repeat_lacks_confirms_nothing():
    new = repeat(NEW)
    new.block_rows["steady"] = False
    found = compare(frames(), new, OLD, {})
    assert not found.is_confirmed
    assert sentence(found).startswith("All 6 values lie inside. Without a new value: throughput and start until full speed.")


def test_the_losses_are_those_after_the_last_epoch():
    given = frames()
    given.epochs["train_loss"] = 1 / (1 + given.epochs["epoch"] + given.epochs["seed"])
    found = values(compare(given, repeat(NEW, runs=given), OLD, {}))["train_loss"]
    assert (found.old, found.centre) == (1 / 3, 1 / 3)
    assert found.interval == predict([1 / (2 + seed) for seed in range(5)], scale="ratio").interval


def test_a_value_of_zero_is_judged_on_the_plain_scale():
    given, new = frames(), repeat(NEW)
    new.epochs["train_loss"] = 0.0
    found = values(compare(given, new, OLD, {}))["train_loss"]
    assert (found.centre, found.inside) == (0.0, False)


def test_a_run_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="trial-1 has no run 99"):
        compare(frames(), repeat(NEW), 99, {})


def test_without_steps_the_epochs_are_the_learning_curve():
    given = frames(track="article")
    curve = compare(given, repeat(NEW, runs=given), OLD, {OLD: [], NEW: []}).runs[0].curve
    assert (curve.unit, curve.old, curve.is_identical) == ("epoch", 2, True)


def test_json_and_the_terminal_say_the_same():
    new = repeat(NEW)
    new.block_rows["duration_s"] *= 2
    found = compare(frames(), new, OLD, LOSSES)
    plain = json.loads(to_json(found))
    (speed,) = [value for value in plain["values"] if value["quantity"] == "throughput"]
    assert (speed["inside"], speed["unit"], speed["old_runs"]) == (False, "examples/s", 5)
    assert speed["interval"].keys() == {"low", "high"}
    assert plain["runs"][0]["curve"]["is_identical"] is True
    assert plain["is_confirmed"] is False
    assert plain["sentence"].startswith("2 of 8 values lie outside: throughput and start until full speed.")
    assert "0.40 miss by chance" in plain["sentence"]
    assert plain["sentence"] in shown(found, width=400)
    assert "OUTSIDE" in shown(found)
    assert found.status is Status.OK


def test_a_narrow_interval_is_written_with_the_digits_that_it_needs():
    given, new = frames(), repeat(NEW)
    given.runs["memory_process_peak_rss_bytes"] += given.runs["run_id"] * 40_000
    new.runs["memory_process_peak_rss_bytes"] += 6 * 2**20
    text = shown(compare(given, new, OLD, {}))
    assert re.search(r"peak memory \(RSS\), MiB 600\.11 599\.82 to 600\.56 \(5 runs\) 606\.00 \+0\.98% OUTSIDE", text), text


def test_without_a_gate_nobody_watched():
    assert "The noise gate did not watch run 101" in shown(compare(frames(), repeat(NEW), OLD, {}))
    assert "did not watch" not in shown(compare(frames(), repeat(NEW, environment={"noise": {}}), OLD, {}))
