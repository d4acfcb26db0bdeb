"""What an organization has in order, without a gap: its audit entries and its events, numbered at the commit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, update

from app.adapters.db.tables import OrganizationRow

T = TypeVar("T")


class NumberedRows(ABC, Generic[T]):
    """Rows of a transaction that wait for their numbers."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[T]] = defaultdict(list)

    def _put(self, organization_id: str, row: T) -> None:
        self._waiting[organization_id].append(row)

    @property
    def organization_ids(self) -> frozenset[str]:
        return frozenset(self._waiting)

    def take(self, organization_id: str) -> Sequence[T]:
        """What waits, in the order in which it came; it waits no longer."""
        return self._waiting.pop(organization_id, [])

    @abstractmethod
    def insert(self, rows: Sequence[T], first_number: int) -> None: ...


def write_numbered(connection: Connection, audit_entries: NumberedRows[Any], events: NumberedRows[Any]) -> None:
    """Number and insert what waits, last in the transaction.

    The row of the numbers is a lock that every writer of the organization takes: who has numbers commits before
    the next one gets any. Taken last it is held briefly, and one organization after the other in order it can
    be part of no deadlock.
    """
    for organization_id in sorted(audit_entries.organization_ids | events.organization_ids):
        entries, told = audit_entries.take(organization_id), events.take(organization_id)
        last_entry, last_event = connection.execute(
            update(OrganizationRow)
            .where(OrganizationRow.organization_id == organization_id)
            .values(
                audit_sequence=OrganizationRow.audit_sequence + len(entries),
                event_sequence=OrganizationRow.event_sequence + len(told),
            )
            .returning(OrganizationRow.audit_sequence, OrganizationRow.event_sequence)
        ).one()
        audit_entries.insert(entries, last_entry - len(entries) + 1)
        events.insert(told, last_event - len(told) + 1)
