"""The audit trail: numbered within each organization."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, insert, select

from app.adapters.db.numbered_rows import NumberedRows
from app.adapters.db.repositories import select_rows, table, to_domain
from app.adapters.db.tables import AuditEntryRow, OrganizationRow
from app.domain.organization import AuditEntry


class SqlAuditTrail(NumberedRows[AuditEntry]):
    """Entries wait for the commit, which numbers them (`numbered_rows.py`)."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        super().__init__()
        self._connection, self._locks = connection, locks

    def add(self, entry: AuditEntry) -> None:
        self._put(entry.organization_id, entry)

    def last_sequence(self, organization_id: str) -> int:
        """The lock is the one that the commit takes to number its entries (`write_numbered`)."""
        statement = select(OrganizationRow.audit_sequence).where(
            OrganizationRow.organization_id == organization_id
        )
        if self._locks:
            statement = statement.with_for_update(key_share=True)
        return self._connection.execute(statement).scalar_one()

    def is_any_after(self, organization_id: str, sequence: int, object_type: str) -> bool:
        found = exists().where(
            AuditEntryRow.organization_id == organization_id,
            AuditEntryRow.sequence > sequence,
            AuditEntryRow.object_type == object_type,
        )
        return bool(self._connection.execute(select(found)).scalar_one())

    def of_organization(self, organization_id: str) -> Sequence[AuditEntry]:
        statement = select_rows(AuditEntryRow).where(AuditEntryRow.organization_id == organization_id)
        rows = self._connection.execute(statement.order_by(AuditEntryRow.sequence)).mappings()
        return [to_domain(AuditEntry, row) for row in rows]

    def insert(self, entries: Sequence[AuditEntry], first_number: int) -> None:
        values = [{**vars(entry), "sequence": number} for number, entry in enumerate(entries, first_number)]
        if values:
            self._connection.execute(insert(table(AuditEntryRow)), values)
