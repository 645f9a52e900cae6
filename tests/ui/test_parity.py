"""What the page says of certificates, tracks, data and reference points."""

from dataclasses import replace

import pytest

from levelfield.report.reference import Reference
from levelfield.result import Block
from levelfield.store import Store
from tests.certificates import CODES, certificate
from tests.ui.opening import run, words
from tests.ui.stores import fill, result
from tests.ui.test_page import page  # noqa: F401


def certified_result(side, seed):
    made = result(side, seed)
    return replace(made, environment=made.environment | {"worker_code": CODES[side]})


def opened(app, name):
    """The expanders whose label holds a name."""
    return [one for one in app.expander if name in one.label.replace("\\", "")]


def test_a_certificate_that_passed_is_shown_by_layer(page, url):  # noqa: F811
    with Store.open(url) as store:
        store.add_certificate(certificate(earlier=("seed 3: too far",)))
    app = page(make=certified_result)
    (expander,) = opened(app, "Parity certificate: passed, 20 steps in fp32")
    seen = words(expander)
    assert certificate().verdict in seen
    for words_of_it in ("conv1", "6.0e-07", "allowed 1.0e-06 at step 5, dropout off", "loss", "5.0e-08", "seed 3: too far", "d" * 12):
        assert words_of_it in seen
    assert "First diverging layer" not in seen
    assert " unverified " not in words(app)


def test_a_certificate_that_failed_names_the_first_diverging_layer(page, url):  # noqa: F811
    with Store.open(url) as store:
        store.add_certificate(certificate(beyond="gradient/conv1/kernel"))
    app = page(make=certified_result)
    (expander,) = opened(app, "Parity certificate: FAILED")
    assert "First diverging layer: conv1." in words(expander)
    assert "3.0e-02 allowed 1.0e-06 at step 3, dropout off; BEYOND" in words(expander)
    markup = "".join(element.proto.body for element in expander.get("html"))
    assert markup.count("lf-differs") == 1
    assert " unverified " in words(app)


def test_a_certificate_that_is_added_is_seen(page, url):  # noqa: F811
    app = page(make=certified_result)
    assert " unverified " in words(app)
    assert not opened(app, "Parity certificate")
    with Store.open(url) as store:
        store.add_certificate(certificate())
    app.run()
    assert " unverified " not in words(app)
    assert opened(app, "Parity certificate: passed")


def test_several_comparisons_say_whose_certificate_it_is(page, url):  # noqa: F811
    with Store.open(url) as store:
        store.add_certificate(certificate())
    app = page(sides=("tensorflow", "torch", "third"), make=lambda side, seed: certified_result(side if side in CODES else "torch", seed))
    assert len(opened(app, "Parity certificate")) == 1
    assert opened(app, "Parity certificate of TensorFlow and PyTorch: passed")


def by_epochs(side, seed):
    """As the track article leaves it: a block an epoch, no losses of steps, no weights of ours."""
    made = result(side, seed)
    blocks = [Block(epoch=n, first_step=0, steps=60, samples=1920, duration_ns=8 * 10**7, steady=n > 0) for n in range(3)]
    return replace(made, blocks=blocks, step_losses=[], fingerprints={"data": "d" * 64})


def test_a_study_of_the_track_article(page):  # noqa: F811
    app = page(track="article", make=by_epochs)
    seen = words(app)
    assert "Track article: What does a newcomer get?" in seen
    assert " not aligned " in seen
    assert " unverified " not in seen
    assert "not recorded: " not in seen
    assert "left out" not in seen
    assert "throughput, examples/s" in seen
    assert "A point is one steady epoch" in seen
    assert "initial weights not recorded" in seen
    app.segmented_control(key="blocks-digits_cnn-1").set_value("warm-up").run()
    assert not app.exception
    assert "A point is one warm-up epoch" in words(app)


@pytest.mark.parametrize("track", ["matched", "article", "tuned"])
def test_the_list_of_studies_shows_each_one_s_track(url, track):
    with Store.open(url) as store:
        fill(store, "old", track=track)
        fill(store, "new", hours=1)
    assert [option.partition(", ")[0] for option in run().selectbox(key="study").options] == [
        "Study new (track matched",
        f"Study old (track {track}",
    ]


def test_data_from_other_files_and_accuracies_that_surprise_are_told(page, monkeypatch):  # noqa: F811
    known = Reference(
        workload="digits_cnn", track="matched", framework=None, accuracies=(0.2, 0.21, 0.22), studies=(), machines=(),
        levelfield_versions=(), data_fingerprints=(),
    )  # fmt: skip
    monkeypatch.setattr("levelfield.report.analysis.packaged", lambda: (known,))

    def make(side, seed):
        made = result(side, seed)
        return replace(made, description=made.description | {"data_source": "unverified"})

    seen = words(page(make=make))
    assert "unverified source The data was read from files that do not carry the official checksums (fingerprint dddddddddddd)" in seen
    assert "outside reference Test accuracy of TensorFlow, seed 0: 94." in seen
    assert "Test accuracy of PyTorch, seed 4: " in seen
