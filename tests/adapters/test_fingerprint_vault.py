"""Entries of the replay ledger: they open again, and nowhere else. The fake is held to the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.adapters.encryption import DataKeys
from app.adapters.fingerprint_vault import FORMAT, EncryptedFingerprintVault
from app.domain.organization import Entity
from app.services.ports import FingerprintVault
from tests.adapters.test_encryption import MemoryWrappedKeys
from tests.builders import Builder
from tests.fakes import EPOCH, FakeFingerprintVault, SeededRandomness

PRINTS = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)


@pytest.fixture
def vault() -> EncryptedFingerprintVault:
    return EncryptedFingerprintVault(DataKeys(MemoryWrappedKeys(), {"2026": b"n" * 32}))


@pytest.fixture(params=["real", "fake"])
def either(request: pytest.FixtureRequest, vault: EncryptedFingerprintVault) -> FingerprintVault:
    return vault if request.param == "real" else FakeFingerprintVault()


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def entity(build: Builder) -> Entity:
    return build.entity(build.organization())


def test_what_was_sealed_opens_in_its_order(either: FingerprintVault, build: Builder, entity: Entity) -> None:
    sealed = [either.seal(build.session(entity)[0], PRINTS[: number + 1], EPOCH) for number in range(4)]
    for number, opened in enumerate(reversed(either.open(sealed[::-1]))):
        assert opened is not None
        np.testing.assert_array_equal(opened, PRINTS[: number + 1])
    assert list(either.open([])) == []


@pytest.mark.parametrize("name", ["organization_id", "entity_id", "session_id", "sealed"])
def test_rows_that_were_mixed_do_not_open(
    either: FingerprintVault, build: Builder, entity: Entity, name: str
) -> None:
    mine = either.seal(build.session(entity)[0], PRINTS, EPOCH)
    other = build.entity(build.organization("globex"))
    theirs = either.seal(build.session(other)[0], PRINTS, EPOCH)
    mixed = replace(mine, **{name: getattr(theirs, name)})
    assert [item is None for item in either.open([mixed, mine, theirs])] == [True, False, False]


def test_nothing_is_legible_and_damaged_bytes_are_none(
    vault: EncryptedFingerprintVault, build: Builder, entity: Entity
) -> None:
    whole = vault.seal(build.session(entity)[0], PRINTS, EPOCH)
    assert PRINTS.tobytes()[-8:] not in whole.sealed
    damaged = [b"", FORMAT, whole.sealed[:-1], whole.sealed[:-1] + bytes([whole.sealed[-1] ^ 1])]
    assert list(vault.open([replace(whole, sealed=one) for one in damaged])) == [None] * 4


def test_what_was_sealed_under_a_key_that_is_gone_does_not_open(
    vault: EncryptedFingerprintVault, build: Builder, entity: Entity
) -> None:
    sealed = vault.seal(build.session(entity)[0], PRINTS, EPOCH)
    without = EncryptedFingerprintVault(DataKeys(MemoryWrappedKeys(), {"2026": b"n" * 32}))
    assert without.open([sealed]) == [None]
