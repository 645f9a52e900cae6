"""The aspects of a run: everything that its worker says of itself, of its machine and of the work that was done, flat and by name.

Nothing here chooses what is compared: whatever is said is an aspect, also what a worker that is written tomorrow says. The tables below
only sort and name what they know, and leave out what differs between two processes by its nature.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

GROUPS = {
    "arithmetic": (
        *("initialiser", "bias_initialiser", "parameters", "dropout", "recurrent", "batch_norm", "loss"),
        *("optimizer", "learning_rate", "betas", "epsilon", "momentum", "nesterov", "weight_decay"),
    ),
    "number format": ("precision", "parameter_dtype", "tf32"),
    "work": (),  # what the recorded epochs and blocks say
    "input": ("input_pipeline", "preprocessing", "data_source", "data_held", "batch_size", "last_batch"),
    "execution": (
        *("mode", "device", "threads", "interop_threads", "cores", "layout", "steps_per_call"),
        *("optimizer_kernel", "cudnn_autotune", "freed_memory"),
    ),
    "other": (),  # what a worker says of itself and no group knows
    "environment": (),  # what it says of its machine
}
COMPUTED = ("arithmetic", "number format")  # a difference in these is one in what is computed, not only in how fast
NAMES = {
    "variables": "variable",
    "packages": "package",
    "gpus": "GPU",
    "tf32": "TF32",
    "freed_memory": "memory that is freed",
    "cudnn_autotune": "cuDNN autotune",
    "cpu_model": "processor",
    "host": "host, by the start of its kernel",
    "source_hash": "sources of Levelfield",
}
# Every process has its own; what is free at the moment in which a run ends says nothing of the comparison.
BY_NATURE = (
    "executable",
    "pid",
    "node_id",
    "memory_available_bytes",
    "shared_memory_free_bytes",
    "thread_use",
    "noise",
    "energy",
    "ranks",
    "exchange",
)
BY_FRAMEWORK = ("worker_code", "image", "image_digest")  # every framework has its own: equal or not only where it is the same framework
SHOWN_OF_HASH = 12  # characters
REMEMBERED = 4096  # different things that are said
_GROUP_OF = {key: group for group, keys in GROUPS.items() for key in keys}
_HASH = re.compile(r"[0-9a-f]{40,}")


class Aspect(NamedTuple):
    """Something in which two runs may differ; a tuple, because a study of 2,000 runs looks up a hundred thousand of them.

    ``absent`` is what it means that only one of them tells it; None: nothing, then it is not compared.
    """

    name: str
    group: str
    absent: str | None = "not reported"


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a run says: its worker of itself and of its machine, and the recorded epochs and blocks of the work; JSON's types."""

    description: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    work: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def aspects(self) -> Mapping[Aspect, Any]:
        """As the function `aspects` has it: a run is compared with those of several sides."""
        return _aspects(self)


def aspects(account: Account) -> Mapping[Aspect, Any]:
    """Everything that is said, by aspect, without the versions that `framework` tells. Values can be hashed and compared."""
    return account.aspects


def _aspects(account: Account) -> dict[Aspect, Any]:
    found: dict[Aspect, Any] = {}
    for key, value in account.description.items():
        if not _is_version(key):
            found.update(_described(key, _Said(value)))
    # Every container has a name of its own, and shares the host's kernel with the others there; elsewhere the name says more.
    left_out = {*BY_NATURE, "hostname" if "image" in account.environment else "host"}
    whose = str(account.description.get("framework"))
    for key, value in account.environment.items():
        if key not in left_out:
            found.update(_around(key, _Said(value), whose))
    # A run that did not come to its end has not done all of its work: that is told elsewhere.
    return found | {Aspect(name=key, group="work", absent=None): _plain(value) for key, value in account.work.items()}


def framework(account: Account) -> str:
    """The framework with its versions, as its worker reports them: "TensorFlow 2.21.0 (keras 3.15.1)"."""
    said = account.description
    parts = ", ".join(f"{key.removesuffix('_version')} {value}" for key, value in said.items() if key.endswith("_version"))
    name = " ".join(str(said[key]) for key in ("framework", "version") if key in said) or "a framework that does not say its name"
    return f"{name} ({parts})" if parts else name


def text(value: Any) -> str:
    """A value as a reader sees it: yes and no, numbers with commas, the beginning of a hash, the members of a list one after the other."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case tuple():
            return ", ".join(map(text, value)) or "none"
        case str() if _HASH.fullmatch(value):
            return value[:SHOWN_OF_HASH]
        case _:
            return str(value)


def _is_version(key: str) -> bool:
    return key in ("framework", "version") or key.endswith("_version")


class _Said:
    """A value that can be looked up: thousands of runs say the same, and taking it apart each time takes longer than the statistics."""

    __slots__ = ("_text", "value")

    def __init__(self, value: Any) -> None:
        self.value, self._text = value, repr(value)

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Said) and self._text == other._text


@lru_cache(maxsize=REMEMBERED)
def _described(key: str, said: _Said) -> Mapping[Aspect, Any]:
    group = _GROUP_OF.get(key, "other")
    return {Aspect(name=name, group=group): value for name, value in _named(key, said.value)}


@lru_cache(maxsize=REMEMBERED)
def _around(key: str, said: _Said, whose: str) -> Mapping[Aspect, Any]:
    """``whose``: the framework that the worker names."""
    # Each framework has packages of its own; a version is compared where both have the package.
    absent = None if key in BY_FRAMEWORK else {"packages": None, "variables": "not set"}.get(key, "not reported")
    of = f" of {whose}" if key in BY_FRAMEWORK else ""
    return {Aspect(name=f"{name}{of}", group="environment", absent=absent): value for name, value in _named(key, said.value)}


def _named(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    return _flat(NAMES.get(key, key.replace("_", " ")), value)


def _flat(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    """The parts of a dictionary, and of a list of dictionaries, by the way to them."""
    match value:
        case {**parts} if parts:
            for key, part in parts.items():
                yield from _flat(f"{name} {key}", part)
        case [*members] if any(isinstance(member, dict) for member in members):
            for number, member in enumerate(members, start=1):
                yield from _flat(f"{name} {number}", member)
        case _:
            yield name, _plain(value)


def _plain(value: Any) -> Any:
    """Lists as tuples, which a set and a dictionary can hold; 0 and 0.0 are equal in both."""
    match value:
        case {**parts}:
            return tuple((key, _plain(part)) for key, part in sorted(parts.items()))
        case [*members]:
            return tuple(map(_plain, members))
        case _:
            return value
