"""Whose turn it is to measure on which devices: their names, when two of them are in each other's way, and the queue for them. Pure.

A claim asks for a set of devices at once, all or none. Claims stand in a queue, by ticket: a claim holds its devices once no live claim
with a smaller ticket wants any that conflict with them. So nobody holds a part of what he waits for, which excludes deadlock, and nobody is
passed by, which excludes starvation. The price: who waits for two devices keeps the free one of them from those behind him.

A claim that waits may want other devices instead as soon as these are free: it keeps its ticket.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU by its UUID, a host's processors by the host's id, or some of them: ``cores``, None for all.

    Or a ``role`` that only one process may have, such as that of the scheduler.
    """

    host: str | None = None
    cores: frozenset[int] | None = None
    gpu: str | None = None
    role: str | None = None

    @classmethod
    def parse(cls, name: str) -> Self:
        """The inverse of ``str``. Raises ValueError for a name of another form."""
        kind, _, rest = name.partition(":")
        host, _, part = rest.rpartition("/")
        if kind == "gpu" and rest:
            return cls(gpu=rest)
        if kind == "role" and rest:
            return cls(role=rest)
        if kind == "host" and host and part == "cpu":
            return cls(host=host)
        if kind == "host" and host and part.startswith("cores:"):
            return cls(host=host, cores=_numbers(part.removeprefix("cores:")))
        raise ValueError(f"{name!r} names no device; expected host:ID/cpu, host:ID/cores:0-3,8, gpu:UUID or role:NAME")

    def __str__(self) -> str:
        if self.gpu is not None or self.role is not None:
            return f"gpu:{self.gpu}" if self.gpu else f"role:{self.role}"
        return f"host:{self.host}/cpu" if self.cores is None else f"host:{self.host}/cores:{_ranges(self.cores)}"

    @property
    def key(self) -> tuple[str | None, str | None, str | None]:
        """What two devices that can be in each other's way have in common."""
        return self.gpu, self.host, self.role

    def conflicts(self, other: "Device") -> bool:
        """Whether the two cannot be held at once. A GPU and the processors of its host can: there the noise gate judges."""
        if self.key != other.key:
            return False
        return self.cores is None or other.cores is None or bool(self.cores & other.cores)

    def covers(self, other: "Device") -> bool:
        """Whether who holds this one holds all of the other."""
        if self.key != other.key:
            return False
        return self.cores is None or (other.cores is not None and other.cores <= self.cores)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that asks: ``pid`` in the namespace ``pid_namespace`` of ``host``, begun ``started`` clock ticks after the host was."""

    hostname: str
    host: str
    pid_namespace: str
    pid: int
    started: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a study asks for or, once ``acquired_at`` is set, holds. ``token`` is unique, ``tenants`` are the sides that share it.

    Times are those of the store's clock. After ``expires_at`` the claim counts for nothing, unless its holder renews it in time.
    """

    token: str
    study_id: str
    holder: Holder
    devices: frozenset[Device]
    tenants: tuple[str, ...]
    ticket: int = 0
    asked_at: datetime | None = None
    acquired_at: datetime | None = None
    expires_at: datetime | None = None

    def conflicts(self, other: "Claim") -> bool:
        """Whether any of their devices do."""
        return any(mine.conflicts(yours) for mine in self.devices for yours in other.devices)


def ahead(claim: Claim, claims: Iterable[Claim]) -> list[Claim]:
    """The claims that ``claim`` has to wait for, in the order of their tickets; those without any is the holder."""
    before = (other for other in claims if other.ticket < claim.ticket and other.conflicts(claim))
    return sorted(before, key=lambda other: other.ticket)


Want = Callable[[Sequence[Claim]], frozenset[Device]]


def admit(claim: Claim, others: Sequence[Claim], want: Want) -> tuple[Claim, list[Claim]]:
    """The claim with the devices that it asks for now, and whom it has to wait for; ``others`` are all other live claims.

    ``want`` chooses devices in view of those that are before a claim, and of those behind it that hold theirs already. One that waits takes
    its new choice only where that is free; one that has held its devices keeps them.
    """
    earlier = [other for other in others if other.ticket < claim.ticket]
    before = ahead(claim, earlier)
    if claim.acquired_at or (claim.devices and not before):
        return claim, before
    in_view = [other for other in others if other.ticket < claim.ticket or other.acquired_at]
    choice = replace(claim, devices=want(in_view))
    found = sorted((other for other in in_view if other.conflicts(choice)), key=lambda other: other.ticket)
    return (claim, before) if claim.devices and found else (choice, found)


def load_of(claims: Iterable[Claim]) -> Callable[[Device], int]:
    """How many of these claims are in the way of a device."""
    wanted: dict[tuple[str | None, ...], list[Device]] = defaultdict(list)
    for claim in claims:
        for device in claim.devices:
            wanted[device.key].append(device)
    return lambda device: sum(device.conflicts(other) for other in wanted.get(device.key, ()))


def next_ticket(claims: Sequence[Claim]) -> int:
    """A ticket behind all of them."""
    return 1 + max((claim.ticket for claim in claims), default=0)


def _numbers(text: str) -> frozenset[int]:
    """The kernel's notation for a list of processors: 0-3,8."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    if not found:
        raise ValueError(f"{text!r} is an empty set of cores")
    return frozenset(found)


def _ranges(numbers: frozenset[int]) -> str:
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
