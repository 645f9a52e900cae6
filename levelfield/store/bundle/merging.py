"""Taking a bundle into a store: all of it, in one transaction, or nothing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from levelfield.store.bundle import content
from levelfield.store.bundle.archive import Archive, opened
from levelfield.store.bundle.layout import TABLES, BundleError
from levelfield.store.bundle.lines import lines, read
from levelfield.store.bundle.selecting import Selection
from levelfield.store.inserting import insert_duel, insert_run
from levelfield.store.store import Store
from levelfield.store.tables import certificates, duels, runs, studies


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was taken in. ``was_there``: the study was in the store already, the same in everything; then certificates alone are new."""

    study: str
    was_there: bool
    runs: int
    duels: int
    certificates: int
    certificates_there: int


def merge(file: Path, url: str, *, sha256: str | None = None) -> Merged:
    """Take the study of a bundle into the store at a path or URL; ``sha256``: that of the whole file, from whoever wrote it.

    Raises BundleError for a file that is no bundle, damaged, changed or malformed, or of a newer version, and where a study of that id is
    there already that is not the same; StoreError where the store cannot be written. Then nothing is changed.
    """
    with opened(file, sha256) as archive:
        row = _check(archive)
        with Store.open(url) as store, store.locking(certificates, lasting=True) as connection:
            there = connection.scalar(select(func.count()).select_from(studies).where(studies.c.id == row["id"])) == 1
            if there:
                _compare(archive, connection, store.name)
            runs, duels = (0, 0) if there else _insert(archive, row, connection)
            known, new = _insert_certificates(archive, connection)
    return Merged(study=row["id"], was_there=there, runs=runs, duels=duels, certificates=new, certificates_there=known)


def _check(archive: Archive) -> dict[str, Any]:
    """Look at everything before the store is opened, which might make it. Gives the study."""
    row = content.study(archive)
    for every in (content.all_runs, content.all_duels, content.all_certificates):
        for _ in every(archive):
            pass
    return row


def _insert(archive: Archive, row: dict[str, Any], connection: Connection) -> tuple[int, int]:
    """How many runs and duels."""
    connection.execute(insert(studies), row)
    number = {runs: 0, duels: 0}
    for table, every, add in ((runs, content.all_runs, insert_run), (duels, content.all_duels, insert_duel)):
        for whole in every(archive):
            add(connection, whole.row, whole.parts)
            number[table] += 1
    return number[runs], number[duels]


def _insert_certificates(archive: Archive, connection: Connection) -> tuple[int, int]:
    """How many of them the store had already, and how many are new: a certificate belongs to no study, so several bundles may hold it."""
    known, new = 0, 0
    for row in content.all_certificates(archive):
        same_time = select(certificates.c.content).where(
            certificates.c.workload == row["workload"], certificates.c.created_at == row["created_at"]
        )
        if row["content"] in connection.scalars(same_time).all():
            known += 1
        else:
            connection.execute(insert(certificates), row)
            new += 1
    return known, new


def _compare(archive: Archive, connection: Connection, name: str) -> None:
    """Raises BundleError unless the store's study of that id is the very same. Certificates are not compared: they come and go apart."""
    study_id = archive.manifest.study
    selection = Selection(connection, study_id)
    differing = [table.name for table in TABLES.values() if table is not certificates and not _same(archive, table, selection)]
    if differing:
        raise BundleError(
            f"there is another study {study_id} in {name} already, which differs in its {', '.join(differing)}. "
            f"A study is never changed or mixed with another; `levelfield delete {study_id}` removes the one that is there"
        )


def _same(archive: Archive, table: Table, selection: Selection) -> bool:
    stored = _digest(lines(table, selection.rows(table)))
    part = archive.manifest.parts.get(table.name)
    if part and part.sha256 == stored:
        return True
    # An older bundle has other lines for the same rows.
    names = table.columns.keys()
    rows = read(table, archive.part(table.name), is_older=archive.manifest.is_older)
    return _digest(lines(table, ([row[name] for name in names] for row in rows))) == stored


def _digest(written: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for line in written:
        digest.update(line)
    return digest.hexdigest()
