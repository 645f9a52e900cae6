"""What is run: one planned training run, and the key under which its result is stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Self

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@cache
def _defaults(kind: type[Any]) -> dict[str, Any]:
    """What each field of a specification has where nothing else is asked for; looked up once, for plans are large."""
    return {field.name: field.default for field in fields(kind)}


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One training run of one framework. Plain data: it crosses process and host boundaries as JSON.

    ``None`` means "as the workload says" (``batch_size``, ``epochs``, ``learning_rate``) or "every core that the process may use"
    (``threads``). ``trains``: to the last epoch; if not, the worker is only made ready for the bursts of a duel. ``workers``: how many
    ranks train together, ``placement``: on as few hosts as can be (pack) or on as many (spread). ``device_model``: a part of its name.
    Fields that stand at their default are left out of the hash, so that a later field does not rename older runs.
    """

    workload: str
    framework: str
    mode: str
    seed: int
    track: str = "matched"
    precision: str = "fp32"
    device: str = "cpu"
    batch_size: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    threads: int | None = None
    trains: bool = True
    workers: int = 1
    placement: str = "pack"
    device_model: str | None = None

    def canonical_json(self) -> str:
        """JSON with sorted keys and without the fields that stand at their default."""
        kind: Any = type(self)  # a type checker takes the class's own __hash__ for that of the class itself
        defaults = _defaults(kind)
        return _canonical.encode({name: value for name, value in vars(self).items() if value != defaults[name]})

    @property
    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Every field, the unset ones too."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ValueError that names every unknown or missing field."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ValueError(f"unknown field {', '.join(unknown)} in a run specification; known: {', '.join(sorted(known))}")
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(str(error).replace("RunSpec.__init__()", "a run specification is")) from error


@dataclass(frozen=True, kw_only=True, order=True)
class Case:
    """What sides are compared on: a workload, trained by so many workers together."""

    workload: str
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """The identity of a run. The same spec may be run again as another side (a framework against itself) or as another attempt."""

    study: str
    spec_hash: str
    side: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.study}/{self.side}/{self.spec_hash}/{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run in its place in a study: its side of the comparison, the pair it belongs to and its turn.

    The runs of a pair share workload, number of workers and seed; they are executed one right after the other, in the order that ``turn``
    gives.
    """

    spec: RunSpec
    side: str
    pair: int
    turn: int


@dataclass(frozen=True, kw_only=True)
class PlannedDuel:
    """A comparison of speed by bursts, between the sides of one pair of a study; ``specs`` by side.

    Where the pair's runs have just trained, their processes go on to the duel; else fresh ones are made ready.
    """

    specs: Mapping[str, RunSpec]
    workload: str
    seed: int
    pair: int
    workers: int = 1
