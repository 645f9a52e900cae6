"""What tests of several parts share; also loaded in the services' own environments, hence nothing but the core is imported."""

import os
from pathlib import Path

import pytest

from levelfield import data
from levelfield.data.base import MANIFEST

REAL = ("cifar10", "imdb", "newsgroups")


@pytest.fixture(scope="session")
def real_data(tmp_path_factory) -> Path:
    """A folder for ``LEVELFIELD_CACHE`` that holds the real data sets, made once a session from the development files beside the checkout.

    ``LEVELFIELD_TEST_CACHE`` names one to be kept between sessions. Skips where neither is there.
    """
    files = Path(__file__).parents[2] / "shared" / "data"
    cache = Path(os.environ.get("LEVELFIELD_TEST_CACHE") or tmp_path_factory.mktemp("real-data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFIELD_CACHE", str(cache))
        patch.setenv("LEVELFIELD_DATA", str(files))
        missing = [name for name in REAL if not (cache / "data" / name / MANIFEST).is_file()]
        if missing and not files.is_dir():
            pytest.skip("the development files of the real data sets are not here")
        for name in missing:
            data.load(name)
    return cache
