"""Holding devices: waiting for their lease, keeping it alive by a heartbeat, and knowing whether it was lost."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from levelfield.leases import Claim, Device, Holder
from levelfield.measure.host import host_id
from levelfield.measure.monitor import pid_namespace
from levelfield.measure.processes import PROC, read
from levelfield.spec import RunSpec
from levelfield.store import Store, StoreError, leasing
from orchestrator.seats import Seats, held

VALID = timedelta(seconds=30)
RENEW_S = 10.0
POLL_S = 1.0  # while waiting; a look costs about a millisecond, which the holder's measurement has to bear

Waiting = Callable[[Sequence[Claim]], None]


class Places(Protocol):
    """Knows which devices are where."""

    def seats(self, specs: Mapping[str, RunSpec], claims: Callable[[], Sequence[Claim]]) -> Mapping[str, Seats]:
        """Seats for each of these sides, of one pair: of the devices that can be had, those that the fewest of ``claims`` want.

        Raises NoSeatError where the cluster will never have them.
        """
        ...

    def is_lost(self, seats: Seats) -> bool:
        """Whether a node of one of these has ended."""
        ...


class Held(Protocol):
    """Devices that are ours while a context lasts."""

    def ensure(self) -> None:
        """Wait until they are ours, if they are no longer."""
        ...

    def flaw(self, devices: Iterable[Device]) -> str | None:
        """Why what was measured on ``devices`` since `ensure` does not count; None where they were ours all the time."""
        ...


class Unheld:
    """Holds nothing: for who is alone."""

    def ensure(self) -> None:
        """Wait for nobody."""

    def flaw(self, devices: Iterable[Device]) -> None:
        """Find no fault."""


@dataclass(frozen=True, kw_only=True)
class Seated:
    """Where each side of a pair sits, while the lease on these devices lasts."""

    seats: Mapping[str, Seats]
    lease: Held


@dataclass(frozen=True, kw_only=True)
class Lessor:
    """Gives leases to one study. ``waiting`` hears at each look whom a lease waits for, and of nobody when the wait is over."""

    store: Store
    study_id: str
    waiting: Waiting

    @contextmanager
    def seated(
        self, places: Places, specs: Mapping[str, RunSpec], *, tenants: Iterable[str] | None = None, isolation: str = "host"
    ) -> Iterator[Seated]:
        """Seats for these sides, by which ``tenants`` are named unless they are given, and the lease on them.

        Raises NoSeatError as `Places.seats` does.
        """
        seats = places.seats(specs, lambda: leasing.claims(self.store))
        with self.lease(held(seats, isolation), specs if tenants is None else tenants) as lease:
            yield Seated(seats=seats, lease=lease)

    def lease(self, devices: Iterable[Device], tenants: Iterable[str]) -> AbstractContextManager[Held]:
        """A context that holds all of ``devices`` at once, for these tenants; nothing where there is no device."""
        wanted = frozenset(devices)
        if not wanted:
            return nullcontext(Unheld())
        claim = Claim(token=secrets.token_hex(8), study_id=self.study_id, holder=myself(), devices=wanted, tenants=tuple(tenants))
        return Lease(self.store, claim, self.waiting)


class Lease:
    """A claim that is held, or waits, as long as the context lasts. Whoever is killed frees it by expiry, or by no longer being there."""

    def __init__(self, store: Store, claim: Claim, waiting: Waiting) -> None:
        self._store, self._claim, self._waiting = store, claim, waiting
        self._ended = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._heartbeat.start()
        try:
            self._wait()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    def ensure(self) -> None:
        """See `Held`. Raises StoreError where the store cannot be reached."""
        if not self._renew():
            self._wait()

    def flaw(self, devices: Iterable[Device]) -> str | None:
        """See `Held`. Raises StoreError where the store cannot be reached."""
        if others := sorted(str(device) for device in devices if not any(ours.covers(device) for ours in self._claim.devices)):
            return f"it ran on {', '.join(others)}, which this study did not hold"
        if not self._renew():
            return f"the lease on {', '.join(sorted(map(str, self._claim.devices)))} expired meanwhile, and another study took it"
        return None

    def _renew(self) -> bool:
        return leasing.renew(self._store, self._claim.token, valid=VALID)

    def _wait(self) -> None:
        waited = False
        while before := leasing.ask(self._store, self._claim, valid=VALID, gone=is_gone):
            self._waiting(before)
            waited = True
            time.sleep(POLL_S)
        if waited:
            self._waiting([])

    def _leave(self) -> None:
        self._ended.set()
        self._heartbeat.join()
        with suppress(StoreError):  # then it expires
            leasing.release(self._store, self._claim.token)

    def _beat(self) -> None:
        while not self._ended.wait(RENEW_S):
            with suppress(StoreError):  # whether it was in time shows when somebody asks for a flaw
                self._renew()


def told(claims: Sequence[Claim]) -> str:
    """One line about whom a lease waits for; the times are this host's local ones. ``claims`` are not empty."""
    first, *others = claims
    since = first.acquired_at or first.asked_at
    verb = "holds" if first.acquired_at else "waits for"
    more = f"; {len(others)} more before this one" if others else ""
    devices = ", ".join(sorted(map(str, first.devices)))
    clock = f" since {since.astimezone():%H:%M:%S}" if since else ""
    return f"waiting: study {first.study_id} (process {first.holder.pid} on {first.holder.hostname}) {verb} {devices}{clock}{more}"


def myself() -> Holder:
    """Who we are, as one who holds leases."""
    pid = os.getpid()
    state = _state(pid)
    assert state  # noqa: S101 - we are alive
    return Holder(hostname=socket.gethostname(), host=host_id(), pid_namespace=pid_namespace(), pid=pid, started=state[1])


def is_gone(holder: Holder) -> bool:
    """Whether the holder has certainly ended: we can see his process ids, and there is none, a corpse, or a later process with his id."""
    if (holder.host, holder.pid_namespace) != (host_id(), pid_namespace()):
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # another user's: where /proc is hidden from us it still counts as alive
    state = _state(holder.pid)
    return state is not None and (state[0] in {"Z", "X"} or state[1] != holder.started)


def _state(pid: int) -> tuple[str, int] | None:
    """Its state and when it began, in clock ticks after the host did (proc_pid_stat(5)); None where that cannot be seen."""
    text = read(PROC / str(pid) / "stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[19])
