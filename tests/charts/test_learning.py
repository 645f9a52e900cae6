"""Learning curves."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from levelfield.charts import learning
from levelfield.charts.style import looks
from levelfield.report.model import Side

SIDES = looks([Side(label="torch", title="PyTorch", framework="torch")])
ACCURACIES = {0: [0.5, 0.7], 1: [0.6, 0.8], 2: [0.7, 0.9]}


@pytest.fixture
def frames():
    epochs = pd.DataFrame(
        [
            {"run_id": run, "side": "torch", "seed": run, "epoch": at, "test_accuracy": value, "test_loss": 1 - value, "train_loss": 1.0,
             "train_s": 2.0 + run}
            for run, values in ACCURACIES.items()
            for at, value in enumerate(values)
        ]
    )  # fmt: skip
    runs = pd.DataFrame({"run_id": [0, 1, 2], "device": "cpu", "description": None, "environment": None, "wall_s": 10.0, "workers": 1})
    steps = pd.DataFrame({"run_id": [0, 1, 2], "first_epoch_steps": 50})
    return epochs, runs, steps


def test_every_clock_is_kept_at_the_end_of_each_epoch(frames):
    found = learning.points(*frames, {"prices": {"cpu": 3600.0}, "currency": "EUR"})
    first = found[found["run_id"] == 0]
    assert first["epoch"].tolist() == [1, 2]
    assert first["steps"].tolist() == [50, 100]
    assert first["seconds"].tolist() == [2.0, 4.0]
    assert first["cost"].tolist() == pytest.approx([2.0, 4.0])  # a second costs 1


def test_a_clock_that_nobody_kept_is_missing(frames):
    assert learning.points(*frames, {})["cost"].isna().all()


def test_the_band_is_the_t_interval_of_the_mean(frames):
    figure = learning.learning(learning.points(*frames, {}), SIDES, measure="test_accuracy", clock="epoch", target=0.75)
    low, high, _, mean = figure.data
    assert list(mean.y) == pytest.approx([0.6, 0.8])
    for at, values in enumerate(zip(*ACCURACIES.values(), strict=True)):
        expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert (low.y[at], high.y[at]) == pytest.approx(expected)
    assert [shape.y0 for shape in figure.layout.shapes] == [0.75]


def test_one_run_has_no_band(frames):
    epochs, runs, steps = frames
    found = learning.points(epochs[epochs["run_id"] == 1], runs[runs["run_id"] == 1], steps, {})
    figure = learning.learning(found, SIDES, measure="test_accuracy", clock="steps")
    assert [trace.name for trace in figure.data] == ["PyTorch"]


def test_many_epochs_are_thinned_and_the_last_is_kept(frames):
    epochs, runs, steps = frames
    many = pd.concat([epochs[epochs["run_id"] == 0].iloc[:1].assign(epoch=at) for at in range(1001)])
    found = learning.points(many, runs, steps, {})
    assert len(found) <= learning.MAX_EPOCHS + 1
    assert found["epoch"].max() == 1001
