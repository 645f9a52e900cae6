"""Curves that grow while a study is under way."""

import math
from types import SimpleNamespace

import pandas as pd

from levelfield.charts import live
from levelfield.charts.style import looks
from levelfield.report.titles import read_sides
from levelfield.spec import Case

SIDES = looks(read_sides({"frameworks": [{"framework": "tensorflow", "label": "tensorflow"}, {"framework": "torch", "label": "<mine>"}]}))


def entry(side="tensorflow", curve=(), **changes):
    named = {"what": "run", "workload": "digits_cnn", "workers": 1, "seed": 3, "attempt": 1}
    return named | {"side": side, "curve": list(curve)} | changes


def row(side, epoch, seed=0):
    learned = {"train_loss": 0.5, "test_loss": 0.6, "test_correct": 3, "test_examples": 4}
    return SimpleNamespace(workload="digits_cnn", workers=1, side=side, seed=seed, attempt=1, epoch=epoch, **learned)


def test_what_is_at_work_and_what_has_ended_are_told_alike():
    told = live.at_work([entry(curve=[[1, 0.5, "nan", 0.75]]), entry(curve=[]), {"what": "duel", "workload": "digits_cnn"}])
    over = live.ended([row("tensorflow", 0)])
    assert list(told.columns) == list(over.columns) == live.COLUMNS
    assert told[["epoch", "train_loss", "test_accuracy", "at_work"]].to_numpy().tolist() == [[1.0, 0.5, 0.75, True]]
    assert math.isnan(told["test_loss"].iloc[0]), "JSON holds it as text"
    assert over[["epoch", "test_accuracy", "at_work"]].to_numpy().tolist() == [[1, 0.75, False]]
    assert live.cases([entry(), entry(workers=2), entry("<mine>"), {"what": "waiting"}]) == [
        Case(workload="digits_cnn"),
        Case(workload="digits_cnn", workers=2),
    ]


def test_bold_lines_grow_over_thin_ones_and_each_side_is_named_once():
    over = live.ended([row(side, epoch, seed) for side in SIDES for seed in (0, 1) for epoch in range(3)])
    told = live.at_work([entry(seed=seed, curve=[[1, 0.5, 0.6, 0.7], [2, 0.4, 0.5, 0.8]]) for seed in (2, 3)])
    figure = live.growing(pd.concat([over, told]), SIDES, measure="test_accuracy", epochs=8, title="Test accuracy: digits")
    assert [(trace.mode, len(trace.x)) for trace in figure.data] == [("lines", 8)] * 2 + [("lines+markers", 2)] * 2
    assert [trace.name for trace in figure.data if trace.showlegend] == ["&lt;mine&gt;", "TensorFlow"]
    assert [trace.line.color for trace in figure.data] == [
        SIDES[name].colour for name in ("tensorflow", "<mine>", "tensorflow", "tensorflow")
    ]
    assert list(figure.data[2].marker.size) == [0, 9], "the end of what grows"
    assert figure.layout.xaxis.range[1] > 8, "there is room for what is to come"
    gaps = [math.isnan(value) for value in figure.data[0].x]
    assert gaps == [False, False, False, True] * 2


def test_a_run_without_an_epoch_draws_nothing_yet():
    figure = live.growing(live.at_work([entry()]), SIDES, measure="train_loss", epochs=None, title="x")
    assert len(figure.data) == 0
