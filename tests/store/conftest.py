"""Stores in both databases."""

import pytest

from tests.postgres import running


@pytest.fixture(scope="package")
def server():
    with running() as started:
        yield started


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_url(request, tmp_path_factory):
    """Gives the name of a store that does not exist yet, each time another."""
    if request.param == "postgresql":
        return request.getfixturevalue("server").new_url
    return lambda: str(tmp_path_factory.mktemp("store") / "levelfield.db")


@pytest.fixture
def url(new_url):
    return new_url()
