"""Speed by bursts in the report: what the verdict rests on, and what is said where there is none."""

import numpy as np
import pandas as pd
import pytest

from levelfield.report import render
from levelfield.report.analysis import analyse
from levelfield.stats import Outcome
from tests.report.study_factory import BURSTS, DUELS, TENSORFLOW, TORCH, drop, frames

DRIFT = np.exp(np.random.default_rng(3).normal(0, 0.3, (50, 20)))  # by pair and round; it hits both sides of a round alike


def duelled(*, pairs=10, factor=1.1, noise=0.01, status="ok", **changes):
    """A study whose bursts say that TensorFlow is ``factor`` times as fast, whatever its whole runs say."""
    given = frames(pairs=pairs, **changes)
    given.study.study["bursts"] = 20
    rng = np.random.default_rng(4)
    rows = [
        burst_row(
            pair, number, side, 1000 * DRIFT[pair, number] * (factor if side == TENSORFLOW else 1) * np.exp(rng.normal(0, noise)), status
        )
        for pair in range(pairs)
        for number in range(20)
        for side in (TENSORFLOW, TORCH)
    ]
    given.bursts = pd.DataFrame(rows, columns=BURSTS)
    given.duels = pd.DataFrame([duel_row(pair, status) for pair in range(pairs)], columns=DUELS)
    return given


def duel_row(pair, status, *, attempt=1, reason=None, evidence=True):
    of = {"duel_id": pair, "workload": "digits_cnn", "workers": 1, "pair": pair, "seed": pair, "attempt": attempt, "status": status}
    return of | {"failure_reason": reason, "members": {}, "evidence": {"valid": True} if evidence else {}}


def burst_row(pair, number, side, rate, status, *, duel=None):
    of = {"duel_id": pair if duel is None else duel, "workload": "digits_cnn", "workers": 1, "pair": pair, "status": status}
    return of | {"round": number, "side": side, "samples": 320, "duration_s": 320 / rate, "idle_cpu_s": 0.01, "idle_s": 1.0}


def only(given):
    return analyse(given).workloads[0].comparisons[0]


def test_the_verdict_on_speed_rests_on_the_bursts_within_each_round():
    """Whole runs say 1.25 and the machine drifts by 30% from round to round; the bursts say 1.1."""
    found = only(duelled())
    effect = found.effects["speed"]
    assert found.speed_from == "speed"
    assert effect.n == 10
    assert effect.estimate == pytest.approx(1.1, rel=0.01)
    assert effect.interval.high - effect.interval.low < 0.02
    assert (found.speed.outcome, found.speed.favours) == (Outcome.FASTER, "a")
    assert "TensorFlow trains 10" in found.sentence
    assert found.effects["throughput"].estimate == pytest.approx(1.25, rel=0.03), "it is shown, too"


def test_both_stand_in_the_table():
    markdown = render.to_markdown(analyse(duelled()))
    assert "speed in bursts" in markdown
    assert "throughput" in markdown
    assert "speed in bursts" not in render.to_markdown(analyse(frames())).partition("Sides:")[0]


@pytest.mark.parametrize("status", ["failed", "invalid", "cancelled"])
def test_bursts_of_a_duel_that_does_not_count_give_no_speed(status):
    found = only(duelled(status=status))
    assert found.effects["speed"].n == 0
    assert found.speed.outcome is Outcome.NOT_ENOUGH_RUNS
    assert "no complete pair (10 left out)" in found.sentence
    assert found.accuracy.decided, "accuracy is that of the whole runs"
    assert "no duel of its pair is recorded that is valid" in render.to_markdown(analyse(duelled(status=status)))


def test_a_later_attempt_replaces_an_invalid_one():
    given = duelled()
    first = given.bursts["pair"] == 0
    given.bursts.loc[first, "status"] = "invalid"
    again = given.bursts[first].assign(status="ok", duel_id=99)
    given.bursts = pd.concat([given.bursts, again], ignore_index=True)
    assert only(given).effects["speed"].n == 10


def test_rounds_that_only_one_side_has_are_left_out():
    given = duelled(noise=0)
    lost = (given.bursts["pair"] == 0) & (given.bursts["side"] == TORCH) & (given.bursts["round"] > 2)
    given.bursts = given.bursts[~lost]
    assert only(given).effects["speed"].estimate == pytest.approx(1.1)


def test_a_study_that_only_duels_speaks_of_speed_alone():
    given = duelled()
    given.study.study["train"] = False
    given.epochs = given.epochs[:0]
    found = only(given)
    assert "accuracy" not in found.sentence
    assert found.speed.decided
    assert not any(label.name == "preliminary" for label in found.labels)
    text = render.to_markdown(analyse(given))
    assert "missing" not in text.partition("Sides:")[2].partition("framework's peak")[0]
    render.to_rich(analyse(given))
    render.to_json(analyse(given))
    render.to_csv(given, analyse(given))


def test_a_pair_whose_run_is_not_recorded_has_no_speed():
    given = drop(duelled(), 1)
    assert only(given).effects["speed"].n == 9


def test_a_duel_that_was_disturbed_is_listed_with_the_reason():
    given = duelled()
    disturbed = [duel_row(3, "invalid", reason="foreign processes took 1.000 cores"), duel_row(3, "ok", attempt=2)]
    given.duels = pd.DataFrame([*given.duels.to_dict("records")[:3], *disturbed], columns=DUELS)
    text = render.to_markdown(analyse(given))
    assert "Duel, seed 3, attempt 1: invalid: foreign processes took 1.000 cores (replaced by a later attempt)" in text
    assert "not watched" not in text


def test_duels_that_nobody_watched_are_labelled():
    given = duelled()
    assert "not watched" not in [label.name for label in only(given).labels]
    given.duels = pd.DataFrame([duel_row(pair, "ok", evidence=pair > 3) for pair in range(10)], columns=DUELS)
    (label,) = [label for label in only(given).labels if label.name == "not watched"]
    assert "did not watch 4 of 10 duels" in label.why


def test_a_side_that_does_not_sleep_while_the_other_is_measured_is_labelled():
    given = duelled()
    assert "not idle" not in [label.name for label in only(given).labels]
    given.bursts.loc[given.bursts["side"] == TORCH, "idle_cpu_s"] = 0.5
    (label,) = [label for label in only(given).labels if label.name == "not idle"]
    assert label.why == "torch used 50% of a core while it waited for its turn"
