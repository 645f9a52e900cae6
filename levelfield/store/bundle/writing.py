"""Writing a bundle: everything that the store has of a study, as of one moment, in one file that appears whole or not at all."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection

import levelfield
from levelfield.files import appearing
from levelfield.store import schema
from levelfield.store.bundle.layout import MANIFEST, MAX_BYTES, SEAL, TABLES, VERSION, BundleError, Manifest, Part, part_file
from levelfield.store.bundle.lines import lines
from levelfield.store.bundle.selecting import Selection
from levelfield.store.store import Store

_WHEN = (1980, 1, 1, 0, 0, 0)  # the same for all: the same study gives the same file


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: ``rows`` by table, and the SHA-256 of the whole file."""

    study: str
    rows: Mapping[str, int]
    bytes: int
    sha256: str


def write(store: Store, study_id: str, file: Path) -> Written:
    """Write the study of that id, from a store that is open read-only. Raises StoreError, BundleError where the file cannot be written."""
    with _filling(file), appearing(file) as out:
        # The file's own errors are told here, within: to the store they would look like its own.
        with store.reading() as connection, _filling(file):
            manifest = _pack(connection, study_id, out)
        size = out.seek(0, 2)
        out.seek(0)
        digest = hashlib.file_digest(out, "sha256").hexdigest()
    return Written(study=study_id, rows={table: part.rows for table, part in manifest.parts.items()}, bytes=size, sha256=digest)


@contextmanager
def _filling(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BundleError(f"{file} cannot be written: {error.strerror or error}") from error


def _pack(connection: Connection, study_id: str, out: BufferedRandom) -> Manifest:
    selection, parts = Selection(connection, study_id), dict[str, Part]()
    with ZipFile(out, "w", allowZip64=False) as archive:
        for name, table in TABLES.items():
            room = MAX_BYTES - sum(part.bytes for part in parts.values())
            parts[name] = _part(archive, name, lines(table, selection.rows(table)), room)
        manifest = Manifest(version=VERSION, schema=schema.newest(), levelfield=levelfield.__version__, study=study_id, parts=parts)
        archive.writestr(_member(MANIFEST), content := manifest.to_bytes())
        archive.writestr(_member(SEAL), seal(content))
    return manifest


def seal(manifest: bytes) -> bytes:
    """The line by which ``sha256sum --check`` knows a manifest."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def _part(archive: ZipFile, name: str, content: Iterable[bytes], room: int) -> Part:
    digest, size, count = hashlib.sha256(), 0, 0
    with archive.open(_member(part_file(name)), "w") as member:
        for line in content:
            size, count = size + len(line), count + 1
            if size > room:
                raise BundleError(f"the study is too large for a bundle, which holds {MAX_BYTES:,} bytes")
            digest.update(line)
            member.write(line)
    return Part(rows=count - 1, bytes=size, sha256=digest.hexdigest())  # one line names the columns


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, _WHEN)
    member.compress_type = ZIP_DEFLATED
    member.create_system, member.external_attr = 3, 0o644 << 16
    return member
