"""The page of predictions: matrices, examples, and what it says where the data set is not here."""

import json
from dataclasses import replace

import numpy as np
import pytest

from levelfield.data import from_arrays, write_cache
from levelfield.predictions import Predictions
from levelfield.store import Store
from tests.networks import pair
from tests.ui.opening import run, words
from tests.ui.stores import TWO, fill, result

CLASSES = 10
LABELS = np.arange(60) % CLASSES


def given(side, seed):
    """The first side errs on examples 0 to 4 with every seed, the second on 5 to 9 with even seeds; on 20 both err, in their own ways."""
    found = LABELS.copy()
    wrong = slice(0, 5) if side == TWO[0] else slice(5, 10) if seed % 2 == 0 else slice(0, 0)
    found[wrong] = (found[wrong] + 1) % CLASSES
    found[20] = 1 if side == TWO[0] else 2
    return Predictions.pack(found, LABELS, CLASSES)


def store_study(url, fingerprint="d" * 64, *, workload="digits_cnn", make=given, **options):
    def finished(side, seed):
        one = result(side, seed, predictions=make(side, seed))
        return replace(one, fingerprints=one.fingerprints | {"data": fingerprint})

    with Store.open(url) as store:
        return fill(store, make=finished, workloads=(workload,), **options)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVELFIELD_CACHE", str(tmp_path / "cache"))

    def put(name, x, words=()):
        y = LABELS[: len(x)] if x.ndim == 4 else LABELS[: len(x)] % 2
        dataset = from_arrays(name, {"x_train": x[:1], "y_train": y[:1], "x_test": x, "y_test": y}, words=words)
        write_cache(dataset)
        return dataset.fingerprint

    return put


def markup(app):
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in app.get("html") if "<style>" not in element.proto.body)


def figures(app):
    return {figure["layout"]["title"]["text"]: figure for figure in (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))}


def test_matrices_and_examples(url, cache):
    store_study(url, cache("digits", np.linspace(0, 1, 60 * 64, dtype=np.float32).reshape(60, 8, 8, 1)))
    app = run("predictions")
    seen = words(app)
    assert "TensorFlow / PyTorch, the two networks of each seed on the same 60 test examples" in seen
    assert "That speaks of these networks, not of the frameworks" in seen
    assert "5 networks a side on 60 test examples; counts, so no intervals; track matched; not certified." in seen
    shown = figures(app)
    assert list(shown) == [
        "TensorFlow: what each class was taken for",
        "PyTorch: what each class was taken for",
        "Where TensorFlow and PyTorch disagree",
    ]
    errors = shown["TensorFlow: what each class was taken for"]["data"][1]
    assert errors["customdata"][3][4] == "3 taken for 4<br>5 of 30 (16.67%)"
    assert "only TensorFlow right: 5" in [option.replace("\\", "") for option in app.segmented_control(key="examples").options]
    pictures = markup(app)
    assert pictures.count("<img ") == 5
    assert "data:image/png;base64," in pictures
    assert "PyTorch: 5 (2), 6 (3)" in seen or "PyTorch: 6 (3), 5 (2)" in seen
    assert "test example 5, 3 of 5 seeds" in seen


def test_the_kind_of_examples_is_in_the_url(url, cache):
    store_study(url, cache("digits", np.zeros((60, 8, 8, 1), np.float32)))
    app = run("predictions", examples="b")
    assert "test example 0, 5 of 5 seeds" in words(app)
    app = run("predictions", examples="both")
    assert markup(app).count("<img ") == 1
    assert "test example 20, 5 of 5 seeds" in words(app)


def test_one_seed_alone(url, cache):
    store_study(url, cache("digits", np.zeros((60, 8, 8, 1), np.float32)))
    app = run("predictions", seed="1", examples="a")
    assert "1 network a side on 60 test examples" in words(app)
    assert "There is none." in words(app), "with seed 1 the second side errs nowhere alone"
    app.selectbox(key="seed").set_value("2").run()
    assert not app.exception
    assert markup(app).count("<img ") == 5


def test_a_page_holds_24_pictures_and_a_link_names_it(url, cache):
    def make(side, seed):
        right = (side == TWO[0]) == (seed % 2 == 0)
        return Predictions.pack(LABELS if right else (LABELS + 1) % CLASSES, LABELS, CLASSES)

    store_study(url, cache("digits", np.zeros((60, 8, 8, 1), np.float32)), make=make)
    app = run("predictions")
    assert markup(app).count("<img ") == 24
    assert "1 to 24 of 60." in words(app)
    app = run("predictions", sheet="3")
    assert "49 to 60 of 60." in words(app)
    assert markup(app).count("<img ") == 12
    app.segmented_control(key="examples").set_value("b").run()
    assert not app.exception
    assert "1 to 24 of 60." in words(app), "other examples begin with their first page"


def test_texts_are_words_and_escaped(url, cache):
    labels = LABELS % 2

    def make(side, seed):
        return Predictions.pack(labels if side == TWO[0] else 1 - labels, labels, 2)

    x = np.zeros((60, 200), np.int32)
    x[:, -3:] = 1, 3, 4
    store_study(url, cache("imdb", x, ("<script>alert(1)</script>", "**film**")), workload="imdb_lstm", make=make)
    app = run("predictions")
    assert "<script>alert(1)</script> **film**" in words(app)
    assert "<script>" not in markup(app)
    assert markup(app).count('class="lf-text"') == 8
    assert "right: neg TensorFlow: neg PyTorch: pos" in words(app)


def test_texts_whose_words_are_not_in_the_cache(url, cache):
    labels = LABELS % 2

    def make(side, seed):
        return Predictions.pack(labels if side == TWO[0] else 1 - labels, labels, 2)

    store_study(url, cache("imdb", np.full((60, 200), 5, np.int32)), workload="imdb_lstm", make=make)
    seen = words(run("predictions"))
    assert "The words of these texts are not known" in seen
    assert "levelfield data fetch imdb --data-dir FOLDER" in seen
    assert "PyTorch: pos" in seen


def test_without_the_data_set_matrices_are_of_what_is_known(url, cache):
    store_study(url)
    app = run("predictions")
    seen = words(app)
    assert "They cannot be shown here: the data set digits is not in this machine's cache" in seen
    assert "the right class of 1 examples is not known" in seen
    assert len(figures(app)) == 3
    assert "<img" not in markup(app)


def test_another_data_set_of_that_name_is_not_shown(url, cache):
    cache("digits", np.zeros((60, 8, 8, 1), np.float32))
    store_study(url)
    seen = words(run("predictions"))
    assert "in this machine's cache is not that of the runs" in seen


def test_runs_without_predictions(url):
    store_study(url, make=lambda side, seed: None)
    app = run("predictions")
    assert "of these runs there are none" in words(app)
    assert not app.get("plotly_chart")


def test_some_runs_without_predictions(url):
    networks = dict(zip(TWO, pair(10, 8, 0, other_error=2), strict=True))
    store_study(url, make=lambda side, seed: networks[side] if seed < 3 else None)
    seen = words(run("predictions"))
    assert "in 3 of 3 seeds" in seen
    assert "Of 2 more pairs no predictions are stored." in seen
    assert "only TensorFlow right only PyTorch right" in seen


def test_one_side_alone(url):
    store_study(url, sides=("torch",))
    assert "This study has one side." in words(run("predictions"))


def test_several_comparisons_are_chosen(url):
    store_study(url, sides=("tensorflow", "torch", "third"), seeds=2)
    app = run("predictions")
    assert app.selectbox(key="compare").options == ["TensorFlow / PyTorch", "TensorFlow / third", "PyTorch / third"]
    app.selectbox(key="compare").set_value("torch-third").run()
    assert not app.exception
    assert "PyTorch / third, the two networks of each seed" in words(app)


def test_only_the_chosen_comparison_s_predictions_are_read(url, monkeypatch):
    store_study(url, sides=("tensorflow", "torch", "third"), seeds=2)
    asked = []
    read = Store.predictions
    monkeypatch.setattr(Store, "predictions", lambda self, study, run_ids=None: asked.append(run_ids) or read(self, study, run_ids))
    run("parity")
    assert asked == []
    run("predictions", compare="torch-third")
    assert [len(run_ids) for run_ids in asked] == [4]


def test_hostile_names_are_text(url, cache, monkeypatch):
    monkeypatch.setattr("levelfield.data.digits.CLASS_NAMES", tuple(f"<script>{n}</script>" for n in range(10)))
    store_study(url, cache("digits", np.zeros((60, 8, 8, 1), np.float32)), sides=("<img src=x>", "*b*_[c](d)"))
    app = run("predictions")
    assert "<script>" not in markup(app)
    assert "<img src=x>" not in markup(app)
    for chart in app.get("plotly_chart"):
        assert "<script>" not in chart.proto.spec
        assert "<img" not in chart.proto.spec


def test_predictions_that_cannot_be_read_are_told(url):
    broken = Predictions(classes=10, examples=60, packed=b"nonsense")
    store_study(url, make=lambda side, seed: broken)
    assert "They cannot be compared: predictions cannot be read" in words(run("predictions"))
