"""``levelfield export`` and ``import``, and a report as a file, as a user gives these commands."""

import re

import pytest

from levelfield.store import Store
from tests.exchange import fill, members, pack
from tests.platform_process import Platform


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


@pytest.fixture
def stored(platform):
    """A study in the platform's store."""
    with Store.open(str(platform.results / "levelfield.db")) as store:
        fill(store)
    return platform


def test_a_study_is_taken_to_another_store(stored, tmp_path):
    file, other = str(tmp_path / "digits.zip"), str(tmp_path / "other.db")
    told = stored.run("export", "digits", "--out", file)
    assert "digits.zip: study digits-1 with 9 runs, 5 duels and 2 certificates" in told
    digest = re.search(r"SHA-256 ([0-9a-f]{64})\n", told)[1]
    assert "imported study digits-1 with 9 runs, 5 duels and 2 certificates;" in stored.run(
        "import", file, "--store", other, "--sha256", digest
    )
    assert "the same in everything: nothing was changed" in stored.run("import", file, "--store", other)
    assert stored.run("report", "digits-1", "--format", "md", "--store", other) == stored.run("report", "latest", "--format", "md")


def test_what_is_refused_ends_with_a_sentence(stored, tmp_path):
    file, other = tmp_path / "digits.zip", str(tmp_path / "other.db")
    stored.run("export", "--out", str(file))
    for words, why in (
        (["--sha256", "12"], "--sha256 takes the 64 hexadecimal digits"),
        (["--sha256", "0" * 64], "it is another file, or it was changed"),
    ):
        told = stored.run("import", str(file), "--store", other, *words, expect=2)
        assert why in told
        assert "Traceback" not in told
    content = members(file)
    pack(file, content | {"runs.jsonl": content["runs.jsonl"].replace(b"torch", b"Torch")})
    told = stored.run("import", str(file), "--store", other, expect=2)
    assert "error: " in told
    assert "runs.jsonl was changed after it was written" in told
    assert not (tmp_path / "other.db").exists()


def test_where_a_bundle_is_written(stored, tmp_path):
    (tmp_path / "folder").mkdir()
    stored.run("export", "--out", str(tmp_path / "folder"))
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["digits-1.levelfield.zip"]
    told = stored.run("export", "--out", str(tmp_path / "absent" / "digits.zip"), expect=2)
    assert "absent/digits.zip cannot be written: No such file or directory" in told
    assert "there is no study 'other'" in stored.run("export", "other", expect=2)


def test_a_report_as_a_file(stored, tmp_path):
    told = stored.run("report", "--format", "md", "--out", str(tmp_path / "report.md"))
    assert re.search(r"report.md: the report of digits-1; [\d,]+ bytes", told)
    assert (tmp_path / "report.md").read_text().startswith("# Study digits\n")
    assert "md, json, csv or html" in stored.run("report", "--out", str(tmp_path / "report.txt"), expect=2)
    stored.run("report", "--format", "html", "--out", str(tmp_path))
    page = (tmp_path / "digits-1.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "<h1>Study digits</h1>" in page
    assert "cannot be written" in stored.run("report", "--format", "html", "--out", str(tmp_path / "absent" / "x.html"), expect=2)
