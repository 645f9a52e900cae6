"""The page History."""

import pytest

from levelfield.result import Failure, Status
from levelfield.store import Store
from tests.store.test_history import made
from tests.ui import opening
from tests.ui.opening import markup
from tests.ui.stores import fill, result


def opened(**query):
    return opening.run("history", **query)


def words(app):
    return " ".join(opening.words(app).split())


def charts(app):
    return "".join(chart.proto.spec for chart in app.get("plotly_chart"))


@pytest.fixture
def filled(url):
    with Store.open(url) as store:
        fill(store, "first", make=made("2.0"), seeds=5)
        fill(store, "<b>last</b>", make=made("2.1"), seeds=5, hours=24)
        fill(store, "text", make=made("2.1"), seeds=2, hours=48, workloads=("imdb_lstm",))
    return url


def test_every_metric_has_its_points(filled):
    app = opened(kind="digits_cnn-1-matched-fp32-cpu")
    assert "Throughput over time" in words(app)
    assert "2 studies, 18 runs; ranges, no intervals; track matched" in words(app)
    for metric, title in (
        ("speed", "Speed ratio over time"),
        ("test_accuracy", "Test accuracy over time"),
        ("time_to_train", "Time to train over time"),
        ("process_peak_rss", "Peak memory (RSS) over time"),
    ):
        app.segmented_control(key="metric").set_value(metric).run()
        assert not app.exception
        assert title in words(app)
    app.segmented_control(key="by").set_value("version").run()
    assert not app.exception
    assert "over version" in words(app)


def test_versions_and_stale_results_are_told(filled):
    app = opened(kind="digits_cnn-1-matched-fp32-cpu")
    seen = words(app)
    table = app.dataframe[0].value
    assert table["stale"].tolist() == ["", "", "stale: torch 2.0; the newest run has 2.1", ""]
    assert table["versions"].tolist()[2] == "PyTorch 2.0, Levelfield 0.1.0"
    assert "Stale is a result of which" in seen
    assert "-open" in charts(app)
    assert "PyTorch 2.1" in charts(app), "where the version changed"


def test_what_was_trained_is_chosen_by_box_or_link(filled):
    app = opened()
    assert len(app.selectbox(key="kind").options) == 2
    app.selectbox(key="kind").set_value("imdb_lstm-1-matched-fp32-cpu").run()
    assert "1 study, 4 runs" in words(app)
    assert "There are no runs of gone in this store" in words(opened(kind="gone"))


def test_names_are_shown_as_they_are(filled):
    app = opened(kind="digits_cnn-1-matched-fp32-cpu")
    assert "Study <b>last</b>" in app.dataframe[0].value["study"].tolist()
    assert "<b>last</b>" not in markup(app)
    assert "&lt;b&gt;last" in charts(app)


def test_nothing_has_a_value(url):
    with Store.open(url) as store:
        fill(store, make=lambda side, seed: result(side, seed, status=Status.FAILED, failure=Failure(reason="lost")))
    assert "No study of this has a value" in words(opened())


def test_no_runs_and_no_studies(url):
    with Store.open(url) as store:
        fill(store, seeds=1, skip=2)
    assert "No run has ended yet" in words(opened())


def test_no_study(url):
    Store.open(url).close()
    assert "Nothing has been measured yet" in words(opened())
