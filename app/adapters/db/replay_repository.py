"""Entries of the replay ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from app.adapters.db.repositories import Repository, select_rows, table
from app.adapters.db.tables import ReplayLedgerRow
from app.domain.replay import StoredFingerprints
from app.domain.session import BiometricSession


class SqlReplays(Repository):
    def add(self, entry: StoredFingerprints) -> None:
        self._insert(ReplayLedgerRow, vars(entry))

    def to_compare(
        self, session: BiometricSession, since: datetime, entity_limit: int, limit: int
    ) -> Sequence[StoredFingerprints]:
        others = select_rows(ReplayLedgerRow).where(
            ReplayLedgerRow.organization_id == session.organization_id,
            ReplayLedgerRow.is_test == session.is_test,
            ReplayLedgerRow.created_at >= since,
            ReplayLedgerRow.session_id != session.session_id,
        )
        newest_first = others.order_by(ReplayLedgerRow.created_at.desc())
        own = newest_first.where(ReplayLedgerRow.entity_id == session.entity_id).limit(entity_limit)
        found = [*self._all(StoredFingerprints, own), *self._all(StoredFingerprints, newest_first.limit(limit))]
        return list({one.session_id: one for one in found}.values())

    def remove_before(self, before: datetime, limit: int) -> int:
        old = select(ReplayLedgerRow.session_id).where(ReplayLedgerRow.created_at < before).limit(limit)
        statement = delete(table(ReplayLedgerRow)).where(ReplayLedgerRow.session_id.in_(old))
        return self.connection.execute(statement).rowcount
