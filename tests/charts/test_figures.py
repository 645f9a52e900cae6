"""Charts that are made of an analysis: their figures are its figures."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from levelfield.charts import amounts, batches, forest, phases, scaling, starts
from levelfield.charts.style import looks
from levelfield.report.analysis import analyse
from levelfield.report.model import BreakEven, Scaling, ScalingStep, Side
from levelfield.report.quantities import DEVICE_MEMORY, PROCESS_MEMORY, START, THROUGHPUT
from levelfield.stats import Effect, Interval, describe
from levelfield.store import Store
from levelfield.store.frames import load
from tests.ui.stores import fill, result


@pytest.fixture
def frames(tmp_path):
    url = str(tmp_path / "figures.db")
    with Store.open(url) as store:
        fill(store, seeds=6, make=lambda side, seed: result(side, seed, speed=1.3 if side == "torch" else 1))
    return load("digits-1", url)


@pytest.fixture
def analysis(frames):
    return analyse(frames)


@pytest.fixture
def workload(analysis):
    return analysis.workloads[0]


@pytest.fixture
def sides(workload):
    return looks(side.side for side in workload.sides)


def test_the_forest_has_a_row_for_every_ratio_and_its_data_are_the_effects(workload, sides):
    (comparison,) = workload.comparisons
    data = forest.data(comparison)
    assert len(forest.forest(comparison, 0.03, sides).data) == len(data) == 3
    for row in data.itertuples():
        effect = comparison.effects[row.quantity]
        assert (row.ratio, row.low, row.high, row.pairs) == (effect.estimate, effect.interval.low, effect.interval.high, effect.n)


def test_memory_is_drawn_where_it_is_known_and_never_as_zero(workload, sides):
    data = amounts.data(workload.sides, [PROCESS_MEMORY, DEVICE_MEMORY])
    assert data["quantity"].unique().tolist() == [PROCESS_MEMORY.label]
    assert data["median"].tolist() == pytest.approx([500 + 2.5 / 2**20] * 2)
    assert (data["unit"] == "MiB").all()
    figure = amounts.amounts(data, sides, title="Memory")
    assert [trace.name for trace in figure.data] == ["TensorFlow", "PyTorch"]
    assert figure.data[0].error_x.array[0] == pytest.approx(2.5 / 2**20)


def test_lines_begin_at_the_start_and_rise_with_the_epochs(workload):
    data = starts.lines(workload.sides, 1920.0, 10.0)
    for one in workload.sides:
        begin, end = data.loc[data["side"] == one.side.label, "seconds"]
        assert begin == one.quantities[START.name].median
        assert end - begin == pytest.approx(10 * 1920 / one.quantities[THROUGHPUT.name].median)


def test_where_a_slow_start_pays_is_marked_if_it_is_near(workload, sides):
    (comparison,) = workload.comparisons
    near = replace(comparison, break_even=BreakEven(faster="PyTorch", later_s=2.0, epochs=8.0))
    assert starts.horizon([near], 3.0) == pytest.approx(12.8)
    figure = starts.starts(starts.lines(workload.sides, 1920.0, 12.8), [near], sides)
    assert [shape.x0 for shape in figure.layout.shapes] == [8.0]
    far = replace(near, break_even=replace(near.break_even, epochs=1e6))
    assert starts.horizon([far], 3.0) == 3.0


def test_the_phases_add_up_to_their_medians(frames, sides):
    figure = phases.phases(frames.runs, sides)
    seconds = {trace.name: trace.x for trace in figure.data}
    assert seconds["import"] == (2.0, 2.0)
    assert seconds["total wall clock"] == (5.0, 5.0)


def scaled(values):
    """One side with so many examples/s by number of workers."""
    first = next(iter(values.values()))
    steps = tuple(
        ScalingStep(
            workers=n,
            throughput=describe([rate]),
            speedup=Effect(scale="ratio", n=5, excluded=0, estimate=rate / first),
            efficiency=rate / first / n,
            interval=Interval(0.9 * rate / first / n, 1.1 * rate / first / n) if n > 1 else None,
        )
        for n, rate in values.items()
    )
    side = Side(label="torch", title="PyTorch", framework="torch")
    return Scaling(workload="digits_cnn", title="Digits", side=side, base=1, steps=steps), looks([side])


def test_ideal_scaling_is_a_line_from_the_first():
    found, look = scaled({1: 100.0, 2: 180.0, 4: 300.0})
    data = scaling.data([found])
    ideal, real = scaling.throughput(data, look).data
    assert list(ideal.y) == [100.0, 200.0, 400.0]
    assert list(real.y) == [100.0, 180.0, 300.0]
    (line,) = scaling.efficiency(data, look).data
    assert list(line.y) == [1.0, 0.9, 0.75]
    assert list(line.error_y.array)[1:] == pytest.approx([0.09, 0.075])
    assert list(line.error_y.arrayminus)[1:] == pytest.approx([0.09, 0.075])


def test_batch_sizes_of_other_modes_and_precisions_are_not_mixed_in(workload, sides):
    rates = pd.DataFrame(
        [("torch", mode, precision, size, rate) for mode, precision, size, rate in (
            ("eager", "fp32", 32, 100.0), ("eager", "fp32", 32, 120.0), ("eager", "fp32", 64, 150.0),
            ("compile", "fp32", 64, 900.0), ("eager", "bf16", 64, 800.0),
        )],
        columns=["framework", "mode", "precision", "batch_size", "rate"],
    )  # fmt: skip
    data = batches.data(rates, workload.sides)
    assert data[["side", "batch_size", "median", "runs"]].to_numpy().tolist() == [["torch", 32, 110.0, 2], ["torch", 64, 150.0, 1]]
    (trace,) = batches.batches(data, sides).data
    assert list(trace.y) == [110.0, 150.0]
    assert not any(math.isnan(value) for value in trace.error_y.array)
