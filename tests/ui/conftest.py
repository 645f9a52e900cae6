"""The stores that the pages read."""

import pytest

from tests.platform_process import Platform


@pytest.fixture
def url(tmp_path, monkeypatch):
    url = str(tmp_path / "levelfield.db")
    monkeypatch.setenv("LEVELFIELD_STORE", url)
    return url


@pytest.fixture(scope="session")
def real_store(tmp_path_factory):
    """The store of a study that was really run and certified, with one worker and with two, by NumPy workers in place of frameworks."""
    platform = Platform(tmp_path_factory.mktemp("real-study"), certify=True)
    study = platform.study(["fake_a", "fake_b"], title="Two of one kind", seeds=5, epochs=4, workers=[1, 2], shares=2, bursts=5)
    platform.run("run", study, timeout=400)
    return str(platform.results / "levelfield.db")
