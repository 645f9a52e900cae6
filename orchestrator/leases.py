"""Holding devices: waiting for their lease, keeping it alive by a heartbeat, and knowing whether it was lost."""

import math
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Protocol, Self

from levelfield.holders import is_gone, myself
from levelfield.leases import Claim, Device, Want
from levelfield.spec import RunSpec
from levelfield.store import Store, StoreError, leasing
from levelfield.store.records import StoreAwayError
from orchestrator.heart import HEART, VALID, now
from orchestrator.patience import Patience
from orchestrator.seats import Offers, Seats, held

GRACE_S, OFFER_S, FRESH_S = 5.0, 30.0, 5.0
POLL_S = 1.0  # while waiting; a look costs about a millisecond, which the holder's measurement has to bear

Waiting = Callable[[Sequence[Claim]], None]


class Places(Protocol):
    """Knows which devices are where."""

    def offers(self, specs: Mapping[str, RunSpec]) -> Offers:
        """The seats that each of these sides, of one pair, could sit on."""
        ...

    def is_lost(self, seats: Seats) -> bool:
        """Whether a node of one of these has ended."""
        ...


class Held(Protocol):
    """Devices that are ours while a context lasts."""

    def ensure(self) -> None:
        """Wait until they are ours, if they are no longer."""
        ...

    def flaw(self, devices: Iterable[Device], meanwhile: Callable[[], object] = lambda: None) -> str | None:
        """Why what was measured on ``devices`` since `ensure` does not count; None where they were ours all the time.

        ``meanwhile`` is called once where the store is away and has to be waited for.
        """
        ...


class Unheld:
    """Holds nothing: for who is alone."""

    def ensure(self) -> None:
        """Wait for nobody."""

    def flaw(self, devices: Iterable[Device], meanwhile: Callable[[], object] = lambda: None) -> None:
        """Find no fault."""


@dataclass(frozen=True, kw_only=True)
class Seated:
    """Where each side of a pair sits, while the lease on these devices lasts."""

    seats: Mapping[str, Seats]
    lease: Held


@dataclass(frozen=True, kw_only=True)
class Lessor:
    """Gives leases to one study. ``waiting`` hears at each look whom a lease waits for, and of nobody when the wait is over.

    ``patience`` pauses between two looks, and while the store is away.
    """

    store: Store
    study_id: str
    waiting: Waiting
    patience: Patience = field(default_factory=Patience)

    @contextmanager
    def seated(
        self, places: Places, specs: Mapping[str, RunSpec], *, tenants: Iterable[str] | None = None, isolation: str = "host"
    ) -> Iterator[Seated]:
        """Seats for these sides, by which ``tenants`` are named unless they are given, and the lease on them.

        While it waits, it looks for other seats, too. Raises NoSeatError where the cluster will never have them.
        """
        seats: dict[frozenset[Device], Mapping[str, Seats]] = {}
        offers, asked = places.offers(specs), time.monotonic()

        def waiting(claims: Sequence[Claim]) -> None:
            nonlocal offers, asked
            self.waiting(claims)
            if time.monotonic() - asked > OFFER_S:  # hosts may have come or gone
                offers, asked = places.offers(specs), time.monotonic()

        def want(claims: Sequence[Claim]) -> frozenset[Device]:
            chosen = offers.choose(claims)
            devices = held(chosen, isolation)
            seats[devices] = chosen
            return devices

        if not want(()):
            yield Seated(seats=seats[frozenset()], lease=Unheld())
            return
        lessor = replace(self, waiting=waiting)
        with lessor._lease(frozenset(), specs if tenants is None else tenants, want) as lease:  # noqa: SLF001 - of our own kind
            yield Seated(seats=seats[lease.devices], lease=lease)

    def lease(self, devices: Iterable[Device], tenants: Iterable[str]) -> "Lease":
        """A context that holds all of ``devices`` at once, for these tenants. Raises ValueError, as it begins, where there is no device."""
        return self._lease(frozenset(devices), tenants, None)

    def _lease(self, devices: frozenset[Device], tenants: Iterable[str], want: Want | None) -> "Lease":
        claim = Claim(token=secrets.token_hex(8), study_id=self.study_id, holder=myself(), devices=devices, tenants=tuple(tenants))
        return Lease(self.store, claim, self.waiting, want=want, patience=self.patience)


class Lease:
    """A claim that is held, or waits, as long as the context lasts. Whoever is killed frees it by expiry, or by no longer being there.

    Where ``want`` chooses its devices, it does so until they are held: what was lost is waited for again.
    """

    def __init__(self, store: Store, claim: Claim, waiting: Waiting, *, want: Want | None, patience: Patience) -> None:
        self._store, self._claim, self._waiting, self._want, self._patience = store, claim, waiting, want, patience
        self._was_away, self._renewed = False, -math.inf

    def __enter__(self) -> Self:
        HEART.keep(self._store, self._claim.token, self._hear)
        try:
            self._wait()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    @property
    def devices(self) -> frozenset[Device]:
        """What is held."""
        return self._claim.devices

    def ensure(self) -> None:
        """See `Held`."""
        if not self._patience(self._renew):
            self._wait()

    def flaw(self, devices: Iterable[Device], meanwhile: Callable[[], object] = lambda: None) -> str | None:
        """See `Held`."""
        if others := sorted(str(device) for device in devices if not any(ours.covers(device) for ours in self._claim.devices)):
            return f"it ran on {', '.join(others)}, which this study did not hold"
        if not self._patience(self._renew, meanwhile=meanwhile):
            return f"the lease on {', '.join(sorted(map(str, self._claim.devices)))} expired meanwhile, and another study took it"
        return None

    def is_lost(self) -> bool:
        """Whether somebody else has taken it; a store that is away cannot tell, so it is not."""
        with suppress(StoreAwayError):
            return not self._renew()
        return False

    def _renew(self) -> bool:
        """Within so short a time after it was renewed nobody can have taken it: then the store need not be asked."""
        if (at := now()) - self._renewed > FRESH_S:
            self._hear(bool(leasing.renew(self._store, [self._claim.token], valid=VALID)), at)
        return self._renewed > -math.inf

    def _hear(self, renewed: bool, at: float) -> None:  # noqa: FBT001 - what the heart tells
        """One that was not there is not there later either."""
        self._renewed = at if renewed else -math.inf

    def _ask(self) -> leasing.Asked:
        """Who finds the store back would see as expired what its holders have had no time to renew: they come first."""
        if self._was_away:
            leasing.claims(self._store)
            self._was_away = False
            self._patience.pause(GRACE_S)
        try:
            return leasing.ask(self._store, self._claim, valid=VALID, gone=is_gone, want=self._want)
        except StoreAwayError:
            self._was_away = True
            raise

    def _wait(self) -> None:
        waited = False
        at = now()
        while (asked := self._patience(self._ask)).before:
            self._waiting(asked.before)
            waited = True
            self._patience.pause(POLL_S)
            at = now()
        self._renewed = at
        self._claim, self._want = replace(self._claim, devices=asked.claim.devices), None
        if waited:
            self._waiting([])

    def _leave(self) -> None:
        HEART.leave(self._claim.token)
        with suppress(StoreError):  # then it expires
            leasing.release(self._store, self._claim.token)


def told(claims: Sequence[Claim]) -> str:
    """One line about whom a lease waits for; the times are this host's local ones. ``claims`` are not empty."""
    first, *others = claims
    since = first.acquired_at or first.asked_at
    verb = "holds" if first.acquired_at else "waits for"
    more = f"; {len(others)} more before this one" if others else ""
    devices = ", ".join(sorted(map(str, first.devices)))
    clock = f" since {since.astimezone():%H:%M:%S}" if since else ""
    return f"waiting: study {first.study_id} (process {first.holder.pid} on {first.holder.hostname}) {verb} {devices}{clock}{more}"
