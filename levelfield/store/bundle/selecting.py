"""A study's rows as a bundle holds them. Those that have an id are numbered from 1 in the order of recording, whatever it is in the store.

So the same study gives the same bundle from every store.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from levelfield.store.records import StoreError
from levelfield.store.tables import blocks, bursts, certificates, duels, epochs, predictions, runs, studies

AT_ONCE = 2000  # rows that are fetched together
# By table, the column that refers to a row with an id, and the table of that row.
REFERENCES: Mapping[Table, tuple[str, Table]] = {
    runs: ("id", runs),
    epochs: ("run_id", runs),
    blocks: ("run_id", runs),
    predictions: ("run_id", runs),
    duels: ("id", duels),
    bursts: ("duel_id", duels),
    certificates: ("id", certificates),
}
Rows: TypeAlias = Iterator[list[Any]]


class Selection:
    """The rows of one study, table by table. Raises StoreError where there is no such study."""

    def __init__(self, connection: Connection, study_id: str) -> None:
        self._connection = connection
        content = connection.scalar(select(studies.c.study).where(studies.c.id == study_id))
        if content is None:
            raise StoreError(f"there is no study {study_id} any more")
        self._of_study: Mapping[Table, ColumnElement[bool]] = {
            studies: studies.c.id == study_id,
            runs: runs.c.study_id == study_id,
            duels: duels.c.study_id == study_id,
            certificates: certificates.c.workload.in_(content.get("workloads", [])),
        }
        self._numbers = {table: self._numbered(table) for table in (runs, duels, certificates)}

    def rows(self, table: Table) -> Rows:
        """The rows of a table, a value for each column, in the order of recording."""
        name, owner = REFERENCES.get(table, (None, table))
        at, numbers = (table.columns.keys().index(name), self._numbers[owner]) if name else (0, None)
        with self._connection.execute(self._query(table, owner), execution_options={"yield_per": AT_ONCE}) as found:
            for row in found:
                values = list(row)
                if numbers is not None:
                    values[at] = numbers[values[at]]
                yield values

    def _query(self, table: Table, owner: Table) -> Select[*tuple[Any, ...]]:
        query: Select[*tuple[Any, ...]] = select(table)
        if table is not owner:
            query = query.join(owner, owner.c.id == table.c[REFERENCES[table][0]])
        return query.where(self._of_study[owner]).order_by(*table.primary_key.columns)

    def _numbered(self, table: Table) -> dict[int, int]:
        found = self._connection.scalars(select(table.c.id).where(self._of_study[table]).order_by(table.c.id))
        return {one: number for number, one in enumerate(found, start=1)}
