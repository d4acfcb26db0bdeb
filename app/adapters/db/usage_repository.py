"""What organizations used, month by month."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.db.repositories import Repository, table
from app.adapters.db.tables import UsageRow

KEY = ("organization_id", "is_test", "month")


class SqlUsage(Repository):
    def used(self, organization_id: str, is_test: bool, month: str) -> int:
        statement = select(UsageRow.used).where(
            UsageRow.organization_id == organization_id, UsageRow.is_test == is_test, UsageRow.month == month
        )
        return self.connection.execute(statement).scalar_one_or_none() or 0

    def take(self, organization_id: str, is_test: bool, month: str, quota: int | None) -> bool:
        """One statement, so that of those who come at once as many succeed as the quota has room for."""
        if quota is not None and quota < 1:
            return False
        is_sqlite = self.connection.dialect.name == "sqlite"
        statement = (sqlite.insert if is_sqlite else postgresql.insert)(table(UsageRow)).values(
            organization_id=organization_id, is_test=is_test, month=month, used=1
        )
        taken = statement.on_conflict_do_update(
            index_elements=KEY,
            set_={"used": UsageRow.used + 1},
            where=None if quota is None else UsageRow.used < quota,
        )
        return self.connection.execute(taken.returning(UsageRow.used)).first() is not None
