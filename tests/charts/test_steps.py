"""The time of a step, over many runs."""

import numpy as np
import pandas as pd

from levelfield.charts import steps
from levelfield.charts.style import looks
from levelfield.report.model import Side

SIDES = looks([Side(label=name, title=name, framework=name) for name in ("tensorflow", "torch")])


def runs(number, *, scale=1.0, side="torch"):
    """So many runs whose steps take 1 to 2 ms, evenly, times ``scale``."""
    percentiles = np.linspace(1e-3, 2e-3, 101) * scale
    return pd.DataFrame({"run_id": range(number), "side": side, "seed": range(number), "steady_step_s": [percentiles] * number})


def test_the_distribution_is_that_of_the_runs():
    found = steps.points(runs(40), column="steady_step_s")
    assert len(found) <= steps.MAX_STEPS
    assert found["share"].iloc[-1] == 1
    assert found["share"].is_monotonic_increasing
    middle = np.interp(0.5, found["share"], found["ms"])
    assert abs(middle - 1.5) < 0.02
    assert abs(np.interp(0.95, found["share"], found["ms"]) - 1.95) < 0.02


def test_each_run_counts_alike():
    both = pd.concat([runs(3), runs(1, scale=10)])
    found = steps.points(both, column="steady_step_s")
    assert abs(found.loc[found["ms"] < 5, "share"].max() - 0.75) < 0.01


def test_each_side_has_its_line_and_a_few_slow_blocks_lie_beyond_the_edge():
    slow = runs(1)
    slow["steady_step_s"] = [np.append(np.linspace(1e-3, 2e-3, 100), 0.5)]
    figure = steps.distribution(pd.concat([slow, runs(2, side="tensorflow")]), SIDES, column="steady_step_s")
    assert [trace.name for trace in figure.data] == ["tensorflow", "torch"]
    assert figure.layout.xaxis.range[1] < 10


def test_boxes_are_made_of_percentiles():
    figure = steps.boxes(runs(2), SIDES, column="steady_step_s")
    (box,) = figure.data
    assert list(box.x) == ["0", "1"]
    np.testing.assert_allclose(box.median, 1.5)
    np.testing.assert_allclose(box.lowerfence, 1.05)


def test_a_point_is_a_block():
    blocks = pd.DataFrame({"run_id": 1, "side": "torch", "seed": [0, 0, 3], "step_s": [0.001, 0.002, 0.1]})
    figure = steps.by_run(blocks, SIDES)
    (box,) = figure.data
    assert list(box.y) == [1.0, 2.0, 100.0]
    assert list(figure.layout.xaxis.categoryarray) == ["0", "3"]
    assert figure.layout.yaxis.type == "log", "one block is so slow that the others could not be told apart"
