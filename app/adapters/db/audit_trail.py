"""The audit trail: numbered within each organization."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from app.adapters.db.numbered_rows import NumberedRows
from app.adapters.db.repositories import select_rows, table, to_domain
from app.adapters.db.tables import AuditEntryRow
from app.domain.organization import AuditEntry


class SqlAuditTrail(NumberedRows[AuditEntry]):
    """Entries wait for the commit, which numbers them (`numbered_rows.py`)."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        self._put(entry.organization_id, entry)

    def of_organization(self, organization_id: str) -> Sequence[AuditEntry]:
        statement = select_rows(AuditEntryRow).where(AuditEntryRow.organization_id == organization_id)
        rows = self._connection.execute(statement.order_by(AuditEntryRow.sequence)).mappings()
        return [to_domain(AuditEntry, row) for row in rows]

    def insert(self, entries: Sequence[AuditEntry], first_number: int) -> None:
        values = [{**vars(entry), "sequence": number} for number, entry in enumerate(entries, first_number)]
        if values:
            self._connection.execute(insert(table(AuditEntryRow)), values)
