"""Finding a study by its id, the beginning of one, or "latest"."""

from datetime import timedelta

import pytest

from levelfield.store import Store, StoreError
from tests.test_store import NOW, study, url  # noqa: F401


@pytest.fixture
def store(url):  # noqa: F811
    with Store.open(url) as opened:
        for day, study_id in enumerate(["digits-a1", "digits-b2", "mnist-c3"]):
            opened.add_study(study(study_id, created_at=NOW - timedelta(days=day)))
        yield opened


def test_newest_first(store):
    assert [found.id for found in store.studies()] == ["digits-a1", "digits-b2", "mnist-c3"]


@pytest.mark.parametrize(
    ("name", "found"), [("mnist-c3", "mnist-c3"), ("m", "mnist-c3"), ("digits-b", "digits-b2"), ("latest", "digits-a1")]
)
def test_by_id_prefix_or_latest(store, name, found):
    assert store.study(name).id == found


def test_an_id_wins_over_longer_ones(store):
    store.add_study(study("digits-b"))
    assert store.study("digits-b").id == "digits-b"


def test_an_ambiguous_prefix_names_the_candidates(store):
    with pytest.raises(StoreError, match="2 studies: digits-a1, digits-b2"):
        store.study("digits")


def test_a_misspelling_names_the_nearest(store):
    with pytest.raises(StoreError, match="no study 'mnits-c3'; did you mean 'mnist-c3'"):
        store.study("mnits-c3")


def test_an_empty_store_says_so(tmp_path):
    with Store.open(str(tmp_path / "new.db")) as empty, pytest.raises(StoreError, match=r"no studies in .*new.db yet; `levelfield run"):
        empty.study("latest")
