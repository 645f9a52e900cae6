"""How training scales, from runs with several numbers of workers."""

import pandas as pd
import pytest

from levelfield.report import render
from levelfield.report.analysis import analyse
from tests.report.study_factory import TABLES, TENSORFLOW, TORCH, frames


def scaled(speeds, *, pairs=6, noise=0.001):
    """A study whose sides have these examples/s, by number of workers."""
    parts, shift = {}, 0
    for at, (workers, speed) in enumerate(speeds.items()):
        part = parts[workers] = frames(pairs=pairs, speed=speed, noise=noise, draw=workers)
        for name in TABLES:
            table = getattr(part, name)
            table["run_id"] += shift
        part.runs["workers"] = workers
        part.runs["pair"] = part.runs["pair"] * len(speeds) + at
        part.runs["spec_hash"] += f"-{workers}"
        shift += len(part.runs)
    whole = next(iter(parts.values()))
    whole.study.study["workers"] = list(speeds)
    whole.study.planned_runs = shift
    for name in TABLES:
        setattr(whole, name, pd.concat([getattr(part, name) for part in parts.values()], ignore_index=True))
    return whole


def test_efficiency_is_the_speedup_over_how_many_times_more_workers_they_are():
    analysis = analyse(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}))
    found = {one.side.label: one for one in analysis.scaling}
    assert [step.workers for step in found[TENSORFLOW].steps] == [1, 4]
    assert [found[side].steps[1].efficiency for side in (TENSORFLOW, TORCH)] == pytest.approx([0.75, 1.0], rel=0.01)
    last = found[TENSORFLOW].steps[1]
    assert last.interval.low < 0.75 < last.interval.high
    assert (last.speedup.n, last.speedup.estimate) == (6, pytest.approx(3.0, rel=0.01))
    assert (found[TENSORFLOW].steps[0].efficiency, found[TENSORFLOW].steps[0].interval) == (1.0, None)


def test_sides_are_compared_with_each_number_of_workers():
    analysis = analyse(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}))
    assert [(one.name, one.workers) for one in analysis.workloads] == [("digits_cnn", 1), ("digits_cnn", 4)]
    speeds = [one.comparisons[0].effects["throughput"].estimate for one in analysis.workloads]
    assert speeds == pytest.approx([1.25, 3000 / 3200], rel=0.01)
    assert ", 4 workers: PyTorch trains" in analysis.workloads[1].comparisons[0].sentence
    assert "with 4 workers" in str(analysis.workloads[1].comparisons[0].labels)
    assert analysis.overall == (), "one workload"


def test_a_seed_without_one_of_its_runs_is_left_out():
    given = scaled({1: (1000.0, 800.0), 2: (1500.0, 1600.0)})
    given.runs = given.runs[~((given.runs["workers"] == 2) & (given.runs["seed"] == 3))]
    step = analyse(given).scaling[0].steps[1]
    assert (step.speedup.n, step.speedup.excluded) == (5, 1)


def test_few_seeds_are_called_so_and_fewer_than_five_tell_nothing():
    def told(pairs):
        return render.to_markdown(analyse(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}, pairs=pairs)))

    assert "not enough runs to tell how 4 workers compare with 1 (4 of 5)" in told(4)
    assert "; preliminary, 6 seeds." in told(6)
    assert "preliminary, 10 seeds" not in told(10)


def test_ranks_that_share_cores_say_nothing_of_speed():
    given = scaled({1: (1000.0, 800.0), 2: (1500.0, 1600.0)})
    given.runs["environment"] = [
        record | ({"cores_shared": True} if workers == 2 else {})
        for record, workers in zip(given.runs["environment"], given.runs["workers"], strict=True)
    ]
    analysis = analyse(given)
    assert analysis.scaling[0].steps[1].efficiency is None
    assert "more ranks than cores" in render.to_markdown(analysis)
    assert analysis.workloads[1].comparisons[0].effects["test_accuracy"].n == 6, "what was learned counts"


def test_the_renderings_show_it():
    analysis = analyse(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}))
    text = render.to_markdown(analysis).replace("\\", "")
    assert "## How they scale" in text
    told = "TensorFlow: 4 workers train 3.00 times as fast as 1, an efficiency of 75%"
    assert f"Handwritten digits, small CNN, {told}" in text
    assert render.to_dict(analysis)["scaling"][0]["steps"][1]["workers"] == 4
    assert "How they scale" not in render.to_markdown(analyse(frames()))
    csv = render.to_csv(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}), analysis).splitlines()
    assert csv[0].startswith("study,run_id,workload,workers,")
    assert csv[-1].split(",")[3] == "4"


def compared(speeds, **options):
    return analyse(scaled(speeds, **options)).scaling_compared


def test_which_side_scales_better_is_the_ratio_of_their_efficiencies():
    [found] = compared({1: (1000.0, 800.0), 2: (1800.0, 1500.0), 4: (3000.0, 3200.0)})
    assert (found.a.label, found.b.label, found.base, found.workers) == (TENSORFLOW, TORCH, 1, 4)
    assert (found.effect.estimate, found.effect.n) == (pytest.approx(0.75, rel=0.01), 6)
    text = render.to_markdown(analyse(scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}))).replace("\\", "")
    assert "from 1 to 4 workers: PyTorch scales better; its efficiency is 1.33 times (95% interval 1.3" in text
    assert "TensorFlow's; preliminary, 6 seeds." in text


def test_sides_that_scale_alike_are_told_so_and_few_seeds_tell_nothing():
    alike = scaled({1: (1000.0, 800.0), 4: (3000.0, 2400.0)}, noise=0.02)
    assert "no difference found in how they scale (efficiency of " in render.to_markdown(analyse(alike)).replace("\\", "")
    few = scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)}, pairs=4)
    assert "scales better" not in render.to_markdown(analyse(few))
    assert analyse(frames()).scaling_compared == ()


def test_weak_scaling_says_that_the_batch_grows():
    given = scaled({1: (1000.0, 800.0), 4: (3000.0, 3200.0)})
    assert "with the same global batch" in render.to_markdown(analyse(given))
    given.study.study["scaling"] = "weak"
    assert "(weak scaling)" in render.to_markdown(analyse(given)).replace("\\", "")
