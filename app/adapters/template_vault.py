"""Templates, sealed under their entity's data key: a face as numbers is as personal as the picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from app.adapters.encryption import DataKeys, associated_data, decrypt, encrypt
from app.domain.comparison import Template
from app.domain.errors import RecordUnreadable
from app.domain.organization import KycValidation, StoredTemplate

FORMAT = b"BFT1"
"""First bytes of every sealed template: the format's version, which is part of what the ciphertext is bound to."""

KIND = "template"
_NUMBER = np.dtype("<f4")


class EncryptedTemplateVault:
    """Implements `TemplateVault`. Bound to everything that names a template: two swapped rows do not open."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    def seal(self, validation: KycValidation, template: Template, at: datetime) -> StoredTemplate:
        """The vector as little-endian float32, encrypted."""
        key = self._keys.to_write(validation.organization_id, validation.entity_id)
        model_id, version = template.format.model_id, template.format.version
        bound_to = _bound_to(
            validation.organization_id, validation.entity_id, validation.validation_id, model_id, version
        )
        return StoredTemplate(
            validation_id=validation.validation_id,
            organization_id=validation.organization_id,
            entity_id=validation.entity_id,
            is_test=validation.is_test,
            model_id=model_id,
            model_version=version,
            sealed=FORMAT + encrypt(key, template.vector.astype(_NUMBER).tobytes(), bound_to),
            created_at=at,
        )

    def open(self, sealed: Sequence[StoredTemplate]) -> Sequence[Template | None]:
        """In their order; None where the key is gone or the bytes were changed. One query for all keys."""
        keys = self._keys.to_read_all({(one.organization_id, one.entity_id) for one in sealed})
        return [_opened(one, keys.get((one.organization_id, one.entity_id))) for one in sealed]


def _opened(stored: StoredTemplate, key: bytes | None) -> Template | None:
    if key is None or not stored.sealed.startswith(FORMAT):
        return None
    bound_to = _bound_to(
        stored.organization_id, stored.entity_id, stored.validation_id, stored.model_id, stored.model_version
    )
    try:
        plain = decrypt(key, stored.sealed[len(FORMAT) :], bound_to)
        vector = np.frombuffer(plain, dtype=_NUMBER)
    except (RecordUnreadable, ValueError):
        return None
    return Template(stored.template_format, vector.astype(np.float32))


def _bound_to(organization_id: str, entity_id: str, validation_id: str, model_id: str, version: str) -> bytes:
    return associated_data(
        FORMAT.decode("ascii"), organization_id, entity_id, validation_id, KIND, model_id, version
    )
