"""An enrolment's portrait and its templates: how they are addressed, and how they are read."""

from __future__ import annotations

from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import NoReferencePortrait, RecordUnreadable
from app.domain.organization import KycValidation
from app.services.ports import BlobAddress, BlobStore, TemplateVault
from app.services.store import Store

PORTRAIT = "portrait"


def address_of(validation: KycValidation, kind: str) -> BlobAddress:
    """What an image of a validation is bound to."""
    return BlobAddress(validation.organization_id, validation.entity_id, validation.validation_id, kind)


def read_portrait(blobs: BlobStore, validation: KycValidation) -> bytes:
    """The reference portrait as it was sent; `NoReferencePortrait` where it is gone or cannot be read."""
    if validation.portrait_blob_id is None:
        raise NoReferencePortrait("The approved validation has no usable reference portrait.")
    try:
        return blobs.get(validation.portrait_blob_id, address_of(validation, PORTRAIT))
    except RecordUnreadable as error:
        raise NoReferencePortrait("The approved validation has no usable reference portrait.") from error


def read_template(
    store: Store, vault: TemplateVault, validation: KycValidation, template_format: TemplateFormat
) -> Template | None:
    """The stored template of this format; None where there is none, or it cannot be opened any more."""
    with store.read() as uow:
        sealed = uow.templates.get(validation.validation_id, template_format)
    return vault.open([sealed])[0] if sealed else None
