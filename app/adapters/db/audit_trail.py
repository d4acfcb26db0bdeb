"""The audit trail: numbered within each organization."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, update

from app.adapters.db.repositories import select_rows, table, to_domain
from app.adapters.db.tables import AuditEntryRow, OrganizationRow
from app.domain.organization import AuditEntry


class SqlAuditTrail:
    """Entries are numbered within their organization and written last, just before the commit.

    The number's row is a lock that every writer of the organization takes. Taken last it is held
    briefly and can be part of no deadlock.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[AuditEntry] = []

    def add(self, entry: AuditEntry) -> None:
        self._waiting.append(entry)

    def of_organization(self, organization_id: str) -> Sequence[AuditEntry]:
        statement = select_rows(AuditEntryRow).where(AuditEntryRow.organization_id == organization_id)
        rows = self._connection.execute(statement.order_by(AuditEntryRow.sequence)).mappings()
        return [to_domain(AuditEntry, row) for row in rows]

    def write(self) -> None:
        """Number and insert what waits."""
        for entry in sorted(self._waiting, key=lambda entry: entry.organization_id):
            sequence = self._connection.execute(
                update(OrganizationRow)
                .where(OrganizationRow.organization_id == entry.organization_id)
                .values(audit_sequence=OrganizationRow.audit_sequence + 1)
                .returning(OrganizationRow.audit_sequence)
            ).scalar_one()
            values = {**vars(entry), "sequence": sequence}
            self._connection.execute(insert(table(AuditEntryRow)).values(**values))
        self._waiting.clear()
