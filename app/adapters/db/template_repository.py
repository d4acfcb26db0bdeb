"""Sealed templates of enrolments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, outerjoin, select
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.db.repositories import Repository, select_rows, table
from app.adapters.db.tables import KycValidationRow, TemplateRow
from app.domain.comparison import TemplateFormat
from app.domain.organization import KycValidation, StoredTemplate, ValidationStatus
from app.services.store import Searchable, TemplateCount

KEY = ("validation_id", "model_id", "model_version")


class SqlTemplates(Repository):
    def put(self, template: StoredTemplate) -> None:
        is_sqlite = self.connection.dialect.name == "sqlite"
        statement = (sqlite.insert if is_sqlite else postgresql.insert)(table(TemplateRow)).values(
            **vars(template)
        )
        new = {name: statement.excluded[name] for name in vars(template) if name not in KEY}
        self.connection.execute(statement.on_conflict_do_update(index_elements=KEY, set_=new))

    def get(self, validation_id: str, template_format: TemplateFormat) -> StoredTemplate | None:
        where = (TemplateRow.validation_id == validation_id, _is_of(template_format))
        return self._first(StoredTemplate, select_rows(TemplateRow).where(*where))

    def of_approved(
        self, organization_id: str, is_test: bool, template_format: TemplateFormat, after: str, limit: int
    ) -> Sequence[StoredTemplate]:
        statement = (
            select_rows(TemplateRow)
            .join(KycValidationRow, KycValidationRow.validation_id == TemplateRow.validation_id)
            .where(
                TemplateRow.organization_id == organization_id,
                TemplateRow.is_test == is_test,
                _is_of(template_format),
                KycValidationRow.status == ValidationStatus.APPROVED,
            )
            .order_by(TemplateRow.validation_id)
            .limit(limit)
        )
        if after:
            statement = statement.where(TemplateRow.validation_id > after)
        return self._all(StoredTemplate, statement)

    def searchable(
        self, organization_id: str, is_test: bool, template_format: TemplateFormat
    ) -> Sequence[Searchable]:
        is_described = and_(TemplateRow.validation_id == KycValidationRow.validation_id, _is_of(template_format))
        statement = (
            select(KycValidationRow.validation_id, KycValidationRow.entity_id, TemplateRow.created_at)
            .select_from(outerjoin(table(KycValidationRow), table(TemplateRow), is_described))
            .where(
                KycValidationRow.organization_id == organization_id,
                KycValidationRow.is_test == is_test,
                KycValidationRow.status == ValidationStatus.APPROVED,
                or_(TemplateRow.created_at.is_not(None), KycValidationRow.portrait_blob_id.is_not(None)),
            )
        )
        return [Searchable(*row) for row in self.connection.execute(statement)]

    def of(self, validation_ids: Sequence[str], template_format: TemplateFormat) -> Sequence[StoredTemplate]:
        where = (TemplateRow.validation_id.in_(validation_ids), _is_of(template_format))
        return self._all(StoredTemplate, select_rows(TemplateRow).where(*where))

    def lacking(self, template_format: TemplateFormat, after: str, limit: int) -> Sequence[KycValidation]:
        statement = (
            select_rows(KycValidationRow)
            .where(
                KycValidationRow.portrait_blob_id.is_not(None),
                _lacks(template_format),
            )
            .order_by(KycValidationRow.validation_id)
            .limit(limit)
        )
        if after:
            statement = statement.where(KycValidationRow.validation_id > after)
        return self._all(KycValidation, statement)

    def removable_of(self, template_format: TemplateFormat) -> Sequence[str]:
        statement = select(TemplateRow.organization_id).where(_is_removable(template_format)).distinct()
        return list(self.connection.execute(statement.order_by(TemplateRow.organization_id)).scalars())

    def remove_other_formats(self, organization_id: str, template_format: TemplateFormat) -> int:
        where = (TemplateRow.organization_id == organization_id, _is_removable(template_format))
        return self.connection.execute(delete(table(TemplateRow)).where(*where)).rowcount

    def count(self, template_format: TemplateFormat) -> TemplateCount:
        approved = KycValidationRow.status == ValidationStatus.APPROVED
        by_format = (
            select(TemplateRow.model_id, TemplateRow.model_version, func.count())
            .join(KycValidationRow, KycValidationRow.validation_id == TemplateRow.validation_id)
            .where(approved)
            .group_by(TemplateRow.model_id, TemplateRow.model_version)
            .order_by(TemplateRow.model_id, TemplateRow.model_version)
        )
        rows = self.connection.execute(by_format).all()
        return TemplateCount(
            approved=self._how_many(approved),
            by_format={TemplateFormat(model_id, version): number for model_id, version, number in rows},
            lacking=self._how_many(_lacks(template_format)),
            lacking_without_portrait=self._how_many(
                _lacks(template_format), KycValidationRow.portrait_blob_id.is_(None)
            ),
        )

    def _how_many(self, *where: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table(KycValidationRow)).where(*where)
        return self.connection.execute(statement).scalar_one()


def _is_of(template_format: TemplateFormat) -> ColumnElement[bool]:
    return and_(
        TemplateRow.model_id == template_format.model_id, TemplateRow.model_version == template_format.version
    )


def _lacks(template_format: TemplateFormat) -> ColumnElement[bool]:
    """Of approved validations: those that no template of the format describes."""
    described = exists().where(
        TemplateRow.validation_id == KycValidationRow.validation_id, _is_of(template_format)
    )
    return and_(KycValidationRow.status == ValidationStatus.APPROVED, not_(described))


def _is_removable(template_format: TemplateFormat) -> ColumnElement[bool]:
    """Of another format, and not all that is left of an approved enrolment."""
    needed = exists().where(KycValidationRow.validation_id == TemplateRow.validation_id, _lacks(template_format))
    return and_(not_(_is_of(template_format)), not_(needed))
