"""Kept answers are sealed: they open again for their own place, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.answer_vault import FORMAT, EncryptedAnswerVault
from app.adapters.encryption import DataKeys
from app.domain.errors import RecordUnreadable
from app.domain.idempotency import IdempotencyPlace, KeptAnswer
from tests.adapters.test_encryption import MemoryWrappedKeys

ORGANIZATION, STRANGER = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"
PLACE = IdempotencyPlace(ORGANIZATION, is_test=True, key_sha256="a" * 64)
ANSWER = KeptAnswer(201, (("Content-Type", "application/json"), ("Location", "/é")), b'{"a":"link"}\n\n\xff\x00')


@pytest.fixture
def vault() -> EncryptedAnswerVault:
    return EncryptedAnswerVault(DataKeys(MemoryWrappedKeys(), {"2026": b"n" * 32}))


def test_what_is_sealed_opens_byte_for_byte(vault: EncryptedAnswerVault) -> None:
    sealed = vault.seal_of(ORGANIZATION).seal(PLACE, ANSWER)
    assert vault.seal_of(ORGANIZATION).open(PLACE, sealed) == ANSWER
    assert b"link" not in sealed
    assert vault.seal_of(ORGANIZATION).seal(PLACE, ANSWER) != sealed


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, organization_id=STRANGER),
        replace(PLACE, is_test=False),
        replace(PLACE, key_sha256="b" * 64),
    ],
)
def test_it_opens_in_no_other_place(vault: EncryptedAnswerVault, elsewhere: IdempotencyPlace) -> None:
    sealed = vault.seal_of(ORGANIZATION).seal(PLACE, ANSWER)
    for organization in (ORGANIZATION, STRANGER):
        with pytest.raises(RecordUnreadable):
            vault.seal_of(organization).open(elsewhere, sealed)


def test_changed_bytes_and_unknown_formats_are_found_out(vault: EncryptedAnswerVault) -> None:
    seal = vault.seal_of(ORGANIZATION)
    sealed = seal.seal(PLACE, ANSWER)
    for broken in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"XXXX" + sealed[len(FORMAT) :], b""):
        with pytest.raises(RecordUnreadable):
            seal.open(PLACE, broken)


def test_fingerprints_are_the_organizations_own(vault: EncryptedAnswerVault) -> None:
    mine, same, other = (
        vault.seal_of(organization).fingerprint(b"x" * 32)
        for organization in (ORGANIZATION, ORGANIZATION, STRANGER)
    )
    assert mine == same != other
    assert len(mine) == 64
    assert vault.seal_of(ORGANIZATION).fingerprint(b"y" * 32) != mine


def test_the_key_is_in_no_traceback(vault: EncryptedAnswerVault) -> None:
    assert "key=" not in repr(vault.seal_of(ORGANIZATION))
