"""The queue of claims in the store: correct among processes and hosts, because every change that looks at others locks the table.

Times are the store's: PostgreSQL's clock, or for a SQLite file the clock of the host that it and all who use it are on. So clocks of hosts
that differ do no harm.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from levelfield.leases import Claim, Device, Holder, Want, admit, next_ticket
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import leases

SHARED = ("token", "ticket", "study_id", "asked_at", "acquired_at", "expires_at")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A claim as it stands now, and whom it has to wait for: for nobody, it is held."""

    claim: Claim
    before: list[Claim]


def ask(store: Store, claim: Claim, *, valid: timedelta, gone: Callable[[Holder], bool], want: Want | None = None) -> Asked:
    """Put the claim in the queue, or keep it there, for ``valid`` from now on; it is held where it has to wait for nobody.

    ``want`` chooses its devices, at each call as long as it waits, as `levelfield.leases.admit` says; without it they are the claim's own.
    Whoever has expired or is ``gone`` leaves the queue. Ask again before ``valid`` is over: a claim that expired goes to the end. Raises
    ValueError for a claim without devices.
    """
    with store.locking(leases) as connection:
        now = store_now(connection)
        claims = _read(connection)
        live = [other for other in claims if not _is_dead(other, now, gone)]
        mine = next((other for other in live if other.token == claim.token), None)
        others = [other for other in live if other.token != claim.token]
        asked = mine or replace(claim, ticket=next_ticket(live), asked_at=now)
        admitted, before = admit(asked, others, want or (lambda _: claim.devices))
        if not admitted.devices:
            raise ValueError("a claim needs a device")
        admitted = replace(admitted, expires_at=now + valid, acquired_at=None if before else admitted.acquired_at or now)
        kept = {other.token for other in others}
        _delete(connection, [other.token for other in claims if other.token not in kept])
        connection.execute(insert(leases), _rows(admitted))
    return Asked(claim=admitted, before=before)


def renew(store: Store, tokens: Collection[str], *, valid: timedelta) -> set[str]:
    """Hold for ``valid`` from now on; returns which of them: one that is not there any more expired, and somebody else came after it.

    One that expired while nobody came was exclusive all the same, and goes on.
    """
    with store.locking() as connection:
        extended = update(leases).where(leases.c.token.in_(tokens)).values(expires_at=store_now(connection) + valid)
        return set(connection.scalars(extended.returning(leases.c.token)))


def release(store: Store, token: str) -> None:
    """Leave the queue; what is not in it stays so."""
    with store.locking() as connection:
        _delete(connection, [token])


def claims(store: Store) -> list[Claim]:
    """All claims, expired ones too, in the order of their tickets."""
    return _claims(store.read(select(leases))[0])


def _is_dead(claim: Claim, now: datetime, gone: Callable[[Holder], bool]) -> bool:
    return claim.expires_at is None or claim.expires_at < now or gone(claim.holder)


def store_now(connection: Connection) -> datetime:
    """The moment, by the store's clock."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    # now() would be the beginning of the transaction, before it waited for the lock.
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def _read(connection: Connection) -> list[Claim]:
    return _claims(connection.execute(select(leases)).all())


def _delete(connection: Connection, tokens: Sequence[str]) -> None:
    if tokens:
        connection.execute(delete(leases).where(leases.c.token.in_(tokens)))


def _claims(found: Sequence[AnyRow]) -> list[Claim]:
    rows: dict[str, list[AnyRow]] = defaultdict(list)
    for row in found:
        rows[row.token].append(row)
    return sorted(map(_claim, rows.values()), key=lambda claim: claim.ticket)


def _claim(rows: Sequence[AnyRow]) -> Claim:
    return Claim(
        devices=frozenset(Device.parse(row.device) for row in rows),
        holder=Holder(**rows[0].holder),
        tenants=tuple(rows[0].tenants),
        **{name: getattr(rows[0], name) for name in SHARED},
    )


def _rows(claim: Claim) -> list[dict[str, object]]:
    shared = {name: getattr(claim, name) for name in SHARED}
    shared |= {"holder": asdict(claim.holder), "tenants": list(claim.tenants)}
    return [shared | {"device": name} for name in sorted(map(str, claim.devices))]
