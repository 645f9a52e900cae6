"""What a bundle is made of: its parts, its manifest, and how large they may be."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Table

from levelfield.store import schema
from levelfield.store.records import StoreError
from levelfield.store.tables import blocks, bursts, certificates, duels, epochs, predictions, runs, studies

FORMAT, VERSION = "levelfield-study", 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
# In this order. What belongs to a run or a duel stands in the order of those.
TABLES: Mapping[str, Table] = {table.name: table for table in (studies, runs, epochs, blocks, predictions, duels, bursts, certificates)}
MAX_BYTES = 2**31 - 1  # of all parts, unpacked; within what every reader of zip files can do
MAX_LINE = 32 * 2**20  # bytes of one row
MAX_MANIFEST = 64 * 2**10
MAX_RATIO = 500  # of the sizes of a part, unpacked and packed; it is about 10 for real studies


class BundleError(StoreError):
    """A file that is no bundle, or not one that can be taken in. The message says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table's part: how many rows it has, its unpacked size, and its SHA-256."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle says of itself. ``schema`` is the revision of the store that it was written from, ``parts`` are by table."""

    version: int
    schema: str
    levelfield: str
    study: str
    parts: Mapping[str, Part]

    def to_bytes(self) -> bytes:
        """As the file holds it."""
        plain = {"format": FORMAT, **asdict(self)}
        return (json.dumps(plain, indent=2) + "\n").encode()

    @property
    def is_older(self) -> bool:
        """Whether the store's schema has moved on since."""
        return self.schema != schema.newest()


def part_file(table: str) -> str:
    """The name of a table's part in the file."""
    return f"{table}.jsonl"


def read_manifest(content: bytes) -> Manifest:
    """Raises BundleError for one that is no manifest, or of a newer version than this one."""
    try:
        plain = json.loads(content)
        is_ours = plain["format"] == FORMAT
    except (ValueError, TypeError, KeyError, RecursionError):
        is_ours = False
    if not is_ours:
        raise BundleError(f"it is not a bundle of Levelfield: its {MANIFEST} does not say so")
    _refuse_newer(plain)
    try:
        parts = {table: Part(**part) for table, part in plain["parts"].items()}
        found = Manifest(**{**{name: plain[name] for name in ("version", "schema", "levelfield", "study")}, "parts": parts})
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"its {MANIFEST} is incomplete: {error}") from error
    _check(found)
    return found


def _refuse_newer(plain: Mapping[str, Any]) -> None:
    version, revision, by = plain.get("version"), plain.get("schema"), plain.get("levelfield")
    newer = f"it was written by a newer Levelfield ({str(by)[:40]}): "
    if type(version) is not int or version < 1:
        raise BundleError(f"its {MANIFEST} has no version of the format")
    if version > VERSION:
        raise BundleError(f"{newer}its format has the version {version}, known here up to {VERSION}. Import it with that version")
    if not isinstance(revision, str):
        raise BundleError(f"its {MANIFEST} has no revision of the schema")
    if not schema.knows(revision):
        raise BundleError(f"{newer}its schema is {revision[:40]!r}, known here up to {schema.newest()}. Import it with that version")


def _check(manifest: Manifest) -> None:
    wrong = [name for name in ("levelfield", "study") if not isinstance(getattr(manifest, name), str)]
    wrong += [
        f"parts.{table}.{name}"
        for table, part in manifest.parts.items()
        for name, kind in (("rows", int), ("bytes", int), ("sha256", str))
        if type(getattr(part, name)) is not kind
    ]
    if wrong:
        raise BundleError(f"its {MANIFEST} holds no value that fits for {', '.join(wrong)}")
    if unknown := sorted(set(manifest.parts) - set(TABLES)):
        raise BundleError(f"it has a part that is not known here: {', '.join(unknown)[:100]}")
    if (missing := sorted(set(TABLES) - set(manifest.parts))) and not manifest.is_older:
        raise BundleError(f"it has no part for {', '.join(missing)}")
