"""The page Runs: filters, pages, what is chosen, runs side by side, and what went wrong."""

from dataclasses import replace

import pytest

from levelfield.result import Failure, Status
from levelfield.store import Store
from levelfield.store.browsing import Filters, page
from tests.ui import opening
from tests.ui.opening import markup, parameter
from tests.ui.stores import fill, result
from ui.run_table import ROWS

LOST = Failure(reason="killed by <signal> 9 & *more*", log_tail="line one\nout of <b>memory</b>")


def made(side, seed):
    return result(side, seed, status=Status.FAILED, failure=LOST) if (side, seed) == ("torch", 1) else result(side, seed)


@pytest.fixture
def two(url):
    """Two studies, the newer one in the track tuned."""
    with Store.open(url) as store:
        fill(store, "old", make=made, seeds=30)
        fill(store, "new", make=made, seeds=3, hours=30, track="tuned", workloads=("digits_cnn", "imdb_lstm"))
    return url


def opened(**query):
    return opening.run("runs", **query)


def words(app):
    return " ".join(opening.words(app).split())


def table(app):
    return app.dataframe[0].value


def ids(url, **filters):
    with Store.open(url, read_only=True) as store:
        return [line.run_id for line in page(store, Filters(**filters), limit=1000)]


def test_the_runs_of_the_chosen_study_come_first_and_then_all(two):
    app = opened()
    assert "12 runs: 10 ok, 2 failed." in words(app)
    assert set(table(app)["study"]) == {"new-1"}
    app.segmented_control(key="scope").set_value("all").run()
    assert not app.exception
    assert "72 runs: 69 ok, 3 failed." in words(app)
    assert len(table(app)) == ROWS
    assert parameter(app, "scope") == "all"


def test_filters_narrow_the_table(two):
    app = opened()
    app.segmented_control(key="scope").set_value("all").run()
    app.multiselect(key="track").set_value(["tuned"]).run()
    app.multiselect(key="workload").set_value(["imdb_lstm"]).run()
    app.multiselect(key="status").set_value(["ok"]).run()
    app.multiselect(key="side").set_value(["torch"]).run()
    assert not app.exception
    assert table(app)["run"].tolist() == ids(two, tracks=("tuned",), workloads=("imdb_lstm",), statuses=("ok",), sides=("torch",))
    assert "2 runs: 2 ok." in words(app)
    assert (parameter(app, "track"), parameter(app, "side")) == ("tuned", "torch")
    app.multiselect(key="track").set_value(["matched"]).run()
    assert "No run is like that" in words(app)
    app.multiselect(key="track").set_value([]).run()
    assert parameter(app, "track") in (None, [])
    assert "2 runs: 2 ok." in words(app), "that workload is in one track alone"


def test_a_link_opens_with_its_filters(two):
    app = opened(scope="all", status="failed", track="matched", until="2026-03-01")
    assert "1 run: 1 failed." in words(app)
    assert "0 runs." in words(opened(scope="all", since="2026-03-01", until="2026-03-01", track="tuned"))
    assert "72 runs" in words(opened(scope="all", status="gone", page="99"))


def test_pages_and_order(two):
    app = opened(scope="all")
    first = table(app)["run"].tolist()
    app.pagination[0].set_value(2).run()
    assert parameter(app, "page") == "2"
    second = table(app)["run"].tolist()
    assert first + second == ids(two)
    app.selectbox(key="sort").set_value("seed").run()
    assert app.pagination[0].value == 1, "what was on the page is not on it any more"
    app.segmented_control(key="way").set_value("up").run()
    assert table(app)["seed"].tolist() == sorted([0] * 6 + [1] * 6 + [2] * 6 + [seed for seed in range(3, 30) for _ in range(2)])[:ROWS]


def test_runs_of_two_studies_side_by_side(two):
    with_speed = ids(two, studies=("new-1",))[-1], ids(two, studies=("old-1",))[-1]
    app = opened(runs=",".join(map(str, with_speed)))
    seen = words(app)
    assert f"run {with_speed[0]} (TensorFlow, seed 0)" in seen
    assert f"run {with_speed[1]} (TensorFlow, seed 0)" in seen
    assert "Phases of each run" in seen
    assert "Test accuracy by epochs" in seen
    assert "throughput, examples/s" in seen
    html = markup(app)
    assert '<tr class="lf-differs"><th scope="row">track</th><td>matched</td><td>tuned</td></tr>' in html
    assert '<tr class=""><th scope="row">framework</th><td>Tensorflow 1.0</td><td>Tensorflow 1.0</td></tr>' in html
    assert "In nothing that is recorded" in seen


def test_what_workers_and_machines_say_differently_is_listed(url):
    def told(side, seed):
        plain = result(side, seed)
        return replace(plain, environment=plain.environment | {"cpu_model": f"<Model> {seed}"})

    with Store.open(url) as store:
        fill(store, make=told)
    app = opened(runs="1,2,3")
    seen = words(app)
    assert "layout execution tensorflow first torch first tensorflow first" in seen
    assert "processor environment <Model> 0 <Model> 0 <Model> 1" in seen
    assert "<Model>" not in markup(app)


def test_a_failed_run_shows_its_reason_and_the_end_of_its_log(two):
    failed, fine = ids(two, studies=("old-1",), statuses=("failed",))[0], ids(two, studies=("old-1",), statuses=("ok",))[0]
    app = opened(runs=f"{failed},{fine}")
    seen = words(app)
    assert "seed 1): failed. killed by <signal> 9 & *more*" in seen
    assert "out of <b>memory</b>" in seen
    assert "missing (failed)" in seen
    assert "not told" not in seen, "it had told before it died"


def test_runs_that_did_not_end_well_have_a_list_of_their_own(two):
    app = opened(scope="all")
    listed = app.dataframe[-1].value
    assert listed["status"].tolist() == ["failed"] * 3
    assert set(listed["reason"]) == {LOST.reason}
    assert "Every one of these runs ended well" in words(opened(scope="all", status="ok"))


@pytest.mark.parametrize("query", ["", "x,,-1", "9" * 30])
def test_a_link_that_names_no_run(two, query):
    app = opened(runs=query)
    assert not app.exception
    assert "Phases of each run" not in words(app)


def test_a_run_that_is_gone_is_told(two):
    assert "Run 999 is not in this store; it may have been deleted." in words(opened(runs="1,2,999"))
    assert "A second run is needed" in words(opened(runs="1"))


def test_more_runs_than_fit_are_not_compared(two):
    seen = words(opened(runs=",".join(map(str, range(1, 12)))))
    assert "11 runs are chosen; the first 8 are compared" in seen


def test_rows_that_are_marked_are_chosen_and_those_of_other_pages_stay(two):
    app = opened(scope="all", runs=str(ids(two)[-1]))
    key = app.dataframe[0].key
    app.session_state[key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    assert parameter(app, "runs") == ",".join(map(str, [ids(two)[-1], ids(two)[0], ids(two)[2]]))
    next(button for button in app.button if button.label == "Clear").click().run()
    assert parameter(app, "runs") is None
    assert "Chosen" not in words(app)


def test_no_study_yet(url):
    Store.open(url).close()
    assert "Nothing has been measured yet" in words(opened())


def test_a_study_without_runs(url):
    with Store.open(url) as store:
        fill(store, seeds=1, skip=2)
    assert "0 runs." in words(opened())


def test_odd_names_are_shown_as_they_are(url):
    with Store.open(url) as store:
        fill(store, sides=("a<b>*", "$x$ & y"))
    app = opened(runs="1,2")
    assert "a<b>*" in words(app)
    assert "<b>*" not in markup(app)
    assert set(table(app)["side"]) == {"a<b>*", "$x$ & y"}
