"""The page of parity certificates: with none, with one that passed or failed, with old ones, and with several."""

import json
from dataclasses import replace

import pytest

from levelfield.parity.certificate import Certificate
from levelfield.parity.experiment import Part
from levelfield.store import Store
from tests.certificates import CODES, certificate, side, with_map
from tests.parity.broken_workers import SamePadding
from tests.parity.small import IMAGES, experiment
from tests.parity.small import certificate as made
from tests.ui.opening import run, words
from tests.ui.stores import fill, result


@pytest.fixture
def store(url):
    """A study of two sides, and a way to add certificates to its store."""
    with Store.open(url) as opened:
        fill(opened, make=certified_result)
        yield opened


def certified_result(side, seed):
    one = result(side, seed)
    return replace(one, environment=one.environment | {"worker_code": CODES.get(side, "code")})


def markup(app):
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in app.get("html") if "<style>" not in element.proto.body)


def heat_map(app):
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def test_without_a_certificate_the_page_says_how_to_make_one(store):
    app = run("parity")
    seen = words(app)
    assert "TensorFlow / PyTorch: not certified" in seen
    assert "No parity certificate is stored for TensorFlow" in seen
    assert "levelfield parity digits_cnn --frameworks tensorflow:eager,torch:eager" in seen
    assert "levelfield resume digits-1" in seen
    assert not app.get("plotly_chart")


def test_a_certificate_that_passed_is_a_map(store):
    store.add_certificate(with_map(certificate(earlier=("seed 3: too far",))))
    app = run("parity")
    seen = words(app)
    assert certificate().verdict in seen
    assert "First diverging layer" not in seen
    assert "It decides about TensorFlow / PyTorch in this study." in seen
    assert "20 steps; one experiment (seed 0), so no intervals; track matched; certificate passed." in seen
    for told in ("1.0e-06", "tried", "seed 3: too far", "d" * 12, "tensorflow 1.0"):
        assert told in seen
    figure = heat_map(app)
    assert figure["layout"]["yaxis"]["ticktext"] == ["conv1", "output", "loss"]
    assert "shapes" not in figure["layout"]
    assert not figure["data"][1]["x"], "nothing is crossed out"


def test_part_and_kind_are_switched_and_stand_in_the_url(store):
    store.add_certificate(with_map(certificate()))
    app = run("parity")
    app.segmented_control(key="kind").set_value("gradient").run()
    assert not app.exception
    assert heat_map(app)["layout"]["yaxis"]["ticktext"] == ["conv1", "output"]
    app.segmented_control(key="part").set_value("timed").run()
    assert not app.exception
    assert "timed step" in heat_map(app)["layout"]["title"]["text"]
    linked = run("parity", part="timed", kind="parameter")
    assert linked.segmented_control(key="part").value == "timed"
    assert heat_map(linked)["layout"]["yaxis"]["ticktext"] == ["conv1", "output"]
    assert run("parity", part="nonsense").segmented_control(key="part").value == "off"


def test_a_certificate_that_failed_names_and_frames_where_it_begins(store):
    fails = "gradient/conv1/kernel", 2
    store.add_certificate(with_map(certificate(beyond=fails[0]), fails=fails))
    app = run("parity")
    seen = words(app)
    assert "First diverging layer: conv1, at step 3." in seen
    assert "certificate failed" in seen
    assert "3.0e-02 allowed 1.0e-06 at step 3, dropout off; BEYOND" in seen
    assert markup(app).count("lf-differs") == 1
    figure = heat_map(app)
    (frame,) = figure["layout"]["shapes"]
    assert (frame["x0"], frame["y0"]) == (1.5, -0.5)
    assert len(figure["data"][1]["x"]) == 18


def test_a_broken_worker_is_shown_where_its_verdict_says(store):
    found = made(SamePadding, experiment(IMAGES, "fp32"))
    sides = tuple(replace(side(name), code="other code") for name in ("tensorflow", "torch"))
    store.add_certificate(replace(found, workload="digits_cnn", sides=sides))
    app = run("parity")
    first = found.first_divergence
    assert (first.part, first.layer, first.failed_at) == (Part.OFF, "conv1", 0)
    assert "First diverging layer: conv1, at step 1." in words(app)
    assert "It does not decide about this study" in words(app)
    figure = heat_map(app)
    (frame,) = figure["layout"]["shapes"]
    assert (frame["x0"], figure["layout"]["yaxis"]["ticktext"][int(frame["y0"] + 0.5)]) == (-0.5, "conv1")


def test_a_certificate_from_before_the_map_shows_its_table(store):
    store.add_certificate(certificate())
    app = run("parity")
    seen = words(app)
    assert "made before certificates kept every step" in seen
    assert "6.0e-07 allowed 1.0e-06 at step 5, dropout off" in seen
    assert not app.get("plotly_chart")


def test_several_certificates_can_be_chosen_and_linked(store):
    store.add_certificate(with_map(certificate(created_at="2026-02-01T12:00:00+00:00", seed=5)))
    store.add_certificate(with_map(certificate()))
    store.add_certificate(with_map(certificate(precision="fp64", created_at="2026-03-02T12:00:00+00:00")))
    app = run("parity")
    box = app.selectbox(key="certificate")
    assert len(box.options) == 3
    assert box.value == "20260301120000-fp32", "the one that decides comes first"
    assert "another than this study's" in box.options[1]
    app = run("parity", certificate="20260302120000-fp64")
    assert "in fp64" in words(app)
    assert "It does not decide about this study" in words(app)
    assert "There is no certificate 1999" in words(run("parity", certificate="1999"))


def test_a_switch_survives_another_certificate_that_lacks_its_part(store):
    store.add_certificate(with_map(certificate()))
    store.add_certificate(with_map(certificate(precision="fp64", created_at="2026-03-02T12:00:00+00:00"), parts=(Part.OFF,)))
    app = run("parity", part="timed")
    app.selectbox(key="certificate").set_value("20260302120000-fp64").run()
    assert not app.exception
    assert app.segmented_control(key="part").value == "off"


def test_the_article_track_is_not_certified_by_design(url):
    with Store.open(url) as opened:
        fill(opened, track="article")
    seen = words(run("parity"))
    assert "not certified" in seen
    assert "each framework draws its own initial weights" in seen
    assert "levelfield parity" not in seen


def test_one_side_alone_has_no_certificate(url):
    with Store.open(url) as opened:
        fill(opened, sides=("torch",))
    assert "A certificate is of two sides." in words(run("parity"))


def test_a_network_of_many_layers_shows_blocks_first(store):
    found = with_map(certificate())
    wide = {
        **found.to_dict(),
        "strains": [
            one | {"layers": [layer | {"layer": f"stage{n // 7}_conv{n % 7}"} for n in range(70) for layer in one["layers"][:1]]}
            for one in found.to_dict()["strains"]
        ],
    }
    store.add_certificate(Certificate.from_dict(wide))
    app = run("parity")
    assert len(heat_map(app)["layout"]["yaxis"]["ticktext"]) == 10
    assert app.selectbox(key="layers").options[:2] == ["10 blocks of layers", "all 70 layers"]
    app.selectbox(key="layers").set_value("stage3").run()
    assert heat_map(app)["layout"]["yaxis"]["ticktext"] == [f"stage3_conv{n}" for n in range(7)]
    app.selectbox(key="layers").set_value("every").run()
    assert not app.exception
    assert len(heat_map(app)["layout"]["yaxis"]["ticktext"]) == 70


def test_hostile_names_are_text(store):
    bad = "<script>alert(1)</script>"
    text = json.dumps(with_map(certificate(beyond="output/conv1"), fails=("output/conv1", 2)).to_dict()).replace(
        "conv1", bad.replace("/", "\\/")
    )
    store.add_certificate(Certificate.from_dict(json.loads(text)))
    app = run("parity")
    assert "<script>" not in markup(app)
    (chart,) = app.get("plotly_chart")
    assert "<script>" not in chart.proto.spec
