"""Repositories: rows to domain objects and back, by the names of their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.adapters.db.tables import (
    ApiKeyRow,
    Base,
    CaptureRow,
    EntityRow,
    KycValidationRow,
    OrganizationRow,
)
from app.domain.errors import DuplicateEntity, InvalidState
from app.domain.organization import (
    ApiKey,
    Capture,
    Entity,
    KycValidation,
    Organization,
    ValidationStatus,
)

T = TypeVar("T")


def table(row: type[Base]) -> Table:
    assert isinstance(row.__table__, Table)
    return row.__table__


def select_rows(row: type[Base]) -> Select[Any]:
    """Whole rows by column name. No identity map: what is read is what the store holds now."""
    return select(table(row))


def to_domain(kind: type[T], row: RowMapping) -> T:
    return kind(**{field.name: row[field.name] for field in fields(kind)})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Repository:
    """Works on the connection of one transaction. `locks` is set where that transaction writes."""

    connection: Connection
    locks: bool = False

    def _insert(self, row: type[Base], values: Mapping[str, Any]) -> None:
        self.connection.execute(insert(table(row)).values(**values))

    def _first(self, kind: type[T], statement: Select[Any]) -> T | None:
        found = self.connection.execute(statement.limit(1)).mappings().first()
        return None if found is None else to_domain(kind, found)

    def _all(self, kind: type[T], statement: Select[Any]) -> list[T]:
        return [to_domain(kind, row) for row in self.connection.execute(statement).mappings()]

    def _count(self, row: type[Base], *where: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table(row)).where(*where)
        return self.connection.execute(statement).scalar_one()


class SqlOrganizations(Repository):
    def get(self, organization_id: str) -> Organization | None:
        where = OrganizationRow.organization_id == organization_id
        return self._first(Organization, select_rows(OrganizationRow).where(where))

    def by_slug(self, slug: str) -> Organization | None:
        return self._first(Organization, select_rows(OrganizationRow).where(OrganizationRow.slug == slug))

    def all(self) -> Sequence[Organization]:
        return self._all(Organization, select_rows(OrganizationRow).order_by(OrganizationRow.slug))

    def add(self, organization: Organization) -> None:
        values = {**vars(organization), "policy_version": organization.settings.policy_version}
        try:
            with self.connection.begin_nested():
                self._insert(OrganizationRow, values)
        except IntegrityError:
            if self.by_slug(organization.slug) is None:
                raise
            raise InvalidState(f"There is an organization {organization.slug} already.") from None


class SqlApiKeys(Repository):
    def add(self, key: ApiKey) -> None:
        self._insert(ApiKeyRow, vars(key))

    def by_sha256(self, sha256: str) -> ApiKey | None:
        return self._first(ApiKey, select_rows(ApiKeyRow).where(ApiKeyRow.sha256 == sha256))

    def get(self, organization_id: str, key_id: str) -> ApiKey | None:
        where = (ApiKeyRow.organization_id == organization_id, ApiKeyRow.key_id == key_id)
        return self._first(ApiKey, select_rows(ApiKeyRow).where(*where))

    def of_organization(self, organization_id: str) -> Sequence[ApiKey]:
        oldest_first = (ApiKeyRow.created_at, ApiKeyRow.key_id)
        where = ApiKeyRow.organization_id == organization_id
        return self._all(ApiKey, select_rows(ApiKeyRow).where(where).order_by(*oldest_first))

    def page(self, organization_id: str, is_test: bool, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        where = (ApiKeyRow.organization_id == organization_id, ApiKeyRow.is_test == is_test)
        newest_first = (ApiKeyRow.created_at.desc(), ApiKeyRow.key_id.desc())
        statement = select_rows(ApiKeyRow).where(*where).order_by(*newest_first).limit(limit).offset(offset)
        return self._all(ApiKey, statement), self._count(ApiKeyRow, *where)

    def revoke(self, key_id: str, at: datetime) -> bool:
        changed = self.connection.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.key_id == key_id, ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        return changed.rowcount == 1

    def retire(self, key_id: str, rotated_to: str, ends_at: datetime, now: datetime) -> bool:
        changed = self.connection.execute(
            update(ApiKeyRow)
            .where(
                ApiKeyRow.key_id == key_id,
                ApiKeyRow.rotated_to.is_(None),
                ApiKeyRow.revoked_at.is_(None),
                or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now),
            )
            .values(rotated_to=rotated_to, expires_at=ends_at)
        )
        return changed.rowcount == 1


class SqlEntities(Repository):
    def add(self, entity: Entity) -> None:
        try:
            with self.connection.begin_nested():
                self._insert(EntityRow, vars(entity))
        except IntegrityError:
            if taken := self._taken(entity):
                raise DuplicateEntity(f"{taken} is taken by another entity.") from None
            raise

    def _taken(self, entity: Entity) -> str | None:
        """Which of the two unique names another entity has, as the API calls it."""
        names = {
            "externalId": (EntityRow.external_id, entity.external_id),
            "taxId": (EntityRow.tax_id, entity.tax_id),
        }
        where = (EntityRow.organization_id == entity.organization_id, EntityRow.is_test == entity.is_test)
        for name, (column, value) in names.items():
            if value is not None and self._count(EntityRow, *where, column == value):
                return name
        return None

    def get(self, organization_id: str, is_test: bool, entity_id: str) -> Entity | None:
        statement = select_rows(EntityRow).where(
            EntityRow.organization_id == organization_id,
            EntityRow.is_test == is_test,
            EntityRow.entity_id == entity_id,
        )
        return self._first(Entity, statement)

    def by_external_id(self, organization_id: str, is_test: bool, external_id: str) -> Entity | None:
        statement = select_rows(EntityRow).where(
            EntityRow.organization_id == organization_id,
            EntityRow.is_test == is_test,
            EntityRow.external_id == external_id,
        )
        return self._first(Entity, statement)

    def page(self, organization_id: str, is_test: bool, limit: int, offset: int) -> tuple[Sequence[Entity], int]:
        where = (EntityRow.organization_id == organization_id, EntityRow.is_test == is_test)
        newest_first = (EntityRow.created_at.desc(), EntityRow.entity_id.desc())
        statement = select_rows(EntityRow).where(*where).order_by(*newest_first).limit(limit).offset(offset)
        return self._all(Entity, statement), self._count(EntityRow, *where)


class SqlKycValidations(Repository):
    def add(self, validation: KycValidation) -> None:
        self._insert(KycValidationRow, vars(validation))

    def get(self, organization_id: str, is_test: bool, validation_id: str) -> KycValidation | None:
        statement = select_rows(KycValidationRow).where(
            KycValidationRow.organization_id == organization_id,
            KycValidationRow.is_test == is_test,
            KycValidationRow.validation_id == validation_id,
        )
        if self.locks:
            # As an update locks the row: what refers to it can still be written beside.
            statement = statement.with_for_update(key_share=True)
        return self._first(KycValidation, statement)

    def latest_approved(self, organization_id: str, is_test: bool, entity_id: str) -> KycValidation | None:
        return self._first(KycValidation, _approved_of(organization_id, is_test, entity_id))

    def approved_of(self, organization_id: str, is_test: bool, entity_id: str) -> Sequence[KycValidation]:
        return self._all(KycValidation, _approved_of(organization_id, is_test, entity_id))

    def latest_created(self, organization_id: str, is_test: bool, entity_id: str) -> KycValidation | None:
        page, _ = self.of_entity(organization_id, is_test, entity_id, 1, 0)
        return page[0] if page else None

    def of_entity(
        self, organization_id: str, is_test: bool, entity_id: str, limit: int, offset: int
    ) -> tuple[Sequence[KycValidation], int]:
        where = _validations_of(organization_id, is_test, entity_id)
        newest_first = (KycValidationRow.created_at.desc(), KycValidationRow.validation_id.desc())
        statement = select_rows(KycValidationRow).where(*where).order_by(*newest_first)
        page = self._all(KycValidation, statement.limit(limit).offset(offset))
        return page, self._count(KycValidationRow, *where)

    def judged_of(self, organization_id: str, is_test: bool, entity_ids: Sequence[str]) -> Sequence[KycValidation]:
        statement = select_rows(KycValidationRow).where(
            KycValidationRow.organization_id == organization_id,
            KycValidationRow.is_test == is_test,
            KycValidationRow.entity_id.in_(entity_ids),
            KycValidationRow.status.in_([ValidationStatus.APPROVED, ValidationStatus.REJECTED]),
        )
        return self._all(KycValidation, statement.order_by(KycValidationRow.validation_id))

    def swap(self, before: ValidationStatus, after: KycValidation) -> bool:
        changed = self.connection.execute(
            update(table(KycValidationRow))
            .where(KycValidationRow.validation_id == after.validation_id, KycValidationRow.status == before)
            .values(**vars(after))
        )
        return changed.rowcount == 1


def _approved_of(organization_id: str, is_test: bool, entity_id: str) -> Select[Any]:
    """The latest approval first."""
    return (
        select_rows(KycValidationRow)
        .where(
            *_validations_of(organization_id, is_test, entity_id),
            KycValidationRow.status == ValidationStatus.APPROVED,
        )
        .order_by(KycValidationRow.approved_at.desc(), KycValidationRow.validation_id.desc())
    )


def _validations_of(organization_id: str, is_test: bool, entity_id: str) -> Sequence[ColumnElement[bool]]:
    return (
        KycValidationRow.organization_id == organization_id,
        KycValidationRow.is_test == is_test,
        KycValidationRow.entity_id == entity_id,
    )


class SqlCaptures(Repository):
    def add(self, capture: Capture) -> None:
        self._insert(CaptureRow, vars(capture))

    def of_session(self, session_id: str) -> Sequence[Capture]:
        statement = select_rows(CaptureRow).where(CaptureRow.session_id == session_id)
        return self._all(Capture, statement.order_by(CaptureRow.created_at, CaptureRow.capture_id))
