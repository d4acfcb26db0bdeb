"""What a person may do to a validation, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.errors import InvalidState
from app.domain.organization import VALIDATION_MOVES, ValidationStatus, move_validation
from tests.builders import Builder
from tests.fakes import EPOCH, SeededRandomness

V = ValidationStatus
LATER = EPOCH + timedelta(days=3)

ALLOWED = {
    (V.PENDING, V.CANCELLED),
    (V.IN_PROGRESS, V.CANCELLED),
    (V.IN_REVIEW, V.APPROVED),
    (V.IN_REVIEW, V.REJECTED),
    (V.IN_REVIEW, V.CANCELLED),
    (V.APPROVED, V.REJECTED),
    (V.REJECTED, V.APPROVED),
}


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.mark.parametrize("after", list(V))
@pytest.mark.parametrize("before", list(V))
def test_only_the_moves_of_the_table_exist(
    build: Builder, before: ValidationStatus, after: ValidationStatus
) -> None:
    validation = build.validation(build.entity(build.organization()), status=before)
    if (before, after) in ALLOWED:
        assert move_validation(validation, after, LATER).status is after
    else:
        with pytest.raises(InvalidState, match=before.value):
            move_validation(validation, after, LATER)


def test_the_table_knows_every_status() -> None:
    assert set(VALIDATION_MOVES) == set(V)


@pytest.mark.parametrize(("before", "after"), sorted(ALLOWED))
def test_an_approval_is_dated_and_other_moves_leave_the_last_one_standing(
    build: Builder, before: ValidationStatus, after: ValidationStatus
) -> None:
    validation = build.validation(build.entity(build.organization()), status=before, approved_at=EPOCH)
    moved = move_validation(validation, after, LATER)
    assert moved.updated_at == LATER
    assert moved.approved_at == (LATER if after is V.APPROVED else EPOCH)
    assert moved.created_at == validation.created_at
