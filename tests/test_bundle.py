"""Bundles: what they bring from store to store, and every file that is refused. On PostgreSQL: test_store_postgres.py."""

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from levelfield.store import Store, bundle, tables
from levelfield.store.bundle import archive, layout, lines, writing
from levelfield.store.bundle.layout import MANIFEST, SEAL, TABLES, part_file
from tests import networks
from tests.bundle_contract import BundleContract, exported
from tests.exchange import cell, fill, forge, members, pack, rows

# What is no result is not exported; what is derived is computed again.
LEFT_OUT = {"leases", "requests", "step_summaries"}  # no results, or derived from them
KILLED = """
import os, signal, sys
from pathlib import Path
from levelfield.store import bundle
from levelfield.store.bundle import merging
left, insert = int(sys.argv[3]), merging.insert_run
def insert_some(*given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return insert(*given)
merging.insert_run = insert_some
bundle.merge(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "one" / "levelfield.db")


@pytest.fixture
def other(tmp_path):
    return str(tmp_path / "two" / "levelfield.db")


class TestSqlite(BundleContract):
    pass


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A bundle, which tests copy before they change it."""
    folder = tmp_path_factory.mktemp("bundle")
    with Store.open(str(folder / "levelfield.db")) as store:
        fill(store)
    exported(str(folder / "levelfield.db"), "digits-1", folder / "digits.zip")
    return (folder / "digits.zip").read_bytes()


@pytest.fixture
def file(tmp_path, original):
    file = tmp_path / "digits.zip"
    file.write_bytes(original)
    return file


def refused(file, other, why, **options):
    """The file is refused for that reason, and no store comes of it."""
    with pytest.raises(bundle.BundleError, match=why) as error:
        bundle.merge(file, other, **options)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path(other).exists()


def test_every_table_is_in_a_bundle_or_left_out_for_a_reason():
    assert set(tables.metadata.tables) == set(TABLES) | LEFT_OUT


def test_a_bundle_can_be_read_without_levelfield(file):
    content = members(file)
    told = json.loads(content[MANIFEST])
    assert (told["format"], told["version"], told["study"]) == ("levelfield-study", 1, "digits-1")
    assert list(told["parts"]) == list(TABLES)
    names, *found = (json.loads(line) for line in content["epochs.jsonl"].splitlines())
    assert told["parts"]["epochs"]["rows"] == len(found) == 24
    odd = dict(zip(names, found[13], strict=True))
    assert (odd["run_id"], odd["epoch"], odd["train_loss"], odd["test_loss"]) == (5, 1, "nan", "inf")
    names, first, *_ = (json.loads(line) for line in content["runs.jsonl"].splitlines())
    assert dict(zip(names, first, strict=True))["started_at"] == "2026-03-01T12:00:00.000000+00:00"


def test_the_seal_is_what_sha256sum_checks(file, tmp_path):
    with zipfile.ZipFile(file) as opened:
        opened.extractall(tmp_path / "unpacked")
    subprocess.run(["sha256sum", "--check", "--quiet", SEAL], cwd=tmp_path / "unpacked", check=True)


@pytest.mark.parametrize("content", [b"", b"PK", b"no bundle at all, but long enough to be looked at", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_bundle(tmp_path, other, content):
    (tmp_path / "file").write_bytes(content)
    refused(tmp_path / "file", other, "is not imported: it is not a bundle of Levelfield")


def test_a_file_that_cannot_be_read(tmp_path, other):
    refused(tmp_path / "absent.zip", other, "cannot be read: No such file")
    refused(tmp_path, other, "cannot be read: Is a directory")


@pytest.mark.parametrize("content", [{}, {"a.txt": b"a"}, {MANIFEST: b"[]"}, {MANIFEST: b"{"}, {MANIFEST: b'{"format": "other"}'}])
def test_another_zip_file(tmp_path, other, content):
    refused(pack(tmp_path / "file", content), other, "it is not a bundle of Levelfield")


def test_a_list_of_members_without_end(tmp_path, other):
    content = [(f"{number}.txt", b"") for number in range(2000)]
    refused(pack(tmp_path / "file", content), other, "it is not a bundle of Levelfield, or it is not whole")


def test_a_truncated_file_at_every_length(file, original, other):
    for length in range(0, len(original), 97):
        file.write_bytes(original[:length])
        refused(file, other, "not a bundle|not whole")
    file.write_bytes(original + b"\0")
    refused(file, other, "not whole")


def test_any_byte_that_is_changed_is_noticed_or_harms_nothing(file, original, tmp_path):
    """A byte that is no content, such as the time in a zip file's list, may change; the content may not."""
    bundle.merge(file, str(tmp_path / "true.db"))
    truth, harmless = rows(str(tmp_path / "true.db")), 0
    for at in range(3, len(original), 41):
        file.write_bytes(original[:at] + bytes([original[at] ^ 0x21]) + original[at + 1 :])
        try:
            with archive.opened(file):
                harmless += 1
        except bundle.BundleError:
            continue
        store = str(tmp_path / f"{at}.db")
        bundle.merge(file, store)
        assert rows(store) == truth, at
    assert 0 < harmless < 40


@pytest.mark.parametrize("table", list(TABLES))
def test_a_part_that_was_changed(file, other, table):
    content = members(file)
    data = content[part_file(table)]
    content[part_file(table)] = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
    refused(pack(file, content), other, rf"{table}.jsonl was changed after it was written, or is damaged: its SHA-256 is not that")


@pytest.mark.parametrize("table", list(TABLES))
def test_a_hash_that_was_changed(file, other, table):
    content = members(file)
    told = json.loads(content[MANIFEST])
    told["parts"][table]["sha256"] = "0" * 64
    content[MANIFEST] = json.dumps(told).encode()
    refused(pack(file, content), other, "its manifest.json was changed after it was written, or is damaged")
    content[SEAL] = writing.seal(content[MANIFEST])
    refused(pack(file, content), other, rf"{table}.jsonl was changed after it was written")


@pytest.mark.parametrize(("name", "why"), [("rows", "runs.jsonl has 9 rows, and its manifest.json says 10"), ("bytes", "not the size")])
def test_a_count_that_was_changed(file, other, name, why):
    def more(told):
        told["parts"]["runs"][name] += 1

    refused(forge(file, manifest=more), other, why)


def test_the_digest_of_the_whole_file(file, original, other):
    digest = "0" * 64
    refused(file, other, f"its SHA-256 is [0-9a-f]{{64}}, not {digest}: it is another file, or it was changed", sha256=digest)
    with archive.opened(file, bundle_digest(original).upper()) as opened:
        assert opened.manifest.study == "digits-1"


def bundle_digest(content):
    return subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.decode().split()[0]


def test_a_newer_version(file, other):
    newer = forge(file, manifest=lambda told: told.update(version=2, levelfield="7.0"))
    refused(newer, other, r"by a newer Levelfield \(7\.0\): its format has the version 2, known here up to 1")
    newer = forge(file, manifest=lambda told: told.update(version=1, schema="9999"))
    refused(newer, other, "by a newer Levelfield .* its schema is '9999'")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda told: told.update(version="1"), "no version of the format"),
        (lambda told: told.update(schema=8), "no revision of the schema"),
        (lambda told: told.pop("study"), "is incomplete: 'study'"),
        (lambda told: told.update(parts=[]), "is incomplete"),
        (lambda told: told["parts"]["runs"].pop("rows"), "is incomplete"),
        (lambda told: told["parts"]["runs"].update(bytes="all"), "no value that fits for parts.runs.bytes"),
        (lambda told: told["parts"].pop("runs"), "it has no part for runs"),
        (lambda told: told["parts"].update(users=told["parts"]["runs"]), "a part that is not known here: users"),
    ],
)
def test_a_manifest_that_is_wrong(file, other, change, why):
    refused(forge(file, manifest=change), other, why)


def test_members_that_no_bundle_has(file, other):
    content = members(file)
    for name in ("../../evil.py", "/etc/passwd", "runs.jsonl/", "Runs.jsonl"):
        refused(pack(file, content | {name: b"x"}), other, "it holds what no bundle holds")
    with pytest.warns(UserWarning, match="Duplicate"):
        pack(file, [*content.items(), ("runs.jsonl", content["runs.jsonl"])])
    refused(file, other, "two files of one name")
    refused(pack(file, content, compression=zipfile.ZIP_LZMA), other, "it is packed in a way in which no bundle is")
    del content["runs.jsonl"]
    refused(pack(file, content), other, "it lacks runs.jsonl")


def test_a_part_that_would_unpack_to_very_much(file, other):
    def swell(parts):
        parts["epochs"].append(["a" * 20_000_000])

    refused(forge(file, swell), other, "epochs.jsonl would unpack to more than 500 times its size, which no study does")


def test_a_file_that_would_unpack_to_more_than_a_bundle_may_hold(file, other, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 10_000)
    refused(file, other, "unpacked it would be larger than the 10,000 bytes that a bundle may hold")


def test_a_row_without_end(file, other, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE", 1000)
    refused(file, other, "has more than the 1,000 bytes that a bundle holds of one row")


def test_nested_without_end(file, other):
    content = members(file)
    told = json.loads(content[MANIFEST])
    data = b"[" * 900_000 + b"\n"
    content["duels.jsonl"] = data
    told["parts"]["duels"] = {"rows": 0, "bytes": len(data), "sha256": bundle_digest(data)}
    content[MANIFEST] = json.dumps(told).encode()
    content[SEAL] = writing.seal(content[MANIFEST])
    refused(pack(file, content), other, "the first line of duels.jsonl is not a line of JSON")


def put(table, row, column, value):
    return lambda parts: cell(parts, table, row, column, value)


def study(**changes):
    def change(parts):
        parts["studies"][1][parts["studies"][0].index("study")].update(changes)

    return change


PACKED = networks.pair(both=400, a_only=0, b_only=0)[0]
MALFORMED = {
    "another study": (put("studies", 1, "id", "other-1"), "does not hold the one study that it should"),
    "no study": (lambda parts: parts["studies"].pop(), "does not hold the one study that it should"),
    "two names": (put("studies", 1, "name", "../x"), r"its study has two names, '\.\./x' and 'digits'"),
    "a bad name": (study(name="../x"), "its study is not one that this version knows: name"),
    "an unknown field": (study(colour="red"), "its study is not one that this version knows: colour"),
    "no workloads": (study(workloads=[]), "its study is not one that this version knows: workloads"),
    "a time without a zone": (put("runs", 1, "started_at", "2026-03-01T12:00:00"), "row 1 of runs.jsonl does not fit: started_at .* UTC"),
    "no time": (put("runs", 1, "finished_at", 5), "row 1 of runs.jsonl does not fit: finished_at is 5"),
    "a number too large": (put("runs", 1, "wall_ns", 2**63), "wall_ns is 9223372036854775808: not a whole number of 64 bits"),
    "a truth for a number": (put("runs", 1, "pair", True), "pair is True: not a whole number"),
    "a number for text": (put("runs", 1, "side", 5), "side is 5: not text"),
    "a NUL": (put("runs", 1, "side", "a\x00"), "side is .*: text with a NUL in it"),
    "half a character": (put("runs", 1, "side", "a\ud800"), "side is .*: .*surrogates not allowed"),
    "nothing": (put("runs", 1, "status", None), "status is None"),
    "an unknown status": (put("runs", 1, "status", "fine"), "there is no status 'fine'"),
    "phases that are none": (put("runs", 1, "phases_ns", {"train": "long"}), "phases_ns is not as it should be: train"),
    "a failure that is none": (put("runs", 1, "failure", {"why": "?"}), "failure is not as it should be"),
    "a spec that is none": (put("runs", 1, "spec", {"workload": "digits_cnn"}), "spec is not as it should be: framework"),
    "another spec": (put("runs", 1, "spec_hash", "0" * 16), "the specification of a run, '0000000000000000', is not that of its columns"),
    "another seed": (put("runs", 1, "seed", 77), "is not that of its columns"),
    "no base64": (put("runs", 1, "step_losses", "?"), "step_losses is .*: not base64"),
    "half a float": (put("runs", 1, "step_losses", "AAAA"), "step_losses is 'AAAA'"),
    "a run of another study": (put("runs", 2, "study_id", "other-1"), "runs.jsonl: number 2 belongs to another study"),
    "a gap": (put("runs", 2, "id", 7), "its rows are not numbered from 1: 2 is missing"),
    "an orphan": (put("epochs", 1, "run_id", 77), "epochs.jsonl: a row belongs to number 77, which is not there or comes earlier"),
    "an epoch twice": (put("epochs", 2, "epoch", 0), "the rows of number 1 are not in order, or one is there twice"),
    "a loss that is none": (put("epochs", 1, "train_loss", "much"), "train_loss is 'much': not a number"),
    "too many values": (lambda parts: parts["blocks"][1].append(1), "row 1 of blocks.jsonl has 10 values, not 9"),
    "no array": (lambda parts: parts["blocks"].insert(1, {}), "row 1 of blocks.jsonl is not a line of JSON with an array"),
    "an unknown column": (lambda parts: parts["blocks"][0].append("colour"), "columns that are not known here: colour"),
    "no column": (lambda parts: parts["blocks"][0].pop(), "has no column device_ns"),
    "a column twice": (lambda parts: parts["blocks"][0].append("epoch"), "does not name the columns"),
    "no line of columns": (lambda parts: parts["blocks"].pop(0), "the first line of blocks.jsonl does not name the columns"),
    "a duel's orphan": (put("bursts", 50, "duel_id", 9), "bursts.jsonl: a row belongs to number 9"),
    "a duel's status": (put("duels", 1, "status", ""), "duels.jsonl: there is no status ''"),
    "no certificate": (put("certificates", 1, "content", {}), "certificates.jsonl: number 1 is no certificate"),
    "another certificate": (put("certificates", 2, "passed", False), "certificates.jsonl: number 2 is no certificate"),
    "too few predictions": (put("predictions", 1, "examples", 361), "361 predictions were expected, and others are packed"),
    "too many predictions": (put("predictions", 1, "examples", 10**12), "there are no predictions of 1000000000000 examples"),
    "no predictions": (put("predictions", 1, "packed", "AAAA"), "predictions were expected, and others are packed"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_content_that_no_store_could_have_written(file, other, name):
    """Whoever changes a bundle can make the hashes fit."""
    change, why = MALFORMED[name]
    refused(forge(file, change), other, why)


@pytest.mark.parametrize("name", ["../../evil", "", ".", "a/b", "A", "a" * 101, "a\n", "ä"])
def test_an_id_that_could_be_the_name_of_another_folder(file, other, name):
    def rename(parts):
        cell(parts, "studies", 1, "id", name)

    refused(forge(file, rename, manifest=lambda told: told.update(study=name)), other, "is no id of a study")


def test_an_older_schema_is_brought_up_to_date(file, other):
    """In 0003 no run had workers, and no block the device's own time."""

    def age(parts):
        for table, column in (("runs", "workers"), ("duels", "workers"), ("blocks", "device_ns"), ("bursts", "device_ns")):
            at = parts[table][0].index(column)
            for line in parts[table]:
                del line[at]
        del parts["predictions"]

    forge(file, age, manifest=lambda told: told.update(schema="0003"))
    bundle.merge(file, other)
    with Store.open(other, read_only=True) as store:
        found = store.runs("digits-1")
        assert {run.planned.spec.workers for run in found} == {1}
        assert {block.device_ns for run in found for block in run.result.blocks} == {None}
        assert store.predictions("digits-1") == {}
    assert bundle.merge(file, other).was_there


def test_an_older_schema_that_cannot_be_brought_up_to_date(file, other):
    def age(parts):
        at = parts["runs"][0].index("environment")
        for line in parts["runs"]:
            del line[at]

    forge(file, age, manifest=lambda told: told.update(schema="0001"))
    refused(file, other, "written by an older Levelfield, and cannot be brought up to date: of runs it has no environment")


@pytest.mark.parametrize("done", [0, 4])
def test_an_import_that_is_killed_leaves_nothing(file, other, done):
    with Store.open(other) as store:
        fill(store, "own")
    before = rows(other)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file), other, str(done)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert rows(other) == before
    assert bundle.merge(file, other).runs == 9


def test_an_export_that_fails_leaves_what_was_there(tmp_path, url, monkeypatch):
    with Store.open(url) as store:
        fill(store)
    out = tmp_path / "out" / "digits.zip"
    out.parent.mkdir()
    out.write_bytes(b"an earlier one")
    monkeypatch.setattr(writing, "MAX_BYTES", 20_000)
    with pytest.raises(bundle.BundleError, match="too large for a bundle, which holds 20,000 bytes"):
        exported(url, "digits-1", out)
    monkeypatch.undo()
    monkeypatch.setattr(lines, "MAX_LINE", 400)
    with pytest.raises(bundle.BundleError, match=r"a row of .* has .* bytes, and a bundle holds 400 of one row"):
        exported(url, "digits-1", out)
    assert [(found.name, found.read_bytes()) for found in out.parent.iterdir()] == [("digits.zip", b"an earlier one")]
    with pytest.raises(bundle.BundleError, match=r"absent/digits\.zip cannot be written: No such file"):
        exported(url, "digits-1", tmp_path / "absent" / "digits.zip")


def test_an_export_sees_the_store_as_of_one_moment(url, other, tmp_path, monkeypatch):
    """A run that ends meanwhile is in it with all its rows, or not at all."""
    with Store.open(url) as store:
        fill(store)

        def delete_first(*given):
            store.delete_run(1)
            return lines.lines(*given)

        monkeypatch.setattr(writing, "lines", delete_first)
        exported(url, "digits-1", tmp_path / "digits.zip")
    assert bundle.merge(tmp_path / "digits.zip", other).runs == 9


def test_limits_are_the_same_for_reading_and_writing():
    assert archive.MAX_BYTES == writing.MAX_BYTES == layout.MAX_BYTES
