"""Networks of one seed against each other, in the report."""

import json

import pytest
from rich.console import Console

from levelfield.report.analysis import analyse
from levelfield.report.render import to_json, to_markdown, to_rich
from tests.networks import pair
from tests.report.study_factory import TENSORFLOW, TORCH, end, frames

# Runs 1 and 2 are those of seed 0, 3 and 4 of seed 1, and so on. p: 2 / 2^8, 2 / 2^6 and 1, by Holm 0.023, 0.0625 and 1.
SEEDS = (pair(10, 8, 0, same_error=1, other_error=1), pair(12, 0, 6, other_error=2), pair(18, 1, 1))


def known(given, *, without=()):
    """Predictions for the first three seeds, but for the runs ``without``."""
    stored = {2 * seed + at + 1: network for seed, two in enumerate(SEEDS) for at, network in enumerate(two)}
    given.predictions = lambda: {run_id: network for run_id, network in stored.items() if run_id not in without}
    return given


def compared(given):
    return analyse(given).workloads[0].comparisons[0].networks


def terminal(given):
    console = Console(width=400, color_system=None)
    with console.capture() as capture:
        console.print(to_rich(analyse(given)))
    return capture.get()


def test_each_seed_is_tested():
    found = compared(known(frames(pairs=3)))
    assert [(one.seed, one.test.a_only, one.test.b_only) for one in found.pairs] == [(0, 8, 0), (1, 0, 6), (2, 1, 1)]
    assert (found.differing, found.without) == (1, 0)


def test_the_runs_of_each_pair_are_named_whether_they_have_predictions_or_not():
    comparison = analyse(known(frames(pairs=3), without=[2])).workloads[0].comparisons[0]
    assert [(one.seed, one.a, one.b) for one in comparison.trained] == [(0, 1, 2), (1, 3, 4), (2, 5, 6)]
    assert analyse(end(frames(pairs=3), 3, "failed", "lost")).workloads[0].comparisons[0].trained == (
        comparison.trained[0],
        comparison.trained[2],
    )


def test_every_rendering_says_the_same():
    given = known(frames(pairs=3))
    told = (
        "TensorFlow / PyTorch, the two networks of each seed on the same 20 test examples: in 1 of 3 seeds their accuracies differ beyond "
        "chance (exact McNemar test at 5%, Holm over seeds); they give the same class to 60.0% of them (median; 55.0% to 90.0%). That "
        "speaks of these networks, not of the frameworks: two seeds of one framework, too, give networks that differ."
    )
    markdown = to_markdown(analyse(given)).splitlines()
    assert told in markdown
    assert told in terminal(given)
    assert (
        "| TensorFlow / PyTorch, seed | both right | only TensorFlow right | only PyTorch right | both wrong | same class | p |" in markdown
    )
    assert "| 0 | 10 | 8 | 0 | 2 | 55.0% | 0.023 |" in markdown
    assert "| 1 | 12 | 0 | 6 | 2 | 60.0% | 0.062 |" in markdown
    stored = json.loads(to_json(analyse(given)))["workloads"][0]["comparisons"][0]["networks"]
    assert stored["pairs"][0]["test"] == {"both": 10, "a_only": 8, "b_only": 0, "neither": 2, "p": 2 / 2**8}
    assert stored["pairs"][0]["adjusted_p"] == pytest.approx(6 / 2**8)


def test_one_seed_has_no_range():
    text = terminal(known(frames(pairs=1)))
    assert "in 1 of 1 seed their accuracies differ" in text
    assert "the same class to 55.0% of them. That speaks" in text


def test_runs_from_before_predictions_show_nothing():
    given = frames(pairs=3)
    assert compared(given) is None
    for text in (to_markdown(analyse(given)), terminal(given)):
        assert "McNemar" not in text
    assert json.loads(to_json(analyse(given)))["workloads"][0]["comparisons"][0]["networks"] is None


def test_a_pair_that_lacks_one_side_is_left_out_and_counted():
    given = known(frames(pairs=4), without=[2])
    assert [one.seed for one in compared(given).pairs] == [1, 2]
    assert compared(given).without == 2
    assert "Of 2 more pairs no predictions are stored." in terminal(given)
    assert "Of 1 more pair no predictions are stored." in terminal(known(frames(pairs=3), without=[1]))


@pytest.mark.parametrize(("status", "seeds"), [("invalid", [0, 1, 2]), ("restarted", [0, 1, 2]), ("diverged", [0, 2]), ("failed", [0, 2])])
def test_only_runs_whose_learning_counts_take_part(status, seeds):
    found = compared(end(known(frames(pairs=3)), 3, status, "reason", keep=True))
    assert [one.seed for one in found.pairs] == seeds
    assert found.without == 0


def test_networks_that_learned_from_other_data_are_not_compared():
    given = known(frames(pairs=3))
    given.runs.loc[given.runs["run_id"] == 3, "data_fingerprint"] = "other"
    assert [one.seed for one in compared(given).pairs] == [0, 2]


def test_the_article_track_has_its_networks_too():
    assert compared(known(frames(pairs=3, track="article"))).differing == 1


def test_only_the_latest_attempt_takes_part():
    given = known(frames(pairs=3))
    given.runs.loc[given.runs["run_id"] == 4, "latest"] = False
    assert [one.seed for one in compared(given).pairs] == [0, 2]


def test_every_two_of_three_sides_are_compared():
    given = frames(
        pairs=1, sides=(TENSORFLOW, TORCH, "third"), frameworks=(TENSORFLOW, TORCH, TORCH), speed=(1.0, 1.0, 1.0), accuracy=(0.9,) * 3
    )
    (a, b), (_, c) = SEEDS[0], SEEDS[2]
    given.predictions = lambda: {1: a, 2: b, 3: c}
    markdown = to_markdown(analyse(given))
    for sides in ("TensorFlow / PyTorch", "TensorFlow / third", "PyTorch / third"):
        assert f"\n{sides}, the two networks of each seed" in markdown
        assert f"| {sides}, seed |" in markdown


def test_many_seeds_are_cut_short():
    given = frames(pairs=23)
    given.predictions = lambda: dict.fromkeys(given.runs["run_id"], SEEDS[2][0])
    markdown = to_markdown(analyse(given))
    assert "| 19 | 19 | 0 | 0 | 1 |" in markdown
    assert "| 20 | 19 |" not in markdown
    assert "| ... and 3 more; JSON has them all |" in markdown


def test_predictions_are_read_only_where_they_are_shown():
    def refuse():
        raise AssertionError("the predictions were read")

    given = frames(pairs=3)
    given.predictions = refuse
    assert analyse(given, networks=False).workloads[0].comparisons[0].networks is None
    with pytest.raises(AssertionError, match="were read"):
        analyse(given)
    given.study.study |= {"train": False, "bursts": 20}
    analyse(given)
    alone = frames(pairs=3, sides=(TORCH,), speed=(1.0,), accuracy=(0.9,))
    alone.predictions = refuse
    analyse(alone)
