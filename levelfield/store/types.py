"""Column types that give back what they were given, in SQLite and PostgreSQL alike."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import JSON, DateTime, Dialect, Double, LargeBinary
from sqlalchemy.types import TypeDecorator
from typing_extensions import override


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, in UTC in and out. Raises ValueError for a time without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone")
        return value.astimezone(UTC)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite keeps no zone; PostgreSQL answers in the session's.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Loss(TypeDecorator[float]):
    """A float that may be infinite or NaN. SQLite turns NaN into NULL, so NULL is read as NaN."""

    impl = Double
    cache_ok = True

    @override
    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


class Float64s(TypeDecorator[list[float]]):
    """A list of numbers as float64, little-endian, 8 bytes each."""

    impl = LargeBinary
    cache_ok = True

    @override
    def process_bind_param(self, value: list[float] | None, dialect: Dialect) -> bytes:
        return np.asarray(value or [], dtype="<f8").tobytes()

    @override
    def process_result_value(self, value: bytes | None, dialect: Dialect) -> list[float]:
        numbers: list[float] = np.frombuffer(value or b"", dtype="<f8").tolist()
        return numbers


class PlainJson(TypeDecorator[Any]):
    """JSON as the standard has it: NaN and infinities, which it cannot hold, are written as the strings "nan", "inf" and "-inf"."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return _finite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
