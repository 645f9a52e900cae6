"""Opening a bundle without trusting it: nothing is unpacked to disk, and no more is read than a bundle may hold.

What its hashes protect against is damage and changes by somebody who does not make new ones. Who can write a bundle can write any result.
"""

import hashlib
import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from levelfield.store.bundle.layout import (
    MANIFEST,
    MAX_BYTES,
    MAX_MANIFEST,
    MAX_RATIO,
    SEAL,
    BundleError,
    Manifest,
    Part,
    part_file,
    read_manifest,
)
from levelfield.store.bundle.lines import Lines
from levelfield.store.bundle.writing import seal

_PIECE = 2**20
_SMALL = 2**20  # so much may be packed to next to nothing
_MOST_LISTED = 64 * 2**10  # bytes of the list of members, which zipfile reads at once
_END = struct.Struct("<4s4H2LH")  # the end of a zip file that has no comment
# All that zipfile raises for a file that is not as it should be.
_MALFORMED = (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error, zlib.error, OverflowError, LookupError)


class Archive:
    """An open bundle that is what its manifest says."""

    def __init__(self, archive: ZipFile, manifest: Manifest) -> None:
        self._archive, self.manifest = archive, manifest

    def part(self, table: str) -> Lines:
        """The lines of a table's part; none where its store had no such table yet."""
        if table not in self.manifest.parts:
            return io.BytesIO()
        # zipfile gives no more than the size that it has declared, and `opened` has looked at that.
        return io.BufferedReader(self._archive.open(part_file(table)), _PIECE)  # type: ignore[type-var]


@contextmanager
def opened(file: Path, sha256: str | None = None) -> Iterator[Archive]:
    """A bundle, every part of which has been compared with its hash; ``sha256``: that of the whole file, from whoever made it.

    Raises BundleError for a file that is no bundle, truncated, changed or too large, or of a newer version than this one.
    """
    try:
        with file.open("rb") as stream:
            if sha256 is not None:
                _compare(stream, sha256)
            with _refusing("it is not a bundle of Levelfield, or it is not whole"):
                _look_at_the_end(stream)
                archive = ZipFile(stream)
            with archive:
                yield Archive(archive, _verified(archive))
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror or error}") from error
    except BundleError as error:
        raise BundleError(f"{file} is not imported: {error}") from error


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise BundleError(what) from error


def _compare(stream: io.BufferedReader, sha256: str) -> None:
    found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256.strip().lower():
        raise BundleError(f"its SHA-256 is {found}, not {sha256}: it is another file, or it was changed")
    stream.seek(0)


def _look_at_the_end(stream: io.BufferedReader) -> None:
    """Python's zipfile would read a list of members of any length."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END.size))
    mark, *_, listed, start, comment = _END.unpack(stream.read(_END.size))
    if mark != b"PK\x05\x06" or listed > _MOST_LISTED or start + listed + _END.size != size or comment:
        raise BadZipFile("not the end of a bundle")
    stream.seek(0)


def _verified(archive: ZipFile) -> Manifest:
    manifest = read_manifest(content := _small_member(archive, MANIFEST))
    if _small_member(archive, SEAL) != seal(content):
        raise BundleError(f"its {MANIFEST} was changed after it was written, or is damaged")
    _check_members(archive, manifest)
    _check_sizes(archive, manifest)
    for table, part in manifest.parts.items():
        _check_content(archive, table, part)
    return manifest


def _small_member(archive: ZipFile, name: str) -> bytes:
    """The whole of a member that is small."""
    with _refusing(f"it is not a bundle of Levelfield: it has no {name} that can be read"):
        if archive.getinfo(name).file_size > MAX_MANIFEST:
            raise BundleError(f"its {name} is too large")
        return archive.read(name)


def _check_members(archive: ZipFile, manifest: Manifest) -> None:
    names = [member.filename for member in archive.infolist()]
    wanted = [MANIFEST, SEAL, *map(part_file, manifest.parts)]
    if extra := [name for name in names if name not in wanted]:
        raise BundleError(f"it holds what no bundle holds: {', '.join(map(repr, extra))[:200]}")
    if len(set(names)) < len(names):
        raise BundleError("it holds two files of one name")
    if missing := [name for name in wanted if name not in names]:
        raise BundleError(f"it lacks {', '.join(missing)}")
    if any(member.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or member.flag_bits & 0x1 for member in archive.infolist()):
        raise BundleError("it is packed in a way in which no bundle is")


def _check_sizes(archive: ZipFile, manifest: Manifest) -> None:
    """What is declared, before anything is unpacked: more than that zipfile never gives."""
    members: Mapping[str, ZipInfo] = {table: archive.getinfo(part_file(table)) for table in manifest.parts}
    if sum(member.file_size for member in members.values()) > MAX_BYTES:
        raise BundleError(f"unpacked it would be larger than the {MAX_BYTES:,} bytes that a bundle may hold")
    for table, member in members.items():
        if member.file_size != manifest.parts[table].bytes:
            raise BundleError(f"{member.filename} has not the size that its {MANIFEST} says")
        if member.file_size > max(_SMALL, MAX_RATIO * member.compress_size):
            raise BundleError(f"{member.filename} would unpack to more than {MAX_RATIO} times its size, which no study does")


def _check_content(archive: ZipFile, table: str, part: Part) -> None:
    name, digest, lines, size = part_file(table), hashlib.sha256(), 0, 0
    with _refusing(f"{name} was changed after it was written, or is damaged"), archive.open(name) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            lines, size = lines + piece.count(b"\n"), size + len(piece)
    if digest.hexdigest() != part.sha256 or size != part.bytes:
        raise BundleError(f"{name} was changed after it was written, or is damaged: its SHA-256 is not that of its {MANIFEST}")
    if lines != part.rows + 1:
        raise BundleError(f"{name} has {lines - 1:,} rows, and its {MANIFEST} says {part.rows:,}")
