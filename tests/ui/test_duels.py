"""Duels on the page: the chart that shows every round, and what is said where one was disturbed."""

import pytest

from levelfield.charts.duels import rounds
from levelfield.charts.style import looks
from levelfield.report.analysis import analyse
from levelfield.result import Status
from levelfield.spec import PlannedDuel
from levelfield.store import Store
from levelfield.store.frames import load
from tests.ui.opening import run, words
from tests.ui.stores import NOW, TWO, duel, fill
from ui.reading import read_shelf


@pytest.fixture
def opened(url):
    with Store.open(url) as store:
        fill(store, duels=[Status.OK] * 5)
    return load("digits-1", url)


def test_the_page_shows_every_round_and_the_verdict_rests_on_them(opened):
    assert "Bursts: TensorFlow / PyTorch within each round, by pair" in words(run("speed"))
    seen = words(run())
    assert "TensorFlow trains 100" in seen
    assert "speed in bursts" in seen


def test_the_chart_has_a_point_for_each_round_and_a_mark_for_each_pair(opened):
    (workload,) = analyse(opened).workloads
    figure = rounds(opened.bursts, workload.comparisons[0], 0.03, looks(side.side for side in workload.sides))
    points, medians = figure.data
    assert len(points.y) == 25
    assert list(medians.x) == [str(seed) for seed in range(5)]
    assert list(medians.y) == pytest.approx([2.0] * 5, rel=1e-6)


def test_there_is_no_chart_without_a_round_of_both_sides(opened):
    (workload,) = analyse(opened).workloads
    one_sided = opened.bursts[opened.bursts["side"] == TWO[0]]
    assert rounds(one_sided, workload.comparisons[0], 0.03, looks(side.side for side in workload.sides)) is None


def test_a_disturbed_duel_is_listed_and_not_drawn(url):
    with Store.open(url) as store:
        fill(store, duels=[Status.OK] * 4 + [Status.INVALID])
    seen = words(run())
    assert "Duel, seed 4, attempt 1: invalid: foreign processes took 1.000 cores" in seen
    assert "Every recorded run ended well" not in seen
    assert "no duel of its pair is recorded that is valid" in seen


def test_a_duel_that_is_recorded_later_reaches_an_open_page(url):
    """The page keeps an analysed study until its stamp changes."""
    with Store.open(url) as store:
        fill(store, duels=[Status.OK])
        before = read_shelf(url).stamps["digits-1"]
        planned = PlannedDuel(specs={}, workload="digits_cnn", seed=1, pair=1)
        store.record_duel("digits-1", planned, 1, duel(TWO), started_at=NOW, finished_at=NOW)
    assert read_shelf(url).stamps["digits-1"] != before
