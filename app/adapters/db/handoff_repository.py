"""Handoffs of hosted sessions. Each ends once: whoever moves it finds it open."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from app.adapters.db.repositories import Repository, select_rows, table
from app.adapters.db.tables import HandoffRow
from app.domain.handoff import STANDING, Handoff, HandoffState


class SqlHandoffs(Repository):
    def add(self, handoff: Handoff) -> None:
        self._insert(HandoffRow, vars(handoff))

    def get(self, handoff_id: str) -> Handoff | None:
        return self._first(Handoff, select_rows(HandoffRow).where(HandoffRow.handoff_id == handoff_id))

    def latest(self, hosted_session_id: str) -> Handoff | None:
        newest_first = (HandoffRow.created_at.desc(), HandoffRow.handoff_id.desc())
        statement = select_rows(HandoffRow).where(HandoffRow.hosted_session_id == hosted_session_id)
        return self._first(Handoff, statement.order_by(*newest_first))

    def count(self, hosted_session_id: str) -> int:
        return self._count(HandoffRow, HandoffRow.hosted_session_id == hosted_session_id)

    def end(self, handoff_id: str, state: HandoffState, at: datetime) -> bool:
        changed = self.connection.execute(
            update(table(HandoffRow))
            .where(HandoffRow.handoff_id == handoff_id, HandoffRow.state == HandoffState.OPEN)
            .values(state=state, ended_at=at)
        )
        return changed.rowcount == 1

    def void_standing(self, hosted_session_id: str, at: datetime) -> int:
        changed = self.connection.execute(
            update(table(HandoffRow))
            .where(HandoffRow.hosted_session_id == hosted_session_id, HandoffRow.state.in_(sorted(STANDING)))
            .values(state=HandoffState.VOID, ended_at=at)
        )
        return changed.rowcount
