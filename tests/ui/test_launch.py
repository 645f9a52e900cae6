"""The page Launch over small stores: composing, asking once, stopping, and who may."""

import base64
import json
import re
from datetime import timedelta

import numpy as np
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from levelfield.holders import myself
from levelfield.leases import Claim
from levelfield.planning.record import new_record
from levelfield.services import discover
from levelfield.store import Store, leasing, requesting, serving
from levelfield.study import check_study
from tests.ui.opening import assert_whole, words
from tests.ui.stores import APP, fill

VALID = timedelta(seconds=30)
SIGNED_OUT, SIGNED_IN = {"is_logged_in": False}, {"is_logged_in": True, "email": "ann@example.org", "name": "Ann"}


@pytest.fixture
def store(url, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_UI_LAUNCH", "1")
    with Store.open(url) as opened:
        yield opened


def launch_page(user=None, view="Compose"):
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.user = user or {}
    app.run()
    return drawn(drawn(app.switch_page("views/launch.py")).segmented_control(key="view").set_value(view))


def drawn(element):
    """The page, drawn again after something has been done to this element of it."""
    app = element.run()
    assert_whole(app)
    return app


def shown_yaml(app):
    return yaml.safe_load(next(element.value for element in app.code if element.language == "yaml"))


def ask(store, name="asked", **fields):
    content = {"name": name, "workloads": ["digits_cnn"], "frameworks": ["tensorflow", "torch"], "epochs": 8} | fields
    record = new_record(check_study(content, discover(), source="s"))
    return requesting.submit(store, record, asked_by="bob@there", options={"certify": True})


def serve(store):
    claim = Claim(token="t", study_id="serve", holder=myself(), devices=frozenset({serving.LEADER}), tenants=("scheduler",))
    leasing.ask(store, claim, valid=VALID, gone=lambda _: False)


def at_work(store, curve):
    """Take the next request, and say that one run of it is at work."""
    request = requesting.take(store, myself(), valid=VALID, gone=lambda _: False)
    run = {"what": "run", "turn": 0, "side": "torch", "workload": "digits_cnn", "workers": 1, "seed": 0, "attempt": 1}
    told = {"state": "training", "epochs": 8, "curve": curve, "since": "2026-03-01T12:00:00+00:00"}
    requesting.beat(store, request, [run | told], valid=VALID)
    return request


def test_it_is_off_unless_it_is_turned_on(store, monkeypatch):
    monkeypatch.delenv("LEVELFIELD_UI_LAUNCH")
    app = launch_page()
    assert app.button(key="launch").disabled
    seen = words(app)
    assert "Launching from this page is off" in seen
    assert "LEVELFIELD_UI_LAUNCH=1" in seen
    assert "levelfield run study.yaml" in seen
    assert shown_yaml(app)["workloads"] == ["digits_cnn"]
    assert requesting.unfinished(store) == []


def test_what_is_composed_stands_in_the_yaml_and_nothing_is_written(store):
    app = launch_page()
    app.text_input(key="compose-title").set_value("größer: 100%")
    app.multiselect(key="compose-workloads").set_value(["digits_cnn", "imdb_lstm"])
    app.text_input(key="compose-seeds").set_value("3, 5, 7")
    app.text_input(key="compose-workers").set_value("1, 2")
    app.number_input(key="compose-epochs").set_value(4)
    app.number_input(key="compose-threads").set_value(1)
    app.number_input(key="compose-bursts").set_value(0)
    app.number_input(key="compose-margin").set_value(0.05)
    drawn(app.selectbox(key="compose-framework-1").set_value("tensorflow"))
    drawn(app.selectbox(key="compose-mode-1-tensorflow").set_value("eager"))
    assert shown_yaml(app) == {
        "name": "study",
        "title": "größer: 100%",
        "workloads": ["digits_cnn", "imdb_lstm"],
        "frameworks": ["tensorflow", {"framework": "tensorflow", "mode": "eager"}],
        "track": "matched",
        "seeds": [3, 5, 7],
        "workers": [1, 2],
        "epochs": 4,
        "threads": 1,
        "bursts": 0,
        "margin": 0.05,
    }
    assert not app.button(key="launch").disabled
    assert requesting.unfinished(store) == []


def test_sides_are_added_and_removed(store):
    app = launch_page()
    drawn(app.button(key="compose-add").click())
    app.text_input(key="compose-label-2").set_value("mine")
    assert shown_yaml(drawn(app))["frameworks"] == ["tensorflow", "torch", {"framework": "torch", "label": "mine"}]
    drawn(app.button(key="compose-remove-0").click())
    assert shown_yaml(app)["frameworks"] == ["torch", {"framework": "torch", "label": "mine"}]
    drawn(app.button(key="compose-remove-1").click())
    assert app.button(key="compose-remove-2").disabled


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("text_input:compose-seeds", "0", "A number of seeds, 1 to 100000, or a list of distinct seeds"),
        ("text_input:compose-seeds", "many", "given: 'many'"),
        ("text_input:compose-workers", "0, 2", "A number of workers, 1 to 4096"),
        ("text_input:compose-name", "Two Words", "String should match pattern"),
        ("number_input:compose-epochs", 10**6, "Input should be less than or equal to 100000; given: 1000000."),
        ("number_input:compose-margin", 1.5, "Input should be less than 1; given: 1.5."),
        ("multiselect:compose-workloads", [], "List should have at least 1 item"),
        ("selectbox:compose-precision-0-tensorflow", "fp64", None),
    ],
)
def test_what_is_wrong_is_told_in_the_models_words(store, key, value, told):
    app = launch_page()
    kind, _, key = key.partition(":")
    drawn(getattr(app, kind)(key=key).set_value(value))
    assert app.button(key="launch").disabled == (told is not None)
    if told:
        assert told in words(app)
        assert "known when nothing is wrong" in words(app)


def test_what_does_not_fit_together_is_told_at_its_field(store):
    app = launch_page()
    app.text_input(key="compose-workers").set_value("2")
    drawn(app.segmented_control(key="compose-track").set_value("article"))
    assert "The track article leaves the loop to the framework: 1 worker; given: [2]." in words(app)
    app.text_input(key="compose-workers").set_value("1")
    drawn(app.selectbox(key="compose-precision-1-torch").set_value("bf16"))
    assert "The track article is fp32, as the frameworks come; given: 'bf16'." in words(app)


def test_a_click_asks_once(store):
    serve(store)
    app = launch_page()
    drawn(app.text_input(key="compose-seeds").set_value("2"))
    drawn(app.button(key="launch").click())
    [request] = requesting.unfinished(store)
    assert (request.record.name, request.record.study["seeds"], request.record.planned_runs) == ("study", 2, 4)
    assert request.asked_by.startswith("ui@")
    assert (request.priority, request.options) == (0, {"certify": True})
    assert app.segmented_control(key="view").value == "Queue"
    assert request.study_id in words(app)
    for _ in range(2):
        drawn(app)
    drawn(app.segmented_control(key="view").set_value("Compose"))
    assert f"This very study has been asked for, as {request.study_id}" in words(app)
    assert len(requesting.unfinished(store)) == 1
    drawn(app.button(key="launch-again").click())
    drawn(app.button(key="launch").click())
    assert len(requesting.unfinished(store)) == 2


def test_priority_and_certificates_are_asked_for(store):
    app = launch_page()
    app.number_input(key="compose-priority").set_value(7)
    drawn(app.toggle(key="compose-certify").set_value(False))
    drawn(app.button(key="launch").click())
    [request] = requesting.unfinished(store)
    assert (request.priority, request.options) == (7, {"certify": False})


def test_yaml_is_taken_as_it_is(store):
    app = launch_page()
    drawn(app.segmented_control(key="compose-with").set_value("YAML"))
    assert app.button(key="launch").disabled
    drawn(app.text_area(key="compose-yaml").set_value("workloads: [digit_cnn]\nframeworks: [torch]\n"))
    assert "Did you mean 'digits_cnn'?" in words(app)
    drawn(app.text_area(key="compose-yaml").set_value("a: [1"))
    assert "Is not YAML" in words(app)
    good = "workloads: [digits_cnn]\nframeworks: [torch]\nprices: {cpu: 0.08}\nseeds: 1\n"
    drawn(app.file_uploader(key="compose-file").set_value(("My Study.yaml", good.encode(), "application/yaml")))
    assert app.text_area(key="compose-yaml").value == good
    drawn(app.button(key="launch").click())
    [request] = requesting.unfinished(store)
    assert (request.record.name, request.record.study["prices"]) == ("my-study", {"cpu": 0.08})


def test_nobody_serves(store):
    app = launch_page()
    assert "No levelfield serve serves this store now" in words(app)
    assert app.button(key="launch").label == "Queue it all the same"
    serve(store)
    drawn(app)
    assert "A scheduler takes up what is asked for" in words(app)
    assert app.button(key="launch").label == "Launch"


def test_the_estimate_comes_from_what_is_stored(store):
    app = launch_page()
    assert "No run of this kind is stored yet" in words(app)
    fill(store, "old", seeds=3)
    app = launch_page()
    drawn(app.selectbox(key="compose-mode-0-tensorflow").set_value("eager"))
    metrics = {one.label: one.value for one in app.metric}
    assert metrics["Runs"] == "10"
    assert metrics["Duels"] == "5"
    assert re.fullmatch(r"\d+ min \d\d s", metrics["Duration, one pair at a time"])
    assert "From 6 stored runs of the same kind" in words(app)


def test_the_queue_shows_what_is_at_work_as_it_grows(store):
    ask(store)
    ask(store, "second", title="The <second>")
    request = at_work(store, [[1, 2.0, 2.1, 0.1]])
    app = launch_page(view="Queue")
    seen = words(app)
    assert "torch, digits_cnn, seed 0, attempt 1" in seen
    assert "epoch 1 of 8, test accuracy 10.0%" in seen
    assert "The <second>" in seen
    assert "asked for by bob@there" in seen
    assert traces(app) == [[1]]
    run = requesting.of(store, request.id).progress[0]
    requesting.beat(store, request, [run | {"curve": [[1, 2.0, 2.1, 0.1], [2, 1.0, "nan", 0.4]]}], valid=VALID)
    assert traces(drawn(app)) == [[1, 2]]
    drawn(app.segmented_control(key="live-measure").set_value("train_loss"))
    assert "Training loss" in app.get("plotly_chart")[0].proto.alt


def traces(app):
    [chart] = app.get("plotly_chart")
    return [_numbers(trace["x"]) for trace in json.loads(chart.proto.spec)["data"]]


def _numbers(sent):
    """Plotly sends them as bytes."""
    return np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]).tolist()


def test_runs_that_have_ended_stay_in_sight(store):
    given = fill(store, "asked", skip=2)
    record = store.study(given)
    requesting.submit(store, record, asked_by="bob@there")
    at_work(store, [[1, 2.0, 2.1, 0.1]])
    app = launch_page(view="Queue")
    assert [len(points) for points in traces(app)] == [16, 16, 1], "three epochs and a gap for each that has ended, and what grows"
    assert "1 run at work, 8 ended; single runs, no interval; track matched; certified after its runs." in words(app)


def test_a_stop_is_confirmed_and_asked_for_once(store):
    asked = ask(store)
    request = at_work(store, [])
    app = launch_page(view="Queue")
    drawn(app.button(key=f"stop-{asked.id}").click())
    assert requesting.of(store, asked.id).stop == {}
    drawn(app.button(key=f"stop-no-{asked.id}").click())
    drawn(app.button(key=f"stop-{asked.id}").click())
    drawn(app.button(key=f"stop-yes-{asked.id}").click())
    assert list(requesting.of(store, asked.id).stop) == ["all"]
    assert "Is being stopped, for ui@" in words(app)
    requesting.finish(store, request, "cancelled by somebody")
    assert "cancelled by somebody" in words(drawn(app))


def test_where_a_login_is_configured_who_is_signed_out_may_only_look(store):
    asked = ask(store)
    app = launch_page(SIGNED_OUT)
    assert app.button(key="launch").disabled
    assert "Only who is signed in may launch or stop a study." in words(app)
    drawn(app.segmented_control(key="view").set_value("Queue"))
    assert asked.study_id in words(app)
    assert not [one for one in app.button if one.key.startswith("stop")]
    assert [one.id for one in requesting.unfinished(store)] == [asked.id]


def test_who_is_signed_in_asks_under_their_own_name(store):
    app = launch_page(SIGNED_IN)
    drawn(app.button(key="launch").click())
    [request] = requesting.unfinished(store)
    assert request.asked_by == "ann@example.org"


DIRECTLY = """
import streamlit as st
from ui import asking
asking.on_launch({url!r}, {text!r}, "study", 0, True)
st.text(st.session_state.get(asking.ANSWER, ""))
asking.on_stop({url!r}, {request})
st.text(st.session_state.get(asking.ANSWER, ""))
"""
TEXT = "workloads: [digits_cnn]\nframeworks: [torch]\nseeds: 1\n"


@pytest.mark.parametrize(
    ("visitor", "switch", "why"),
    [
        ((SIGNED_OUT, {}), "1", "Only who is signed in"),
        (({"email": "eve@example.org"}, {"auth": {"client_id": "x"}}), "1", "Only who is signed in"),
        (({}, {"auth": {}}), "1", "cannot be read"),
        ((SIGNED_IN, {}), "", "is off"),
        (({}, {}), "0", "is off"),
    ],
    ids=["signed out", "no session", "empty section", "off", "off by zero"],
)
def test_what_the_buttons_do_refuses_too(store, url, monkeypatch, visitor, switch, why):
    monkeypatch.setenv("LEVELFIELD_UI_LAUNCH", switch)
    asked = ask(store)
    app = AppTest.from_string(DIRECTLY.format(url=url, text=TEXT, request=asked.id))
    app.user, app.secrets = visitor
    drawn(app)
    assert [why in text.value for text in app.text] == [True, True]
    assert [(one.id, one.stop) for one in requesting.unfinished(store)] == [(asked.id, {})]


def test_settings_that_cannot_be_read_open_no_door(store, url, tmp_path, monkeypatch):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("[auth\n")
    import streamlit as st

    monkeypatch.setattr(st.secrets, "_secrets", None)
    monkeypatch.setattr("streamlit.config.get_option", _with_files(str(tmp_path / ".streamlit" / "secrets.toml")))
    app = AppTest.from_string(DIRECTLY.format(url=url, text=TEXT, request=0))
    app.user = {}
    drawn(app)
    assert "cannot be read" in app.text[0].value
    assert requesting.unfinished(store) == []


def _with_files(file):
    from streamlit import config

    given = config.get_option
    return lambda name: [file] if name == "secrets.files" else given(name)


def test_the_same_click_twice_is_one_wish(store, url):
    app = AppTest.from_string(DIRECTLY.format(url=url, text=TEXT, request=10**6) * 2)
    app.user = {}
    drawn(app)
    assert len(requesting.unfinished(store)) == 1


def test_an_invalid_study_is_refused_by_the_button_too(store, url):
    app = AppTest.from_string(DIRECTLY.format(url=url, text="workloads: [nothing]", request=10**6))
    app.user = {}
    drawn(app)
    assert "It was not asked for" in app.text[0].value
    assert requesting.unfinished(store) == []


def test_a_store_that_is_not_there_yet_can_be_composed_for(url, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_UI_LAUNCH", "1")
    app = launch_page()
    assert app.button(key="launch").disabled
    assert "The store is not there yet" in words(app)
    assert shown_yaml(app)["seeds"] == 5
