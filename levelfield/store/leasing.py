"""The queue of claims in the store: correct among processes and hosts, because every change that looks at others locks the table.

Times are the store's: PostgreSQL's clock, or for a SQLite file the clock of the host that it and all who use it are on. So clocks of hosts
that differ do no harm.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from levelfield.leases import Claim, Device, Holder, ahead, next_ticket
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import leases

SHARED = ("token", "ticket", "study_id", "asked_at", "acquired_at", "expires_at")


def ask(store: Store, claim: Claim, *, valid: timedelta, gone: Callable[[Holder], bool]) -> list[Claim]:
    """Put the claim in the queue, or keep it there, for ``valid`` from now on; returns whom it has to wait for: for nobody, it is held.

    Whoever has expired or is ``gone`` leaves the queue. Ask again before ``valid`` is over: a claim that expired goes to the end. Raises
    ValueError for a claim without devices.
    """
    if not claim.devices:
        raise ValueError("a claim needs a device")
    with store.locking(leases) as connection:
        now = _now(connection)
        claims = _read(connection)
        live = [other for other in claims if not _is_dead(other, now, gone)]
        _delete(connection, [other.token for other in claims if other not in live])
        if not (mine := next((other for other in live if other.token == claim.token), None)):
            mine = replace(claim, ticket=next_ticket(live), asked_at=now, expires_at=now + valid)
            connection.execute(insert(leases), _rows(mine))
        before = ahead(mine, live)
        values = {"expires_at": now + valid, "acquired_at": None if before else mine.acquired_at or now}
        connection.execute(update(leases).where(leases.c.token == mine.token).values(**values))
    return before


def renew(store: Store, token: str, *, valid: timedelta) -> bool:
    """Hold for ``valid`` from now on; False where the claim is no longer there: it expired, and somebody else came after it.

    One that expired while nobody came was exclusive all the same, and goes on.
    """
    with store.locking() as connection:
        extended = update(leases).where(leases.c.token == token).values(expires_at=_now(connection) + valid)
        return bool(connection.execute(extended).rowcount)


def release(store: Store, token: str) -> None:
    """Leave the queue; what is not in it stays so."""
    with store.locking() as connection:
        _delete(connection, [token])


def claims(store: Store) -> list[Claim]:
    """All claims, expired ones too, in the order of their tickets."""
    return _claims(store.read(select(leases))[0])


def _is_dead(claim: Claim, now: datetime, gone: Callable[[Holder], bool]) -> bool:
    return claim.expires_at is None or claim.expires_at < now or gone(claim.holder)


def _now(connection: Connection) -> datetime:
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
