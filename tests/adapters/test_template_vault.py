"""Sealed templates: they open again, and nowhere else. The fake that other tests use is held to the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.adapters.encryption import DataKeys
from app.adapters.template_vault import FORMAT, EncryptedTemplateVault
from app.domain.comparison import Template, TemplateFormat
from app.domain.organization import Entity, KycValidation
from app.services.ports import TemplateVault
from tests.adapters.test_encryption import MemoryWrappedKeys
from tests.builders import Builder
from tests.fakes import EPOCH, FakeTemplateVault, SeededRandomness, face_of

MASTER_KEYS = {"2026": b"n" * 32}


@pytest.fixture
def keys() -> MemoryWrappedKeys:
    return MemoryWrappedKeys()


@pytest.fixture
def vault(keys: MemoryWrappedKeys) -> EncryptedTemplateVault:
    return EncryptedTemplateVault(DataKeys(keys, MASTER_KEYS))


@pytest.fixture(params=["real", "fake"])
def either(request: pytest.FixtureRequest, vault: EncryptedTemplateVault) -> TemplateVault:
    return vault if request.param == "real" else FakeTemplateVault()


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def entity(build: Builder) -> Entity:
    return build.entity(build.organization())


@pytest.fixture
def validation(build: Builder, entity: Entity) -> KycValidation:
    return build.validation(entity)


def test_what_was_sealed_opens_in_its_order(either: TemplateVault, build: Builder, entity: Entity) -> None:
    faces = [face_of(name).template for name in (b"one", b"two", b"three")]
    sealed = [either.seal(build.validation(entity), face, EPOCH) for face in faces]
    for opened, face in zip(either.open(sealed[::-1]), faces[::-1], strict=True):
        assert opened is not None
        assert opened.format == face.format
        np.testing.assert_array_equal(opened.vector, face.vector)
    assert list(either.open([])) == []


def test_a_sealed_template_says_whose_it_is(either: TemplateVault, validation: KycValidation) -> None:
    sealed = either.seal(validation, Template(TemplateFormat("sface", "7"), np.ones(4, np.float32)), EPOCH)
    for name in ("validation_id", "organization_id", "entity_id", "is_test"):
        assert getattr(sealed, name) == getattr(validation, name)
    assert (sealed.model_id, sealed.model_version, sealed.created_at) == ("sface", "7", EPOCH)


@pytest.mark.parametrize(
    "name", ["organization_id", "entity_id", "validation_id", "model_id", "model_version", "sealed"]
)
def test_rows_that_were_mixed_do_not_open(
    either: TemplateVault, build: Builder, validation: KycValidation, name: str
) -> None:
    """Both entities have keys: it is the binding that fails."""
    other = build.validation(build.entity(build.organization("globex")))
    mine = either.seal(validation, Template(TemplateFormat("a", "1"), np.ones(4, np.float32)), EPOCH)
    theirs = either.seal(other, Template(TemplateFormat("b", "2"), np.ones(4, np.float32)), EPOCH)
    mixed = replace(mine, **{name: getattr(theirs, name)})
    assert [item is None for item in either.open([mixed, mine, theirs])] == [True, False, False]


def test_two_rows_of_one_entity_cannot_be_swapped_either(
    vault: EncryptedTemplateVault, build: Builder, entity: Entity
) -> None:
    one, two = (vault.seal(build.validation(entity), face_of(name).template, EPOCH) for name in (b"1", b"2"))
    swapped = [replace(one, sealed=two.sealed), replace(two, sealed=one.sealed)]
    assert vault.open(swapped) == [None, None]


def test_nothing_of_the_face_is_legible_and_nothing_repeats(
    vault: EncryptedTemplateVault, validation: KycValidation
) -> None:
    template = face_of(b"somebody").template
    one, two = (vault.seal(validation, template, EPOCH).sealed for _ in range(2))
    assert one.startswith(FORMAT)
    assert len(one) == len(FORMAT) + 12 + 4 * len(template.vector) + 16
    assert template.vector.tobytes()[:16] not in one
    assert one[len(FORMAT) :] != two[len(FORMAT) :]


@pytest.mark.parametrize("damage", [b"", b"BFT1", b"BFB1" + b"x" * 60, b"x" * 600])
def test_damaged_bytes_are_none_and_no_error(
    vault: EncryptedTemplateVault, validation: KycValidation, damage: bytes
) -> None:
    whole = vault.seal(validation, face_of(b"somebody").template, EPOCH)
    flipped = bytearray(whole.sealed)
    flipped[-1] ^= 1
    damaged = [replace(whole, sealed=bytes(one)) for one in (damage, flipped, whole.sealed[:-1])]
    assert list(vault.open(damaged)) == [None] * 3


def test_without_its_key_a_template_stays_shut_and_the_others_open_with_one_query(
    vault: EncryptedTemplateVault, keys: MemoryWrappedKeys, build: Builder
) -> None:
    organization = build.organization()
    sealed = [
        vault.seal(build.validation(build.entity(organization)), face_of(b"x").template, EPOCH) for _ in range(4)
    ]
    del keys.keys[sealed[1].entity_id]
    assert [item is None for item in vault.open(sealed)] == [False, True, False, False]
    assert keys.queries == 1
