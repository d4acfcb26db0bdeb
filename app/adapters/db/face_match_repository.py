"""Face matches: every request for one."""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.db.repositories import Repository, select_rows
from app.adapters.db.tables import FaceMatchRow
from app.domain.check import CheckStatus, FaceMatch


class SqlFaceMatches(Repository):
    def add(self, match: FaceMatch) -> None:
        self._insert(FaceMatchRow, vars(match))

    def get(self, organization_id: str, is_test: bool, face_match_id: str) -> FaceMatch | None:
        statement = select_rows(FaceMatchRow).where(
            FaceMatchRow.organization_id == organization_id,
            FaceMatchRow.is_test == is_test,
            FaceMatchRow.face_match_id == face_match_id,
        )
        return self._first(FaceMatch, statement)

    def page(
        self,
        organization_id: str,
        is_test: bool,
        *,
        entity_id: str | None,
        status: CheckStatus | None,
        limit: int,
        offset: int,
    ) -> tuple[Sequence[FaceMatch], int]:
        where = [FaceMatchRow.organization_id == organization_id, FaceMatchRow.is_test == is_test]
        if entity_id is not None:
            where.append(FaceMatchRow.entity_id == entity_id)
        if status is not None:
            where.append(FaceMatchRow.status == status)
        newest_first = (FaceMatchRow.created_at.desc(), FaceMatchRow.face_match_id.desc())
        statement = select_rows(FaceMatchRow).where(*where).order_by(*newest_first)
        found = self._all(FaceMatch, statement.limit(limit).offset(offset))
        return found, self._count(FaceMatchRow, *where)
