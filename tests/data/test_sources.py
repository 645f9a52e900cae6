"""Files found in the user's folder and read: official, unofficial, truncated, tampered with and hostile ones."""

import hashlib
import io
import re
import tarfile

import pytest

from levelfield.data import DataError
from levelfield.data.sources.locate import Located, OfficialFile, locate
from levelfield.data.sources.tree import read_tree
from tests.data.synthetic import below, tar, write

WANTED = re.compile(r"part/[0-9]+")
FILES = {f"part/{number}": bytes(range(256)) * 40 + b"%d" % number for number in range(5)}
ARCHIVE = tar(below("things", FILES | {"part/readme": b"", "else/7": b""}))
OFFICIAL = OfficialFile(
    name="things.tar.gz", url="http://127.0.0.1:1/", size=len(ARCHIVE), checksum=f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
)
KINDS = {
    "parent": {"name": "../../outside/part/1"},
    "parent in the middle": {"name": "things/../../part/1"},
    "symbolic link": {"name": "part/1", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
    "link to the parent": {"name": "part/1", "type": tarfile.SYMTYPE, "linkname": "../../outside"},
    "hard link": {"name": "part/1", "type": tarfile.LNKTYPE, "linkname": "../outside"},
    "device": {"name": "part/1", "type": tarfile.CHRTYPE},
    "pipe": {"name": "part/1", "type": tarfile.FIFOTYPE},
}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_is_read_by_the_ends_of_its_paths(tmp_path, mode):
    (tmp_path / "a").write_bytes(tar(below("things", FILES | {"part/readme": b"", "else/7": b"", "apart/7": b""}), mode))
    assert read_tree(tmp_path / "a", WANTED) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "something was unpacked"


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_is_read_as_its_archive_is(tmp_path, packed):
    write(tmp_path / "things", FILES | {"part/readme": b""}, packed=packed)
    assert read_tree(tmp_path / "things", WANTED) == FILES
    assert read_tree(tmp_path / "things" / "part", WANTED) == FILES


def test_what_lies_there_unpacked_beside_its_packed_self_is_read_once(tmp_path):
    write(tmp_path / "things", FILES, packed=True)
    write(tmp_path / "things", FILES)
    assert read_tree(tmp_path / "things", WANTED) == FILES


def test_the_same_file_twice_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(tar(below("one", FILES) | below("two", FILES)))
    with pytest.raises(DataError, match=f"{tmp_path}/a: part/0 is there twice"):
        read_tree(tmp_path / "a", WANTED)


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
@pytest.mark.parametrize("length", [0, 5, 100, -100, -9, -1])
def test_a_truncated_archive_is_refused_by_name(tmp_path, mode, length):
    (tmp_path / "a").write_bytes(tar(FILES, mode)[:length])
    with pytest.raises(DataError, match=f"{tmp_path}/a cannot be read.*truncated"):
        read_tree(tmp_path / "a", WANTED)


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_an_archive_with_a_changed_byte_is_refused_or_read_as_it_was(tmp_path, mode):
    """Whichever byte it is: of the header's comments one may change without harm."""
    whole = tar(FILES, mode)
    refused = 0
    for place in range(0, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 0x55
        (tmp_path / "a").write_bytes(content)
        found = read_or_refuse(tmp_path / "a")
        refused += found is None
        assert found in (None, FILES)
    assert refused > 0.9 * len(whole) / 7


def read_or_refuse(archive):
    try:
        return read_tree(archive, WANTED)
    except DataError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_points_elsewhere_is_refused_by_name(tmp_path, kind):
    member = tarfile.TarInfo()
    for field, value in KINDS[kind].items():
        setattr(member, field, value)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        archive.addfile(member)
    (tmp_path / "a").write_bytes(written.getvalue())
    with pytest.raises(DataError, match=f"{tmp_path}/a cannot be read.*unsafe"):
        read_tree(tmp_path / "a", WANTED)


@pytest.mark.parametrize("packing", ["folder", "packed", "archive"])
def test_more_than_the_limit_is_refused(tmp_path, monkeypatch, packing):
    write(tmp_path / "folder", FILES)
    write(tmp_path / "packed", FILES, packed=True)
    (tmp_path / "archive").write_bytes(ARCHIVE)
    total = sum(map(len, FILES.values()))
    monkeypatch.setattr("levelfield.data.sources.tree.LIMIT", total)
    assert read_tree(tmp_path / packing, WANTED) == FILES
    for limit in (total - 1, 100):
        monkeypatch.setattr("levelfield.data.sources.tree.LIMIT", limit)
        with pytest.raises(DataError, match=f"{tmp_path}/{packing}.*more than {limit} bytes"):
            read_tree(tmp_path / packing, WANTED)


def test_the_official_archive_is_preferred_and_known(files):
    write(files / "things", FILES)
    assert locate("things", OFFICIAL, ("things",)) == Located(files / "things", is_official=False)
    (files / OFFICIAL.name).write_bytes(ARCHIVE)
    assert locate("things", OFFICIAL, ("things",)) == Located(files / OFFICIAL.name, is_official=True)


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_truncated_official_archive_is_refused_by_name(files, length):
    write(files / "things", FILES)  # what would be accepted as unverified does not stand in for it
    (files / OFFICIAL.name).write_bytes(ARCHIVE[:length])
    with pytest.raises(
        DataError, match=rf"{files}/things.tar.gz: \d+ bytes where the official things.tar.gz has {len(ARCHIVE)}: truncated"
    ):
        locate("things", OFFICIAL, ("things",))


def test_an_official_archive_with_a_changed_byte_is_refused_by_name(files):
    content = bytearray(ARCHIVE)
    content[len(content) // 2] ^= 1
    (files / OFFICIAL.name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{files}/things.tar.gz: its sha256 is [0-9a-f]+ where the official things.tar.gz has"):
        locate("things", OFFICIAL, ("things",))


def test_a_folder_that_is_not_there_is_refused(files):
    files.rmdir()
    with pytest.raises(DataError, match=f"--data-dir: {files} is not a folder"):
        locate("things", OFFICIAL, ())
