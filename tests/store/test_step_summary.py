"""The summary of a run's blocks says what the blocks say, to the last bit."""

import numpy as np
import pandas as pd
import pytest

import levelfield
from levelfield.report.quantities import START, THROUGHPUT
from levelfield.report.runs import BEFORE_FULL_SPEED, read_runs
from levelfield.result import Block
from levelfield.step_summary import QUANTILES, STEADY_STEPS, StepSummary
from levelfield.store import Store
from tests.test_store import planned, record, result, store, study  # noqa: F401

STUDY = {"name": "digits", "workloads": ["digits_cnn"], "frameworks": [{"label": "torch"}]}
PHASES = {"process_start": 10**9, "import": 3 * 10**9, "build": 2 * 10**9, "warmup": 10**9 + 1, "train": 10**10}


def drawn(seed, blocks=37, *, steady=0.7, epochs=3):
    """Blocks with lengths and times that are no round numbers; some steady ones lasted no time that the clock could tell."""
    rng = np.random.default_rng(seed)
    return [
        Block(
            epoch=int(epoch),
            first_step=at,
            steps=int(rng.integers(1, 50)),
            samples=int(rng.integers(1, 3000)),
            duration_ns=int(rng.integers(1, 10**10)) * bool(rng.random() > 0.1),
            steady=bool(rng.random() < steady),
        )
        for at, epoch in enumerate(np.sort(rng.integers(0, epochs, blocks)))
    ]


CASES = {
    "usual": drawn(1),
    "an even number": drawn(2, 40),
    "all steady": drawn(3, steady=1.0),
    "none steady": drawn(4, steady=0.0),
    "few steps": drawn(5, 2),
    "not from the first epoch on": [Block(epoch=3, first_step=0, steps=200, samples=7, duration_ns=3, steady=True)],
    "no time": [Block(epoch=0, first_step=0, steps=200, samples=7, duration_ns=0, steady=True)],
    "nothing": [],
}


@pytest.fixture
def frames(store, url):  # noqa: F811
    store.add_study(study("cases", study=STUDY))
    for seed, blocks in enumerate(CASES.values()):
        record(store, planned(seed=seed), result(blocks=blocks, phases_ns=PHASES), study_id="cases")
    return levelfield.load("cases", url)


def throughput(blocks):
    """From the blocks themselves."""
    steady = blocks[blocks["steady"] & (blocks["duration_s"] > 0)]
    rates = (steady["samples"] / steady["duration_s"]).groupby(steady["run_id"]).median()
    return rates.where(steady.groupby("run_id")["steps"].sum() >= STEADY_STEPS)


def start(runs, blocks):
    phases = runs.set_index("run_id")[[f"phase_{name}_s" for name in BEFORE_FULL_SPEED]].sum(axis=1, min_count=1)
    warm = blocks[~blocks["steady"]].groupby("run_id")["samples"].sum()
    return (phases - warm.reindex(phases.index) / throughput(blocks).reindex(phases.index)).clip(lower=0.0)


def known(values):
    return {run_id: value for run_id, value in values.items() if not pd.isna(value)}


def test_what_the_report_derives_from_summaries_is_what_the_blocks_give(frames):
    runs, blocks = read_runs(frames), frames.blocks()
    assert known({run.run_id: run.value(THROUGHPUT) for run in runs}) == known(throughput(blocks))
    assert known({run.run_id: run.value(START) for run in runs}) == known(start(frames.runs, blocks))
    assert len(known(start(frames.runs, blocks))) >= 2
    first = blocks[blocks["epoch"] == 0].groupby("run_id")["samples"].sum().to_dict()
    assert {run.run_id: run.epoch_examples for run in runs if run.epoch_examples} == first


def test_the_work_that_was_done_is_what_the_blocks_give(frames):
    trained = frames.blocks().groupby("run_id")
    steady = frames.blocks().query("steady").groupby("run_id")["steps"].sum()
    for run in read_runs(frames):
        work = {name: value for name, value in run.account.work.items() if name.startswith(("training", "epochs"))}
        if run.run_id not in trained.groups:
            assert work == {}
            continue
        own = trained.get_group(run.run_id)
        assert work == {
            "epochs trained": own["epoch"].nunique(),
            "training steps": own["steps"].sum(),
            "training steps that are timed": steady.get(run.run_id, 0),
            "training examples seen": own["samples"].sum(),
        }


@pytest.mark.parametrize("blocks", CASES.values(), ids=CASES)
def test_every_number_is_that_of_the_blocks(blocks):
    found, steady, warm = StepSummary.of(blocks), [b for b in blocks if b.steady], [b for b in blocks if not b.steady]
    rated = [block for block in steady if block.duration_ns]
    assert (found.epochs, found.blocks, found.steady_blocks) == (len({b.epoch for b in blocks}), len(blocks), len(steady))
    assert (found.steps, found.samples) == (sum(b.steps for b in blocks), sum(b.samples for b in blocks))
    assert (found.steady_steps, found.rated_steps) == (sum(b.steps for b in steady), sum(b.steps for b in rated))
    assert found.warm_samples == sum(b.samples for b in warm)
    first = [block for block in blocks if block.epoch == 0]
    assert (found.first_epoch_steps, found.first_epoch_samples) == (sum(b.steps for b in first), sum(b.samples for b in first))
    rates = [b.samples / (b.duration_ns / 1e9) for b in rated]
    assert found.steady_rate == (float(np.median(rates)) if rates else None)
    for part, quantiles in ((steady, found.steady_step_ns), (warm, found.warm_step_ns)):
        assert quantiles == (np.quantile([b.duration_ns / b.steps for b in part], QUANTILES).tolist() if part else [])
    assert found == StepSummary.of(blocks[::-1])


def test_the_frame_holds_a_row_for_each_run(frames):
    steps = frames.steps.set_index("run_id")
    assert steps.index.tolist() == frames.runs["run_id"].tolist()
    for (run_id, row), blocks in zip(steps.iterrows(), CASES.values(), strict=True):
        said = StepSummary.of(blocks)
        assert (row["seed"], row["side"], row["workload"], row["workers"]) == (run_id - 1, "torch", "digits_cnn", 1)
        assert [row[name] for name in ("epochs", "blocks", "steps", "warm_samples")] == [
            said.epochs, said.blocks, said.steps, said.warm_samples,
        ]  # fmt: skip
        assert (None if np.isnan(row["steady_rate"]) else row["steady_rate"]) == said.steady_rate
        assert row["steady_step_s"].tolist() == [ns / 1e9 for ns in said.steady_step_ns]
        assert row["warm_step_s"].tolist() == [ns / 1e9 for ns in said.warm_step_ns]


def test_the_blocks_of_some_runs(frames):
    whole = frames.blocks()
    some = frames.blocks(run_ids=[4, 2, 2, 999])
    assert some.equals(whole[whole["run_id"].isin([2, 4])].reset_index(drop=True))
    assert len(some) == 40 + 37
    nothing = frames.blocks([])
    assert len(nothing) == 0
    assert nothing.dtypes.equals(whole.dtypes)


def test_of_another_study_there_are_no_blocks(frames, store, url):  # noqa: F811
    other = record(store)
    assert len(frames.blocks([other])) == 0
    assert len(levelfield.load("digits-1", url).blocks()) == 2


def test_a_run_that_is_deleted_takes_its_summary_along(frames, url):
    with Store.open(url) as opened:
        opened.delete_run(1)
    assert 1 not in levelfield.load("cases", url).steps["run_id"].tolist()
