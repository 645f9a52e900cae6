"""Who serves a store: the one process that takes up what is asked for in it. It holds a lease on that role, which shows that it lives."""

from datetime import UTC, datetime

from levelfield.holders import is_gone
from levelfield.leases import Claim, Device
from levelfield.store import leasing
from levelfield.store.store import Store

LEADER = Device(role="scheduler")


def scheduler(store: Store) -> Claim | None:
    """The lease of the process that serves the store, as far as this host's clock tells; None where nobody serves it."""
    now = datetime.now(UTC)
    leaders = (claim for claim in leasing.claims(store) if LEADER in claim.devices and claim.acquired_at)
    return next((claim for claim in leaders if claim.expires_at and claim.expires_at > now and not is_gone(claim.holder)), None)
