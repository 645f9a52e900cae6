"""A cache of one's own, a folder for files, and no network."""

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The empty folder that ``LEVELFIELD_CACHE`` names."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LEVELFIELD_CACHE", str(folder))
    return folder


@pytest.fixture
def files(tmp_path, monkeypatch, cache):
    """The empty folder that ``LEVELFIELD_DATA`` names; a download would fail the test."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("LEVELFIELD_DATA", str(folder))

    def refuse(*_):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("levelfield.data.sources.download.download", refuse)
    return folder
