"""What the page says of certificates, tracks, data and reference points."""

from dataclasses import replace

import pytest

from levelfield.report.reference import Reference
from levelfield.result import Block
from levelfield.store import Store
from tests.ui.opening import run, words
from tests.ui.stores import fill, result
from tests.ui.test_page import page  # noqa: F401


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
    assert "initial weights not recorded" in seen
    app = run("speed")
    assert "A point is one steady epoch" in words(app)
    app.segmented_control(key="blocks").set_value("warm").run()
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
