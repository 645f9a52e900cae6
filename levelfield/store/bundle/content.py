"""What a bundle holds, run by run and duel by duel; all of it must be what a store could have written."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Table

from levelfield.parity.certificate import Certificate
from levelfield.predictions import code_type
from levelfield.result import Failure, Status
from levelfield.spec import RunSpec
from levelfield.store import certified
from levelfield.store.bundle.archive import Archive
from levelfield.store.bundle.layout import BundleError, part_file
from levelfield.store.bundle.lines import read
from levelfield.store.bundle.selecting import REFERENCES
from levelfield.store.rows import SPEC_COLUMNS
from levelfield.store.tables import blocks, bursts, certificates, duels, epochs, predictions, runs, studies
from levelfield.study import Study

# An id is also the name of folders.
STUDY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
MOST_EXAMPLES = 10**8
_PIECE = 2**20
_NUMBERS, _OBJECT = TypeAdapter(dict[str, float]), TypeAdapter(dict[str, Any])
_SHAPES: Mapping[str, TypeAdapter[Any]] = {
    "spec": TypeAdapter(RunSpec),
    "phases_ns": _NUMBERS,
    "memory_bytes": _NUMBERS,
    "fingerprints": TypeAdapter(dict[str, str | None]),
    "environment": _OBJECT,
    "description": _OBJECT,
    "members": _OBJECT,
    "evidence": _OBJECT,
    "failure": TypeAdapter(Failure | None),
}

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A run or a duel, ``row``, with what belongs to it, by table. The rows have no ids: the store gives them."""

    row: Row
    parts: Mapping[Table, Sequence[Row]]


def study(archive: Archive) -> Row:
    """The row of the study. Raises BundleError where it is malformed, or not the one that the manifest names."""
    found = list(_read(archive, studies))
    if len(found) != 1 or found[0]["id"] != archive.manifest.study:
        raise BundleError(f"{part_file(studies.name)} does not hold the one study that it should")
    [row] = found
    if not STUDY_ID.fullmatch(row["id"]):
        raise BundleError(f"{row['id'][:120]!r} is no id of a study: lower-case letters, digits, - and _, at most 100 of them")
    try:
        known = Study.model_validate(row["study"])
    except ValidationError as error:
        raise BundleError(f"its study is not one that this version knows: {_first(error)}") from error
    if known.name != row["name"]:
        raise BundleError(f"its study has two names, {row['name'][:60]!r} and {known.name!r}")
    return row


def all_runs(archive: Archive) -> Iterator[Whole]:
    """The runs in the order of recording."""
    for whole in _wholes(archive, runs, (epochs, blocks, predictions)):
        _check_shapes(runs, whole.row)
        _check_spec(whole.row)
        _check_predictions(whole.parts[predictions])
        yield whole


def all_duels(archive: Archive) -> Iterator[Whole]:
    """The duels in the order of recording."""
    for whole in _wholes(archive, duels, (bursts,)):
        _check_shapes(duels, whole.row)
        yield whole


def all_certificates(archive: Archive) -> Iterator[Row]:
    """The certificates in the order of recording, without their ids."""
    for row in _read(archive, certificates):
        given = {name: value for name, value in row.items() if name != "id"}
        try:
            found = Certificate.from_dict(row["content"])
            is_whole = certified.row(found) | {"content": None} == given | {"content": None} and bool(found.verdict)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            is_whole = False
        if not is_whole:
            _refuse(certificates, f"number {row['id']} is no certificate")
        yield given


def _read(archive: Archive, table: Table) -> Iterator[Row]:
    return read(table, archive.part(table.name), is_older=archive.manifest.is_older)


def _wholes(archive: Archive, owner: Table, tables: Sequence[Table]) -> Iterator[Whole]:
    """Each row of ``owner``, which must be numbered from 1, with those of the others that refer to it, in their order."""
    parts = {table: _Part(table, _read(archive, table)) for table in tables}
    for number, row in enumerate(_read(archive, owner), start=1):
        if row.pop("id") != number:
            _refuse(owner, f"its rows are not numbered from 1: {number} is missing")
        if row["study_id"] != archive.manifest.study:
            _refuse(owner, f"number {number} belongs to another study")
        yield Whole(row=row, parts={table: part.of(number) for table, part in parts.items()})
    for part in parts.values():
        part.end()


class _Part:
    """The rows of a table that refer to others, in the order of those."""

    def __init__(self, table: Table, rows: Iterator[Row]) -> None:
        self._table, self._rows, self._name = table, rows, REFERENCES[table][0]
        self._next = next(rows, None)

    def of(self, number: int) -> list[Row]:
        """Those that refer to that row, without the reference."""
        found = []
        while self._next is not None and self._next[self._name] == number:
            del self._next[self._name]
            found.append(self._next)
            self._next = next(self._rows, None)
        self._check_order(found, number)
        return found

    def end(self) -> None:
        """All must have been taken."""
        if self._next is not None:
            _refuse(self._table, f"a row belongs to number {self._next[self._name]}, which is not there or comes earlier")

    def _check_order(self, found: Sequence[Row], number: int) -> None:
        key = next((column.name for column in self._table.primary_key.columns if column.name != self._name), None)
        places = [row[key] for row in found] if key else [0] * len(found)
        if any(later <= earlier for earlier, later in pairwise(places)):
            _refuse(self._table, f"the rows of number {number} are not in order, or one is there twice")


def _check_shapes(table: Table, row: Row) -> None:
    for name in _SHAPES.keys() & row.keys():
        try:
            _SHAPES[name].validate_json(_plain(row[name]), strict=True)
        except ValidationError as error:
            _refuse(table, f"{name} is not as it should be: {_first(error)}")
    if row["status"] not in set(Status):
        _refuse(table, f"there is no status {row['status'][:40]!r}")


def _plain(document: Any) -> bytes:
    """For looking at its shape: half a character, which a log may hold, is another one there."""
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")


def _check_spec(row: Row) -> None:
    try:
        spec = RunSpec.from_dict(row["spec"])
    except ValueError as error:
        _refuse(runs, str(error))
    if spec.hash != row["spec_hash"] or any(getattr(spec, name) != row[name] for name in SPEC_COLUMNS):
        _refuse(runs, f"the specification of a run, {row['spec_hash'][:40]!r}, is not that of its columns")


def _check_predictions(rows: Sequence[Row]) -> None:
    """Whether as many are packed as is said; without unpacking more, which might be without end."""
    for row in rows:
        if not (1 <= row["classes"] <= 2**15 and 0 <= row["examples"] <= MOST_EXAMPLES):
            _refuse(predictions, f"there are no predictions of {row['examples']} examples in {row['classes']} classes")
        wanted = row["examples"] * code_type(row["classes"]).itemsize
        if _unpacked(row["packed"], wanted) != wanted:
            _refuse(predictions, f"{row['examples']} predictions were expected, and others are packed")


def _unpacked(packed: bytes, most: int) -> int | None:
    """How many bytes are packed there, or a few more than ``most`` where there are; None where nothing can be unpacked."""
    packer, size = zlib.decompressobj(), 0
    try:
        while not packer.eof and size <= most:
            piece = packer.decompress(packed, _PIECE)
            if not piece and not packer.unconsumed_tail:
                return None  # the end is missing
            size, packed = size + len(piece), packer.unconsumed_tail
    except zlib.error:
        return None
    return size


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, in a line."""
    found = error.errors()[0]
    where = ".".join(map(str, found["loc"]))
    return f"{where[:100]}: {found['msg']}" if where else found["msg"]


def _refuse(table: Table, why: str) -> NoReturn:
    raise BundleError(f"{part_file(table.name)}: {why}")
