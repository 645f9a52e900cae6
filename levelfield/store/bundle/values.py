"""Between a column's values and what JSON can hold of them: nothing is lost, and what a column cannot hold is refused."""

import base64
import binascii
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import BigInteger, Boolean, Column, DefaultClause, Integer, LargeBinary, Text

from levelfield.store.types import Float64s, Loss, PlainJson, UtcDateTime

Coder: TypeAlias = Callable[[Any], Any]
_LARGEST = 2**63


def encoder(column: Column[Any]) -> Coder | None:
    """What makes JSON of a column's values; None where they are JSON as they are."""
    found = _ENCODERS.get(type(column.type))
    return None if found is None else lambda value: None if value is None else found(value)


def decoder(column: Column[Any]) -> Coder:
    """What makes a column's value of JSON. It raises ValueError for what the column cannot hold."""
    found, name, optional = _DECODERS[type(column.type)], column.name, bool(column.nullable)

    def decode(value: Any) -> Any:
        if value is None and optional:
            return None
        try:
            return found(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name} is {_short(value)}: {error}") from error

    return decode


def default(column: Column[Any]) -> Any:
    """What a row has in a column that its store had not yet, as a migration fills it. Raises ValueError where nothing may stand there."""
    if isinstance(column.server_default, DefaultClause):
        return json.loads(str(column.server_default.arg))
    if not column.nullable:
        raise ValueError(f"it has no {column.name}, and nothing can stand in its place")
    return None


def _loss_out(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


def _loss_in(value: Any) -> float:
    if type(value) is str and value in {"nan", "inf", "-inf"}:
        return float(value)
    if type(value) not in {int, float} or not math.isfinite(value):
        raise TypeError("not a number")
    return float(value)


def _time_in(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.utcoffset() != timedelta(0):
        raise ValueError("not a time in UTC")
    return found.replace(tzinfo=UTC)


def _bytes_out(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes_in(value: Any) -> bytes:
    try:
        return base64.b64decode(_text_in(value), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _floats_out(value: list[float]) -> str:
    return _bytes_out(np.asarray(value, dtype="<f8").tobytes())


def _floats_in(value: Any) -> list[float]:
    numbers: list[float] = np.frombuffer(_bytes_in(value), dtype="<f8").tolist()
    return numbers


def _text_in(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    if "\x00" in value:  # which PostgreSQL does not keep
        raise ValueError("text with a NUL in it")
    value.encode()  # raises ValueError for half of a character, which no database keeps
    return value


def _whole_in(value: Any) -> int:
    if type(value) is not int or not -_LARGEST <= value < _LARGEST:
        raise TypeError("not a whole number of 64 bits")
    return value


def _boolean_in(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("neither true nor false")
    return value


def _json_in(value: Any) -> Any:
    if value is None:
        raise TypeError("missing")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_ENCODERS: dict[type, Coder] = {
    UtcDateTime: lambda value: value.isoformat(timespec="microseconds"),
    Float64s: _floats_out,
    LargeBinary: _bytes_out,
    Loss: _loss_out,
}
_DECODERS: dict[type, Coder] = {
    Text: _text_in,
    Integer: _whole_in,
    BigInteger: _whole_in,
    Boolean: _boolean_in,
    UtcDateTime: _time_in,
    Loss: _loss_in,
    Float64s: _floats_in,
    LargeBinary: _bytes_in,
    PlainJson: _json_in,
}
