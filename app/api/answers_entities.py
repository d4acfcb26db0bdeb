"""Entities and their KYC validations, as the API answers them."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.answers import Answer, Pagination, Time, Uuid
from app.api.answers_sessions import CrossEntityAnswer, cross_entity_answer
from app.domain.organization import Entity, KycValidation, ValidationStatus


class EntityAnswer(Answer):
    """A person that the organization knows."""

    id: Uuid
    organization_id: Uuid
    type: str
    name: str
    external_id: str | None
    tax_id: str | None
    country_code: str | None
    attributes: dict[str, object] | None
    created_at: Time
    updated_at: Time


class EntitiesAnswer(Answer):
    """Part of a list."""

    entities: tuple[EntityAnswer, ...]
    pagination: Pagination


class QualityAnswer(Answer):
    """What was measured of the portrait. `sharpness`: variance of the Laplacian. Never a ground for refusal."""

    face_width_px: float | None
    interocular_px: float | None
    sharpness: float | None


class ValidationAnswer(Answer):
    """Where a reference portrait comes from. `approvedAt` is the last approval's and stays.

    `crossEntity` and `warnings` are of the import and stay, too.
    """

    id: Uuid
    entity_id: Uuid
    organization_id: Uuid
    status: ValidationStatus
    approved_at: Time | None
    external_session_id: str | None
    metadata: dict[str, object] | None
    quality: QualityAnswer | None
    cross_entity: CrossEntityAnswer
    warnings: tuple[str, ...]
    created_at: Time
    updated_at: Time


class ValidationsAnswer(Answer):
    """Part of a list."""

    validations: tuple[ValidationAnswer, ...]
    pagination: Pagination


def entity_answer(entity: Entity) -> EntityAnswer:
    """The entity as it is read."""
    return EntityAnswer(
        id=entity.entity_id,
        organization_id=entity.organization_id,
        type=entity.entity_type,
        name=entity.name,
        external_id=entity.external_id,
        tax_id=entity.tax_id,
        country_code=entity.country_code,
        attributes=None if entity.attributes is None else dict(entity.attributes),
        created_at=entity.created_at,
        updated_at=entity.updated_at,
    )


def validation_answer(validation: KycValidation) -> ValidationAnswer:
    """The validation as it is read."""
    duplicates = validation.duplicates
    return ValidationAnswer(
        id=validation.validation_id,
        entity_id=validation.entity_id,
        organization_id=validation.organization_id,
        status=validation.status,
        approved_at=validation.approved_at,
        external_session_id=validation.external_session_id,
        metadata=None if validation.metadata is None else dict(validation.metadata),
        quality=None if validation.quality is None else _quality(validation.quality),
        cross_entity=cross_entity_answer(None if duplicates is None else duplicates.search),
        warnings=() if duplicates is None else duplicates.warnings,
        created_at=validation.created_at,
        updated_at=validation.updated_at,
    )


def _quality(measured: Mapping[str, float]) -> QualityAnswer:
    return QualityAnswer(
        face_width_px=measured.get("face_width_px"),
        interocular_px=measured.get("interocular_px"),
        sharpness=measured.get("sharpness"),
    )
