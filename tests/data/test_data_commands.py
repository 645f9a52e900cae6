"""``levelfield data``: what it says and how it ends."""

import os
import sys

import pytest
from typer.testing import CliRunner

from levelfield.data import imagenet, newsgroups
from levelfield.problems import StudyError
from orchestrator.cli import app
from tests.data.synthetic import write
from tests.data.test_newsgroups import POSTS

WIDE = {"COLUMNS": "200"}


@pytest.fixture
def posts(files, monkeypatch):
    """The folder for ``--data-dir``, with small newsgroups; the variable is not set."""
    monkeypatch.setattr(newsgroups, "CATEGORIES", {"alt.atheism": (2, 1), "soc.religion.christian": (1, 1)})
    monkeypatch.setattr(newsgroups, "WORDS", 5)
    monkeypatch.setattr(imagenet, "TRAIN_EXAMPLES", 4)
    monkeypatch.setattr(imagenet, "TEST_EXAMPLES", 2)
    monkeypatch.setenv("LEVELFIELD_DATA", "")  # set, so that it is put back whatever a command makes of it
    write(files / "20news", POSTS)
    return files


def run(*words, expect=0):
    result = CliRunner().invoke(app, ["data", *words], env=WIDE)
    assert result.exit_code == expect, result.output
    return result.output


def test_fetch_takes_names_and_a_folder(posts, cache):
    output = run("fetch", "digits", "newsgroups", "--data-dir", str(posts))
    assert "digits: 1437 training and 360 test examples, fingerprint " in output
    assert "newsgroups: 3 training and 2 test examples, fingerprint " in output
    assert "unverified" in output
    assert sorted(path.name for path in (cache / "data").iterdir()) == ["digits", "newsgroups"]


def test_the_folder_may_be_relative(posts, cache, monkeypatch):
    monkeypatch.chdir(posts.parent)
    run("fetch", "newsgroups", "--data-dir", posts.name)
    assert os.environ["LEVELFIELD_DATA"] == str(posts)


def test_fetching_all_does_what_can_be_done_and_names_what_cannot(posts, cache):
    (posts / "cifar-10-python.tar.gz").write_bytes(b"short")
    (posts / "aclImdb").mkdir()
    output = run("fetch", "--all", "--data-dir", str(posts), expect=2)
    assert f"error: {posts}/cifar-10-python.tar.gz: 5 bytes where the official" in output
    assert f"error: {posts}/aclImdb: 0 reviews in train/neg, expected 12500" in output
    assert "imagenet: 4 training and 2 test examples, fingerprint " in output
    assert sorted(path.name for path in (cache / "data").iterdir()) == ["digits", "imagenet", "newsgroups"]


def test_fetch_wants_names_or_all(posts, cache):
    assert "give the names of data sets, or --all" in run("fetch", expect=2)
    assert "give the names of data sets, or --all" in run("fetch", "digits", "--all", expect=2)


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_is_refused_with_the_nearest(posts, cache, command):
    result = CliRunner().invoke(app, ["data", command, "digits", "newsgroup"])
    assert isinstance(result.exception, StudyError)
    assert "Did you mean 'newsgroups'" in str(result.exception)
    assert not cache.exists()


def test_verify_reads_every_byte_again(posts, cache):
    run("fetch", "digits", "newsgroups", "--data-dir", str(posts))
    output = run("verify")
    for line in (
        "cifar10: not in the cache",
        "imdb: not in the cache",
        "embedded (comes with a library)",
        "unverified (not the official files",
    ):
        assert line in output
    file = cache / "data" / "newsgroups" / "x_test.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    output = run("verify", expect=1)
    assert "newsgroups: damaged: the cached data set newsgroups has changed since it was written; delete " in output
    assert "digits: 1437" in output
    assert "newsgroups" not in run("verify", "digits")


def test_list_says_what_there_is_and_what_it_takes(posts, cache):
    run("fetch", "digits", "newsgroups", "--data-dir", str(posts))
    file = cache / "data" / "digits" / "x_test.npy"
    file.write_bytes(b"")
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in run("list").splitlines() if "│" in line
    }
    assert rows["cifar10"] == ["", "no", "", "", "cifar-10-python.tar.gz (170.5 MB)"]
    assert rows["imdb"] == ["", "no", "", "", "aclImdb_v1.tar.gz (84.1 MB)"]
    assert rows["digits"][:3] == ["", "damaged", ""]
    assert rows["newsgroups"][0] == "3 + 2"
    assert rows["newsgroups"][2] == "unverified"
    assert rows["newsgroups"][4] == "20news-bydate.tar.gz (14.5 MB)"
    assert "IMDB film reviews" in rows


@pytest.mark.parametrize("words", [["run", "/nonexistent.yaml"], ["resume", "latest"]])
def test_run_and_resume_take_the_folder(posts, tmp_path, words):
    result = CliRunner().invoke(app, [*words, "--results", str(tmp_path / "results"), "--data-dir", str(posts)])
    assert "No such option" not in result.output
    assert os.environ["LEVELFIELD_DATA"] == str(posts)


def test_listing_imports_neither_scikit_learn_nor_pooch(cache):
    """It is to answer at once."""
    import subprocess

    code = "import sys; from orchestrator.cli import app; app(['data', 'list'], standalone_mode=False); print(sorted(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "'levelfield.data.newsgroups'" in output
    for module in ("sklearn", "pooch", "requests", "ray"):
        assert f"'{module}'" not in output
