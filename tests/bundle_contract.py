"""What must hold of bundles between any two databases. The fixtures ``url`` and ``other`` name stores that are not there yet."""

import pytest

from levelfield.store import Store, StoreError, bundle
from tests.certificates import certificate
from tests.exchange import fill, renderings, rows
from tests.ui import stores


def exported(url, study_id, file):
    with Store.open(url, read_only=True) as store:
        return bundle.write(store, study_id, file)


class BundleContract:
    @pytest.fixture
    def file(self, tmp_path, url):
        with Store.open(url) as store:
            fill(store, "earlier", certify=False)
            fill(store)
        file = tmp_path / "digits.levelfield.zip"
        exported(url, "digits-1", file)
        return file

    def test_a_study_comes_back_as_it_was(self, url, other, file):
        merged = bundle.merge(file, other)
        assert (merged.study, merged.was_there, merged.runs, merged.duels) == ("digits-1", False, 9, 5)
        assert (merged.certificates, merged.certificates_there) == (2, 0)
        with Store.open(url, read_only=True) as old, Store.open(other, read_only=True) as new:
            assert new.studies() == [old.study("digits-1")]
            for before, after in zip(old.runs("digits-1"), new.runs("digits-1"), strict=True):
                assert repr(after.result) == repr(before.result)
                assert (after.key, after.planned, after.started_at) == (before.key, before.planned, before.started_at)
            assert [found.result for found in new.duels("digits-1")] == [found.result for found in old.duels("digits-1")]
            assert repr(new.certificates()) == repr(old.certificates("digits_cnn"))
            assert new.predictions("digits-1").keys() == {1, 2, 3, 4, 5, 6, 7, 9}

    def test_the_report_of_an_imported_study_is_that_of_the_original(self, url, other, file):
        with Store.open(other) as store:
            stores.fill(store, "own", workloads=("imdb_lstm",))
        bundle.merge(file, other)
        before, after = renderings("digits-1", url), renderings("digits-1", other)
        for form, text in before.items():
            assert after[form] == text, form
        assert "выпало" in before["md"]

    def test_a_bundle_of_an_imported_study_is_the_same_file(self, other, file, tmp_path):
        bundle.merge(file, other)
        again = exported(other, "digits-1", tmp_path / "again.zip")
        assert (tmp_path / "again.zip").read_bytes() == file.read_bytes()
        assert again.rows["blocks"] == 8 * 12

    def test_what_a_store_holds_stays(self, other, file):
        with Store.open(other) as store:
            fill(store, "own")
        before = rows(other)
        merged = bundle.merge(file, other)
        assert (merged.certificates, merged.certificates_there) == (0, 2)
        after = rows(other)
        for table, found in before.items():
            assert set(found) <= set(after[table]), table
        assert after["certificates"] == before["certificates"]
        assert len(after["runs"]) == len(before["runs"]) + 9

    def test_a_bundle_is_imported_once(self, other, file):
        bundle.merge(file, other)
        before = rows(other)
        again = bundle.merge(file, other)
        assert (again.was_there, again.runs, again.duels, again.certificates) == (True, 0, 0, 0)
        assert rows(other) == before

    def test_certificates_that_are_missing_are_added_to_a_study_that_is_there(self, url, other, file):
        bundle.merge(file, other)
        with Store.open(url) as store:
            store.add_certificate(certificate(seed=7))
        exported(url, "digits-1", file)
        again = bundle.merge(file, other)
        assert (again.was_there, again.certificates) == (True, 1)

    @pytest.mark.parametrize(
        ("options", "what"),
        [
            ({"make": stores.result}, "runs, epochs, blocks, predictions, duels, bursts"),
            ({"seeds": 6}, "studies, "),
            ({"hours": 1}, "studies, runs, "),
        ],
    )
    def test_a_study_of_that_id_with_other_content_stays(self, other, file, options, what):
        with Store.open(other) as store:
            stores.fill(store, "digits", **options)
        before = rows(other)
        with pytest.raises(bundle.BundleError, match=f"there is another study digits-1 in .* already, which differs in its .*{what}"):
            bundle.merge(file, other)
        assert rows(other) == before

    def test_a_study_that_has_grown_since_is_another_one(self, url, other, file):
        bundle.merge(file, other)
        with Store.open(other) as store:
            store.delete_run(1)
        before = rows(other)
        with pytest.raises(bundle.BundleError, match=r"differs in its runs, epochs, blocks, predictions\. .*`levelfield delete digits-1`"):
            bundle.merge(file, other)
        assert rows(other) == before

    def test_a_study_without_runs(self, url, other, tmp_path):
        with Store.open(url) as store:
            stores.fill(store, "empty", seeds=2, skip=4)
        exported(url, "empty-1", tmp_path / "empty.zip")
        merged = bundle.merge(tmp_path / "empty.zip", other)
        assert (merged.runs, merged.duels, merged.certificates) == (0, 0, 0)
        with Store.open(other, read_only=True) as store:
            assert store.counts() == {"empty-1": {}}

    def test_a_study_that_is_gone(self, url, file, tmp_path):
        with Store.open(url, read_only=True) as store, pytest.raises(StoreError, match="no study other-1"):
            bundle.write(store, "other-1", tmp_path / "other.zip")
        assert not list(tmp_path.glob("*other*"))

    def test_nothing_is_written_where_the_last_row_does_not_fit(self, url, other, file, monkeypatch):
        """The whole bundle fits, but the store refuses in the end."""
        with Store.open(other) as store:
            fill(store, "own")
        before = rows(other)

        def refuse(*_):
            raise RuntimeError("the disk is full")

        monkeypatch.setattr("levelfield.store.bundle.merging._insert_certificates", refuse)
        with pytest.raises(RuntimeError, match="the disk is full"):
            bundle.merge(file, other)
        assert rows(other) == before
