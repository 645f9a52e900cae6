"""From frames to what is said of them."""

import math

import pytest

from levelfield import services
from levelfield.report import titles
from levelfield.report.analysis import analyse
from levelfield.stats import Outcome
from tests.report.study_factory import TABLES, TENSORFLOW, TORCH, drop, end, frames


def only(given):
    """The one comparison of the one workload."""
    (workload,) = analyse(given).workloads
    (comparison,) = workload.comparisons
    return comparison


def label_names(comparison):
    return [label.name for label in comparison.labels]


def test_a_side_is_summarised():
    side = analyse(frames(noise=0)).workloads[0].sides[0]
    assert (side.side.title, side.runs, side.statuses, side.missing[0].quantity) == ("TensorFlow", 5, {"ok": 5}, "framework_peak")
    medians = {name: summary.median for name, summary in side.quantities.items()}
    assert medians == {
        "test_accuracy": pytest.approx(0.97),  # the last epoch's, not the first one's 0.5
        "speed": None,  # no duels
        "throughput": pytest.approx(3000),  # without the slow block of warm-up
        "start": pytest.approx(5 * 0.5 + 1 + 2 - 1280 / 3000),  # what warm-up took longer than at full speed
        "time_to_train": pytest.approx(1 + 2 + 3000 / 3000),  # build, warm-up, train; none of the other phases
        "wall": pytest.approx(1 + 2 + 1 + 8 * 0.5),
        "cost": None,
        "kernel_share": 0.25,
        "exchange_share": None,
        "process_peak_rss": 600 * 2**20,
        "framework_peak": None,
        "device_peak": None,
        "energy": None,
        "energy_above_idle": None,
    }


def test_the_framework_s_own_memory_is_read_where_it_is_recorded():
    given = frames()
    given.runs["memory_framework_peak_bytes"] = given.runs["memory_process_peak_rss_bytes"] // 2
    assert analyse(given).workloads[0].sides[1].quantities["framework_peak"].median == 200 * 2**20


def test_energy_is_summed_over_the_devices_that_have_a_counter():
    given = frames(pairs=1)
    used = {"joules": 700.0, "wall_ns": 10 * 10**9, "idle_watts": 50.0}
    given.runs.at[0, "environment"] = {"energy": {"GPU-a": used, "package-0": used | {"joules": 100.0, "idle_watts": 10.0}}}
    given.runs.at[1, "environment"] = {"energy": {"GPU-a": used | {"idle_watts": None}}}
    first, second = (side.quantities for side in analyse(given).workloads[0].sides)
    assert [first[name].median for name in ("energy", "energy_above_idle")] == [800.0, 200.0]
    assert [second[name].median for name in ("energy", "energy_above_idle")] == [700.0, None], "without a baseline nothing is subtracted"


def test_two_sides_are_compared_pair_by_pair():
    comparison = only(frames())
    throughput = comparison.effects["throughput"]
    assert throughput.estimate == pytest.approx(1.25, rel=0.03)
    assert comparison.effects["process_peak_rss"].estimate == pytest.approx(1.5)
    assert comparison.effects["time_to_train"].estimate < 1
    assert {effect.n for effect in comparison.effects.values()} == {comparison.pairs} == {5}
    assert (comparison.speed.outcome, comparison.speed.favours) == (Outcome.FASTER, "a")


def test_the_sentence_names_winner_interval_and_pairs():
    comparison = only(frames(speed=(2400.0, 3000.0), noise=0.005))
    low, high = (1 / bound - 1 for bound in (comparison.effects["throughput"].interval.high, comparison.effects["throughput"].interval.low))
    assert comparison.sentence == (
        f"Handwritten digits, small CNN: PyTorch trains {100 * (1 / comparison.effects['throughput'].estimate - 1):.1f}% faster than "
        f"TensorFlow (95% interval {low:.1%} to {high:.1%}, 5 pairs); test accuracy: equivalent within ±0.5 points "
        f"(90% interval of TensorFlow minus PyTorch {100 * comparison.effects['test_accuracy'].interval90.low:.2f} to "
        f"{100 * comparison.effects['test_accuracy'].interval90.high:.2f} points, 5 seeds)."
    )


def test_the_sentence_of_an_accuracy_that_is_higher():
    comparison = only(frames(accuracy=(0.95, 0.97)))
    assert "test accuracy: " in comparison.sentence
    assert "points higher with PyTorch (95% interval " in comparison.sentence
    assert comparison.accuracy.favours == "b"


def test_the_sentence_of_equivalent_speeds():
    same = only(frames(pairs=12, speed=(3000, 3000), noise=0.005))
    assert "TensorFlow and PyTorch train at equivalent speed within ±3% (90% interval of TensorFlow against PyTorch " in same.sentence
    ahead = only(frames(pairs=12, speed=(3000, 3030), noise=0.004))
    assert (ahead.speed.outcome, ahead.speed.favours) == (Outcome.EQUIVALENT, "b")
    assert "at equivalent speed within ±3% (PyTorch 0.85% faster, 95% interval " in ahead.sentence


def test_the_sentence_of_an_open_question():
    assert "TensorFlow against PyTorch, speed: not enough runs to tell (more than 1000 more); " in only(frames(pairs=3, noise=0.3)).sentence
    comparison = only(frames(pairs=3, noise=0.03))
    assert comparison.sentence.endswith(f"test accuracy: not enough runs to tell ({comparison.accuracy.more} more).")


@pytest.mark.parametrize(("pairs", "expected"), [(5, ["preliminary", "unverified"]), (10, ["unverified"])])
def test_labels(pairs, expected):
    assert label_names(only(frames(pairs=pairs))) == expected


def test_a_failed_run_is_listed_counted_and_left_out():
    given = end(frames(), 4, "failed", "RuntimeError: out of memory", 17)
    workload = analyse(given).workloads[0]
    (incident,) = workload.incidents
    assert (incident.side.label, incident.seed, incident.step, incident.reason) == (TORCH, 1, 17, "RuntimeError: out of memory")
    assert workload.sides[1].statuses == {"ok": 4, "failed": 1}
    (comparison,) = workload.comparisons
    assert {(effect.n, effect.excluded) for effect in comparison.effects.values()} == {(4, 1)}
    (exclusion,) = comparison.excluded
    assert (exclusion.seed, exclusion.reason, len(exclusion.quantities)) == (1, "PyTorch: failed", 4)
    assert not comparison.speed.decided


def test_a_run_on_a_busy_machine_counts_for_accuracy_alone():
    comparison = only(end(frames(), 4, "invalid", keep=True))
    assert (comparison.effects["throughput"].n, comparison.effects["process_peak_rss"].n, comparison.effects["test_accuracy"].n) == (
        4,
        4,
        5,
    )
    assert comparison.excluded[0].quantities == ("throughput", "time_to_train", "process_peak_rss")


def test_every_run_of_a_side_failed():
    given = frames()
    for run_id in range(2, 11, 2):
        end(given, run_id, "failed", "no")
    comparison = only(given)
    assert "speed: no complete pair (5 left out); test accuracy: no complete pair (5 left out)." in comparison.sentence


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("initial_weights_fingerprint", "other", "not comparable: different initial weights"),
        ("data_fingerprint", "other", "not comparable: different data"),
        ("data_fingerprint", None, "not comparable: fingerprint of the data not recorded"),
    ],
)
def test_a_pair_that_did_not_start_from_the_same_point_is_not_compared(column, value, reason):
    given = frames()
    given.runs.loc[given.runs["run_id"] == 4, column] = value
    comparison = only(given)
    assert comparison.effects["throughput"].n == comparison.effects["test_accuracy"].n == 4
    assert [exclusion.reason for exclusion in comparison.excluded] == [reason]


def test_where_the_frameworks_draw_their_own_weights_only_seed_and_data_must_agree():
    given = frames(track="article")
    comparison = only(given)
    assert (comparison.pairs, comparison.excluded) == (5, ())
    assert {effect.n for effect in comparison.effects.values()} == {5}
    given.runs.loc[given.runs["run_id"] == 4, "data_fingerprint"] = "other"
    assert [exclusion.reason for exclusion in only(given).excluded] == ["not comparable: different data"]


def test_epochs_as_blocks_give_a_throughput_where_the_later_ones_hold_enough_steps():
    given = frames(track="article", noise=0)
    assert analyse(given).workloads[0].sides[0].quantities["throughput"].median == pytest.approx(3000)
    given.block_rows["steps"] = 99
    side = analyse(given).workloads[0].sides[0]
    assert (side.quantities["throughput"].n, side.quantities["time_to_train"].n) == (0, 5)


@pytest.mark.parametrize(
    ("track", "question"), [("matched", "What does the framework itself change?"), ("article", "What does a newcomer get?"), ("later", "")]
)
def test_the_track_is_told_with_its_question(track, question):
    found = analyse(frames(track=track))
    assert (found.track, found.question) == (track, question)


def test_a_study_from_before_tracks_is_matched():
    given = frames()
    del given.study.study["track"]
    assert analyse(given).track == "matched"


def test_a_pause_of_the_machine_does_not_decide_the_throughput():
    given = frames(noise=0)
    before = analyse(given).workloads[0].sides[0].quantities["throughput"].median
    steady = given.block_rows.index[given.block_rows["steady"] & (given.block_rows["side"] == given.block_rows["side"].iloc[0])]
    given.block_rows.loc[steady[::5], "duration_s"] *= 50
    assert analyse(given).workloads[0].sides[0].quantities["throughput"].median == pytest.approx(before)


def test_a_run_with_too_few_steady_steps_has_no_throughput():
    """Methodology, rule 4: at least 100 steps."""
    given = frames()
    first = given.block_rows.index[given.block_rows["run_id"] == 1]
    given.block_rows.loc[first, "steps"] = 33
    assert analyse(given).workloads[0].sides[0].quantities["throughput"].n == 4


def test_a_run_without_steady_blocks_says_so():
    given = frames()
    given.block_rows.loc[given.block_rows["run_id"] == 2, "steady"] = False
    workload = analyse(given).workloads[0]
    assert next((m.quantity, m.reason, m.runs) for m in workload.sides[1].missing) == ("throughput", "fewer than 100 steady steps", 1)
    assert workload.comparisons[0].effects["throughput"].n == 4
    assert workload.comparisons[0].effects["time_to_train"].n == 5


def test_only_the_latest_attempt_counts_and_the_others_are_listed():
    given = frames()
    repeated = given.runs[given.runs["run_id"] == 4].assign(run_id=99, attempt=2)
    given.runs.loc[given.runs["run_id"] == 4, "latest"] = False
    end(given, 4, "failed", "lost")
    given.runs = type(given.runs)([*given.runs.to_dict("records"), *repeated.to_dict("records")])
    workload = analyse(given).workloads[0]
    assert (workload.sides[1].runs, workload.sides[1].earlier_attempts, workload.sides[1].statuses) == (5, 1, {"ok": 5})
    assert [(incident.reason, incident.superseded) for incident in workload.incidents] == [("lost", True)]
    assert workload.comparisons[0].effects["time_to_train"].n == 5


def test_a_study_that_is_still_running_is_incomplete():
    found = analyse(drop(frames(), 10))
    assert (found.recorded, found.planned) == (9, 10)
    assert [(label.name, label.why) for label in found.labels] == [("incomplete", "9 of 10 planned runs are recorded")]
    comparison = found.workloads[0].comparisons[0]
    assert label_names(comparison) == ["preliminary", "unverified", "incomplete"]
    assert (comparison.pairs, comparison.excluded[0].reason) == (5, "PyTorch: not recorded")


def test_a_study_without_any_run_yet():
    given = frames()
    empty = type(given)(**vars(given) | {name: getattr(given, name)[:0] for name in TABLES})
    comparison = only(empty)
    assert (comparison.pairs, comparison.speed.more) == (0, 5)


def test_one_framework_alone_is_summarised():
    (workload,) = analyse(frames(sides=(TORCH,))).workloads
    assert (len(workload.sides), workload.comparisons) == (1, ())


def test_every_two_of_three_sides_are_compared_the_first_one_first():
    three = frames(sides=(TENSORFLOW, TORCH, "torch compile"), frameworks=(TENSORFLOW, TORCH, TORCH), speed=(3, 2, 1), accuracy=[0.9] * 3)
    (workload,) = analyse(three).workloads
    pairs = [(comparison.a.title, comparison.b.title) for comparison in workload.comparisons]
    assert pairs == [("TensorFlow", "PyTorch"), ("TensorFlow", "torch compile"), ("PyTorch", "torch compile")]


def test_a_framework_against_itself_shows_labels():
    comparison = only(frames(sides=("torch #1", "torch #2"), frameworks=(TORCH, TORCH)))
    assert (comparison.a.title, comparison.b.title) == ("torch #1", "torch #2")


def test_workloads_are_kept_apart():
    found = analyse(frames(workloads=("digits_cnn", "gone")))
    assert [(workload.name, workload.title) for workload in found.workloads] == [
        ("digits_cnn", "Handwritten digits, small CNN"),
        ("gone", "gone"),
    ]
    assert [workload.comparisons[0].pairs for workload in found.workloads] == [5, 5]


def test_a_study_outlives_its_services(monkeypatch):
    def broken():
        raise services.ServiceError("not TOML")

    monkeypatch.setattr(titles.services, "discover", broken)
    assert [side.side.title for side in analyse(frames()).workloads[0].sides] == [TENSORFLOW, TORCH]


def test_two_thousand_runs_are_analysed():
    comparison = only(frames(pairs=1000))
    assert comparison.effects["throughput"].n == 1000
    assert math.isclose(comparison.effects["throughput"].estimate, 1.25, rel_tol=0.01)
