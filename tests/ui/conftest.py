"""The store that the page reads."""

import pytest


@pytest.fixture
def url(tmp_path, monkeypatch):
    url = str(tmp_path / "levelfield.db")
    monkeypatch.setenv("LEVELFIELD_STORE", url)
    return url
