"""The report in the browser: the page over small stores, in Streamlit's own harness, and once in a real browser."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from levelfield.charts import forest
from levelfield.report.analysis import analyse
from levelfield.report.answers import answers
from levelfield.report.quantities import QUANTITIES
from levelfield.report.tables import workload_table
from levelfield.result import Failure, Status
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.store import Store
from levelfield.store.frames import load
from tests.networks import pair
from tests.ui.opening import run, words
from tests.ui.stores import APP, NOW, TWO, fill, result

PAGES = [path.stem for path in sorted((APP.parent / "views").glob("*.py"))]
FAILED = {"make": lambda side, seed: result(side, seed, status=Status.FAILED, failure=Failure(reason="no device"))}


@pytest.fixture
def page(url):
    """The page over a store that holds one study made with the given options."""

    def open_page(view="verdict", query=None, **options):
        with Store.open(url) as store:
            fill(store, **options)
        return run(view, **(query or {}))

    return open_page


def test_the_legend_of_the_phases_names_those_that_the_runs_went_through(page):
    said = words(page("speed", seeds=1))
    assert all(phase in said for phase in ("import", "build*", "warm-up*", "training*"))
    assert "joining a gang" not in said


def test_verdict_and_table_are_those_of_the_analysis(page, url):
    seen = words(page(seeds=6, make=lambda side, seed: result(side, seed, speed=1.3 if side == "torch" else 1)))
    workload = analyse(load("digits-1", url)).workloads[0]
    assert workload.comparisons[0].speed.decided
    for one in answers(workload.comparisons[0], analyse(load("digits-1", url)), workload.case):
        assert one.question in seen
        assert one.sentence in seen
    for name, cells in workload_table(workload).rows:
        assert name in seen
        assert all(part in seen for cell in cells for part in cell)
    assert "peak memory (RSS), MiB" in seen
    for label in ("preliminary", "unverified"):
        assert f" {label} " in seen
    assert "A certificate that passes for this code, batch size, learning rate and data removes this label" in seen


def test_everything_that_was_compared_is_told(page):
    app = page()
    seen = words(app)
    for fact in ("Model 7", "Tensorflow 1.0", "Torch 1.0", "d" * 12, "the same on every side", "5" * 12, "0 to 4", "2026-03-01"):
        assert fact in seen
    assert "d" * 13 not in seen
    markup = "".join(element.proto.body for element in app.get("html"))
    assert re.search(r'class="lf-differs"><th scope="row">layout<', markup)
    assert re.search(r'class=""><th scope="row">threads<', markup)


def test_what_is_not_equal_stands_under_the_verdict(page):
    app = page(sides=("tensorflow", "torch", "third"))
    labels = [one.label.replace("\\", "") for one in app.expander if "not equal" in one.label]
    assert labels == ["What is not equal: 1 aspect, of what is computed: none"] * 3
    assert re.search(r"layout\s+execution\s+tensorflow first\s+torch first", words(app))
    assert re.search(r"aspects are equal: epochs trained, .*threads.*processor", words(app))


def test_the_networks_of_each_seed(page):
    networks = dict(zip(TWO, pair(10, 8, 0, other_error=2), strict=True))
    app = page("predictions", make=lambda side, seed: result(side, seed, predictions=networks[side] if seed < 3 else None))
    seen = words(app)
    assert "TensorFlow / PyTorch, the two networks of each seed on the same 20 test examples: in 3 of 3 seeds" in seen
    assert "the same class to 50.0% of them" in seen
    assert "Of 2 more pairs no predictions are stored." in seen
    assert [one.label.replace("\\", "") for one in app.expander if "Seed by seed" in one.label] == ["Seed by seed: TensorFlow / PyTorch"]
    assert re.search(r"only TensorFlow right\s+only PyTorch right", seen)
    assert re.search(r"\b2\s+10\s+8\s+0\s+2\s+50.0%\s+0.023\b", seen)


def test_runs_without_predictions_show_nothing_of_networks(page):
    app = page("predictions")
    assert "McNemar" not in words(app)
    assert not [one for one in app.expander if "Seed by seed" in one.label]


def test_sides_that_say_the_same_or_nothing_are_not_said_to_differ(page):
    assert "What is not equal: nothing that is reported" in words(
        page(sides=("torch@1", "torch@2"), make=lambda _, seed: result("torch", seed))
    )
    seen = words(page(name="silent", hours=1, make=lambda side, seed: result(side, seed, status=Status.FAILED, told={})))
    assert "What is not equal between them is not known: no run of TensorFlow and PyTorch has told how it computes." in seen


@pytest.mark.parametrize(
    ("name", "key", "value", "expected"),
    [
        ("learning", "measure", "train_loss", "Training loss by epochs"),
        ("learning", "over", "seconds", "Test accuracy by seconds in training steps"),
        ("learning", "over", "steps", "Test accuracy by training steps"),
        ("speed", "blocks", "warm", "one warm-up block"),
        ("speed", "view", "all", "Time of a training step, all runs"),
    ],
)
def test_a_switch_changes_its_chart(page, name, key, value, expected):
    app = page(name)
    assert expected not in words(app)
    app.segmented_control(key=key).set_value(value).run()
    assert not app.exception
    assert expected in words(app)


def test_another_study_is_chosen_by_box_or_link(url):
    with Store.open(url) as store:
        old, new = fill(store, "old"), fill(store, "new", hours=1)
    app = run()
    assert "Study new" in words(app)
    assert app.query_params["study"] in (new, [new])
    app.selectbox(key="study").set_value(old).run()
    assert f"Study old ({old})" in words(app)
    assert app.query_params["study"] in (old, [old])
    assert f"Study old ({old})" in words(run(study=old))
    assert f"Study old ({old})" in words(run(study="old"))
    assert "There is no study gone" in words(run(study="gone"))


def test_failures_are_shown_with_reason_and_log(page):
    lost = Failure(reason="killed by <signal> 9", log_tail="line one\nout of *memory*")
    nan = Failure(reason="the training loss is not finite at step 7", step=7)

    def make(side, seed):
        if side == "torch" and seed == 1:
            return result(side, seed, status=Status.FAILED, failure=lost)
        return result(side, seed, status=Status.DIVERGED, failure=nan) if seed == 2 else result(side, seed)

    app = page(make=make)
    seen = words(app)
    assert "seed 1, attempt 1: failed. killed by <signal> 9" in seen
    assert "seed 2, attempt 1: diverged at step 7" in seen
    assert "out of *memory*" in seen
    assert len([one for one in app.expander if "attempt" in one.label]) == 3


def test_all_runs_failed(page):
    app = page(make=lambda side, seed: result(side, seed, status=Status.FAILED, failure=Failure(reason="no device")))
    assert "No run of this study ended well: of 10 recorded, 10 failed." in words(app)
    assert "10 runs of TensorFlow and PyTorch: no device." in words(app)
    assert "No run that counts has completed an epoch" in words(run("learning"))
    assert "No run counts for timing" in words(run("speed"))
    assert len([one for one in app.expander if "no device" in one.label.replace("\\", "")]) == 10


def test_many_failures_are_all_listed(page):
    seen = words(page(seeds=15, make=lambda side, seed: result(side, seed, status=Status.FAILED, failure=Failure(reason="lost"))))
    assert seen.count("attempt 1: failed") >= 30


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sides": ("torch",)}, ["PyTorch alone", "A verdict needs a second side"]),
        ({"sides": ("torch@1", "torch@2")}, ["A/A", "noise of the measurement"]),
        ({"sides": ("tensorflow", "torch", "third")}, ["TensorFlow / PyTorch", "TensorFlow / third", "PyTorch / third"]),
        ({"skip": 10}, ["No run has ended yet", "levelfield resume digits-1"]),
        ({"skip": 3}, ["incomplete", "levelfield resume digits-1", "7 of 10"]),
        (
            {"workloads": ("digits_cnn", "gone_workload")},
            ["over these 2 workloads", "Speed on each workload"],
        ),
        ({"workloads": ("digits_cnn", "gone_workload"), "query": {"case": "gone_workload-1"}}, ["gone_workload"]),
        ({"sides": ("a<b>*", "$x$ & y")}, ["a<b>*", "$x$ & y"]),
        ({"seeds": 1}, ["not enough runs"]),
    ],
    ids=["one side", "A/A", "three sides", "no runs", "running", "two workloads", "the other workload", "odd labels", "one seed"],
)
def test_states_of_a_study(page, options, expected):
    seen = words(page(**options))
    for phrase in expected:
        assert phrase in seen


def test_a_side_without_steady_blocks(page):
    seen = words(page(make=lambda side, seed: result(side, seed, steady=side != "torch")))
    assert "PyTorch: fewer than 100 steady steps" in seen


def test_many_runs_are_summarised_before_they_are_drawn(page):
    app = page("speed", seeds=45, sides=("torch",))
    assert "Time of a training step, all runs" in words(app)
    assert sum(len(chart.proto.spec) for chart in app.get("plotly_chart")) < 300_000


def test_a_run_that_is_added_is_seen(page, url):
    app = page(skip=1)
    plan = PlannedRun(spec=RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=4), side="torch", pair=4, turn=1)
    with Store.open(url) as store:
        key = RunKey(study="digits-1", spec_hash=plan.spec.hash, side="torch", attempt=1)
        store.record(key, plan, result("torch", 4), started_at=NOW, finished_at=NOW)
    assert "incomplete" in words(app)
    app.button[0].click().run()
    assert "incomplete" not in words(app)


def test_no_database_yet(url):
    seen = words(run())
    assert "Nothing has been measured yet" in seen
    assert "levelfield run studies/quickstart.yaml" in seen
    assert url in seen
    assert not Path(url).exists()


def test_no_study_yet(url):
    Store.open(url).close()
    assert "Nothing has been measured yet" in words(run())


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_an_empty_store_says_so(url, name):
    Store.open(url).close()
    if name != "launch":
        assert "Nothing has been measured yet" in words(run(name))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("options", [{"skip": 3}, {"skip": 10}, {"sides": ("a<b>*", "$x$ & y")}, {"seeds": 1, "sides": ("torch",)}, FAILED])
def test_no_page_breaks(page, name, options):
    page(name, **options)


def test_every_chart_says_what_it_rests_on(page):
    for name in ("verdict", "learning", "speed", "memory"):
        app = page(name, name=name, seeds=6)
        charts = len(app.get("plotly_chart"))
        said = words(app)
        assert charts
        assert said.count("track matched; not certified.") >= charts


def test_store_of_a_newer_version(page, url):
    page()
    with create_engine(f"sqlite:///{url}").begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    seen = words(run())
    assert "The store cannot be read" in seen
    assert "newer Levelfield" in seen


@pytest.mark.parametrize("store", ["postgresql://reader:secret@127.0.0.1:1/lf", "nonsense://u:secret@h/db"])
def test_unreachable_store_is_named_without_its_password(monkeypatch, store):
    monkeypatch.setenv("LEVELFIELD_STORE", store)
    seen = words(run())
    assert "The store cannot be read" in seen
    assert "***" in seen
    assert "secret" not in seen


def test_of_every_ratio_it_is_said_which_way_is_better():
    """The chart of ratios asks by the quantity's name."""
    assert {quantity.name for quantity in QUANTITIES if quantity.compared == "ratio"} == set(forest.BETTER)
