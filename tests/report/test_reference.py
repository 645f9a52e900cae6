"""Reference points for convergence: where a new run's accuracy may lie, and what is said of one that lies elsewhere."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from levelfield.report import reference
from levelfield.report.analysis import analyse
from levelfield.report.quantities import ACCURACY
from levelfield.report.reference import Reference, packaged, read
from levelfield.report.render import to_csv, to_dict, to_markdown, to_rich
from tests.report.study_factory import TENSORFLOW, TORCH, end, frames

KNOWN = Reference(
    workload="digits_cnn",
    track="matched",
    framework=None,
    accuracies=(0.969, 0.971, 0.970, 0.968, 0.972, 0.970),
    studies=("digits-ref",),
    machines=("Model 7, 1 thread",),
    levelfield_versions=("0.1.0",),
    data_fingerprints=("d" * 64,),
)


def odd(given, *references):
    return analyse(given, references or (KNOWN,)).workloads[0].outside


def with_one_run_at(accuracy, run_id=4, **options):
    """Everybody reaches 97%, but one run."""
    given = frames(**options)
    given.epochs.loc[:, "test_accuracy"] = 0.97
    last = (given.epochs["run_id"] == run_id) & (given.epochs["epoch"] == 1)
    given.epochs.loc[last, "test_accuracy"] = accuracy
    return given


def test_the_interval_by_hand():
    """Five values of mean 50.10 and sd 1.3134; t(0.995, 4) = 4.6041, from a table: 50.10 ± 4.6041 x 1.3134 x sqrt(1.2) = 50.10 ± 6.624."""
    interval = replace(KNOWN, accuracies=(0.514, 0.495, 0.487, 0.493, 0.516)).interval()
    assert (interval.low, interval.high) == (pytest.approx(0.43476, abs=1e-5), pytest.approx(0.56724, abs=1e-5))


def test_ten_looks_widen_the_interval_to_that_of_one_in_a_thousand():
    one, ten = (KNOWN.interval(looks) for looks in (1, 10))
    # t(0.9995, 5) = 6.869 against t(0.995, 5) = 4.032
    assert (ten.high - ten.low) / (one.high - one.low) == pytest.approx(6.8688 / 4.0321, rel=1e-3)


def test_new_runs_lie_within_it_as_often_as_it_says():
    """4,000 times eight reference runs and five new ones: all five within in 99 of 100 cases, with Bonferroni a little more often."""
    rng = np.random.default_rng(3)
    kept = 0
    for _ in range(4000):
        values = rng.normal(0.7, 0.01, 13)
        interval = replace(KNOWN, accuracies=tuple(values[:8])).interval(5)
        kept += all(interval.low <= value <= interval.high for value in values[8:])
    assert 0.985 <= kept / 4000 <= 0.997


@pytest.mark.parametrize("accuracies", [(), (0.9,), (0.9, 0.91), (0.9, 0.9, 0.9)])
def test_too_few_runs_or_none_that_differ_give_no_interval(accuracies):
    assert replace(KNOWN, accuracies=accuracies).interval() is None
    assert odd(with_one_run_at(0.2), replace(KNOWN, accuracies=accuracies)) == ()


def test_the_interval_stays_within_what_an_accuracy_can_be():
    interval = replace(KNOWN, accuracies=(0.0, 0.5, 1.0)).interval()
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_a_run_outside_is_flagged_with_its_seed_and_the_interval():
    (found,) = odd(with_one_run_at(0.412))
    interval = KNOWN.interval(5)
    assert (found.side.label, found.seed, found.attempt, found.accuracy) == (TORCH, 1, 1, 0.412)
    assert (found.low, found.high, found.reference_runs, found.track, found.same_data) == (interval.low, interval.high, 6, "matched", True)


def test_a_run_above_is_flagged_as_well_and_one_at_the_edge_is_not():
    interval = KNOWN.interval(5)
    assert len(odd(with_one_run_at(interval.high + 1e-4))) == 1
    assert odd(with_one_run_at(interval.high)) == odd(with_one_run_at(interval.low)) == ()


@pytest.mark.parametrize(
    ("column", "value", "flagged"),
    [
        ("epochs", 2, False),
        ("batch_size", 8, False),
        ("learning_rate", 0.1, False),
        ("precision", "bf16", False),
        ("precision", "fp64", True),
        ("device", "cuda", True),
        ("mode", "compiled", True),
        ("framework", "jax", True),
        ("track", "tuned", False),
    ],
)
def test_only_runs_with_the_workload_s_own_settings_are_set_against_it(column, value, flagged):
    given = with_one_run_at(0.412)
    given.runs[column] = value
    assert bool(odd(given)) is flagged


def test_a_workload_without_reference_is_not_judged():
    assert odd(with_one_run_at(0.412), replace(KNOWN, workload="imdb_lstm")) == ()


def test_the_runs_that_made_the_reference_are_not_set_against_it():
    assert odd(with_one_run_at(0.412), replace(KNOWN, studies=("other", "trial-1"))) == ()


def test_where_frameworks_are_not_aligned_each_has_its_own_reference():
    given = with_one_run_at(0.90, track="article")
    torch = replace(KNOWN, track="article", framework=TORCH)
    low = replace(torch, accuracies=(0.89, 0.90, 0.91, 0.96, 0.99))
    assert len(odd(given, torch)) == 1
    assert odd(given, replace(torch, framework=TENSORFLOW)) == ()
    assert odd(given, low) == ()


def test_a_run_that_failed_and_an_earlier_attempt_are_not_judged():
    given = with_one_run_at(0.412)
    assert odd(end(given, 4, "failed", "lost", keep=True)) == ()
    given = with_one_run_at(0.412)
    given.runs.loc[given.runs["run_id"] == 4, "latest"] = False
    assert odd(given) == ()


def test_other_data_is_told():
    given = with_one_run_at(0.412)
    given.runs["data_fingerprint"] = "mine"
    (found,) = odd(given)
    assert reference.outside_text(found).endswith("(6 runs, matched, on other data)")


def test_every_rendering_tells_it():
    given = with_one_run_at(0.412)
    found = analyse(given, (KNOWN,))
    interval = KNOWN.interval(5)
    ends = f"{interval.low:.1%} to {interval.high:.1%}"
    words = f"est accuracy of PyTorch, seed 1: 41.2%, outside the reference interval {ends} (6 runs, matched)"
    console = Console(width=5000, record=True, file=io.StringIO())
    console.print(to_rich(found))
    for text in (to_markdown(found), console.export_text()):
        assert f"- T{words}." in text
        assert f"outside reference (t{words})" in text
    plain = to_dict(found)["workloads"][0]
    assert plain["outside"][0]["accuracy"] == 0.412
    rows = list(csv.DictReader(io.StringIO(to_csv(given, found))))
    assert [row["outside_reference"] for row in rows] == ["", "", "", f"t{words}", *[""] * 6]


def test_the_label_is_on_the_comparisons_of_that_side_alone():
    given = frames(sides=("tensorflow", "torch", "again"), frameworks=("tensorflow", "torch", "torch"), speed=[1] * 3, accuracy=[0.97] * 3)
    given.epochs["test_accuracy"] = 0.97
    given.epochs.loc[given.epochs["run_id"].isin([5, 8]), ACCURACY.name] = [0.5, 0.412, 0.5, 0.3]
    comparisons = analyse(given, (KNOWN,)).workloads[0].comparisons
    labels = [[label.why for label in comparison.labels if label.name == "outside reference"] for comparison in comparisons]
    assert [len(found) for found in labels] == [1, 0, 1]
    assert labels[0][0].startswith("test accuracy of PyTorch, seed 1: 41.2%")
    assert labels[0][0].endswith("; and 1 more")


def test_what_comes_with_this_version_can_be_read():
    assert all(isinstance(one.accuracies, tuple) and one.accuracies for one in packaged())


def test_a_file_of_another_format_is_refused(tmp_path):
    file = tmp_path / "reference.json"
    file.write_text(json.dumps({"format": 2, "references": []}))
    with pytest.raises(ValueError, match=r"reference.json has format 2, known here: 1"):
        read(file)
