"""A table's part as lines of JSON: the first names the columns, each of the others is a row, an array of its values in their order."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from sqlalchemy import Table

from levelfield.store.bundle.layout import MAX_LINE, BundleError, part_file
from levelfield.store.bundle.values import decoder, default, encoder

_write = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


class Lines(Protocol):
    """A stream of bytes that gives lines."""

    def readline(self, size: int, /) -> bytes:
        """The next line with its end, at most so much of it; nothing at the end."""
        ...


def lines(table: Table, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The part of a table; a row has a value for each column. Raises BundleError for a row that is too large for a bundle."""
    yield _line(table, table.columns.keys())
    encoders = [(at, encode) for at, column in enumerate(table.columns) if (encode := encoder(column))]
    for row in rows:
        values = list(row)
        for at, encode in encoders:
            values[at] = encode(values[at])
        yield _line(table, values)


def read(table: Table, stream: Lines, *, is_older: bool) -> Iterator[dict[str, Any]]:
    """The rows of a part, by column. ``is_older``: the part was written when the table may have had fewer columns.

    Raises BundleError for whatever is no row of the table.
    """
    if not (first := stream.readline(MAX_LINE + 1)) and is_older:
        return  # there was no such table
    names = _header(table, _parsed(table, 0, first), is_older=is_older)
    decoders = [(name, decoder(table.columns[name])) for name in names]
    added = _added(table, names)
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        values = _parsed(table, number, line)
        if len(values) != len(names):
            _refuse(table, number, f"has {len(values)} values, not {len(names)}")
        try:
            yield {**{name: decode(value) for (name, decode), value in zip(decoders, values, strict=True)}, **added}
        except ValueError as error:
            _refuse(table, number, f"does not fit: {error}")


def _line(table: Table, values: Sequence[Any]) -> bytes:
    line = _write(values).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise BundleError(f"a row of {table.name} has {len(line):,} bytes, and a bundle holds {MAX_LINE:,} of one row")
    return line


def _parsed(table: Table, number: int, line: bytes) -> list[Any]:
    if len(line) > MAX_LINE:
        _refuse(table, number, f"has more than the {MAX_LINE:,} bytes that a bundle holds of one row")
    try:
        values = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list):
        _refuse(table, number, "is not a line of JSON with an array")
    return values


def _header(table: Table, names: list[Any], *, is_older: bool) -> list[str]:
    known = table.columns.keys()
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        _refuse(table, 0, "does not name the columns")
    if unknown := [name for name in names if name not in known]:
        _refuse(table, 0, f"names columns that are not known here: {', '.join(unknown)[:100]}")
    if (missing := [name for name in known if name not in names]) and not is_older:
        _refuse(table, 0, f"has no column {', '.join(missing)}")
    return names


def _added(table: Table, names: Sequence[str]) -> Mapping[str, Any]:
    """What a row of an older store has in the columns that were added since."""
    try:
        return {name: default(column) for name, column in table.columns.items() if name not in names}
    except ValueError as error:
        raise BundleError(f"it was written by an older Levelfield, and cannot be brought up to date: of {table.name} {error}") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse(table: Table, number: int, why: str) -> NoReturn:
    """``number`` counts the rows from 1; 0 is the line before them."""
    where = f"row {number:,}" if number else "the first line"
    raise BundleError(f"{where} of {part_file(table.name)} {why}")
