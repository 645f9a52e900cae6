"""Between parity certificates and the rows of their table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from levelfield.parity.certificate import Certificate
from levelfield.store.rows import AnyRow
from levelfield.store.tables import certificates


def row(certificate: Certificate) -> dict[str, Any]:
    """A certificate as a row of ``certificates``, without its id."""
    sides = zip("ab", certificate.sides, strict=True)
    return {
        "created_at": datetime.fromisoformat(certificate.created_at),
        **{name: getattr(certificate, name) for name in ("workload", "track", "precision", "passed")},
        **{f"{name}_{at}": getattr(side, name) for at, side in sides for name in ("framework", "mode", "device", "code")},
        "content": certificate.to_dict(),
    }


def select_all(workloads: Sequence[str] | None = None) -> Select[*tuple[Any, ...]]:
    """The query for all certificates, or those of some workloads, newest first."""
    query = select(certificates.c.content).order_by(certificates.c.created_at.desc(), certificates.c.id.desc())
    return query if workloads is None else query.where(certificates.c.workload.in_(workloads))


def read(found: Sequence[AnyRow]) -> list[Certificate]:
    """The certificates that `select_all` found."""
    return [Certificate.from_dict(one.content) for one in found]
