"""An enrolment's portrait and template: how they are addressed in the blob store, packed and read."""

from __future__ import annotations

import numpy as np

from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import NoReferencePortrait, RecordUnreadable
from app.domain.organization import KycValidation
from app.services.ports import BlobAddress, BlobStore

PORTRAIT = "portrait"
TEMPLATE = "template"


def address_of(validation: KycValidation, kind: str) -> BlobAddress:
    """What the portrait or the template of a validation is bound to."""
    return BlobAddress(validation.organization_id, validation.entity_id, validation.validation_id, kind)


def pack_template(template: Template) -> bytes:
    """The vector as little-endian float32; the model's name stands in the validation."""
    return template.vector.astype("<f4").tobytes()


def unpack_template(template_format: TemplateFormat, data: bytes) -> Template:
    """The reverse of `pack_template`."""
    return Template(template_format, np.frombuffer(data, dtype="<f4").astype(np.float32))


def read_portrait(blobs: BlobStore, validation: KycValidation) -> bytes:
    """The reference portrait as it was sent; `NoReferencePortrait` where it is gone or cannot be read."""
    if validation.portrait_blob_id is None:
        raise NoReferencePortrait("The approved validation has no usable reference portrait.")
    try:
        return blobs.get(validation.portrait_blob_id, address_of(validation, PORTRAIT))
    except RecordUnreadable as error:
        raise NoReferencePortrait("The approved validation has no usable reference portrait.") from error
