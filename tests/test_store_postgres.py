"""The store's contract on a PostgreSQL server of its own, started here on a free port."""

import pytest

import levelfield
from levelfield.store import Store, StoreError
from tests.bundle_contract import BundleContract
from tests.lease_contract import LeaseContract
from tests.postgres import HOST, running
from tests.request_contract import RequestContract
from tests.test_store import StoreContract, planned, record, store, study  # noqa: F401
from tests.watching_contract import WatchingContract


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


@pytest.fixture
def url(server):
    """A database of the test's own."""
    return server.new_url()


class TestPostgres(StoreContract):
    def test_an_empty_database_is_not_written_by_a_reader(self, url):
        for _ in range(2):
            with pytest.raises(StoreError, match=r"levelfield:\*\*\*@.* is empty; `levelfield run"):
                Store.open(url, read_only=True)

    def test_a_database_that_is_not_there(self, server):
        with pytest.raises(StoreError, match=r'cannot be used: .*database "absent" does not exist') as error:
            Store.open(f"postgresql://levelfield:secret@{HOST}:{server.port}/absent")
        assert "secret" not in str(error.value)

    def test_frames(self, store, url):  # noqa: F811
        record(store, planned(seed=3))
        frames = levelfield.load("latest", url)
        assert frames.study == study()
        assert (len(frames.runs), len(frames.epochs), len(frames.steps), len(frames.blocks())) == (1, 2, 1, 2)
        assert str(frames.runs["started_at"].dtype) == "datetime64[us, UTC]"


class TestPostgresLeases(LeaseContract):
    pass


class TestPostgresRequests(RequestContract):
    pass


class TestPostgresBundles(BundleContract):
    @pytest.fixture
    def other(self, server):
        return server.new_url()


class TestBundlesFromSqliteToPostgres(BundleContract):
    @pytest.fixture
    def url(self, tmp_path):
        return str(tmp_path / "levelfield.db")

    @pytest.fixture
    def other(self, server):
        return server.new_url()


class TestBundlesFromPostgresToSqlite(BundleContract):
    @pytest.fixture
    def other(self, tmp_path):
        return str(tmp_path / "levelfield.db")


class TestPostgresWatching(WatchingContract):
    pass
