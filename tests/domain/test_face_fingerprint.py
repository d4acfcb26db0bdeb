"""The hash of a face's shape: what changes it, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.face import Landmarks
from app.domain.face_fingerprint import FINGERPRINT_BITS, face_fingerprint
from app.domain.replay import NEAR_BITS

CHANCE = np.random.default_rng(1)


def face(seed: int = 1) -> Landmarks:
    """Points all over a disc of 100 pixels, eyes apart."""
    drawn = np.random.default_rng(seed)
    points = drawn.normal(0, 100, (478, 3)).astype(np.float32)
    points[33], points[263] = (-60, 3, 0), (60, -4, 0)
    return np.asarray(points + 300, np.float32)


def differing(one: Landmarks, other: Landmarks) -> int:
    return (face_fingerprint(one) ^ face_fingerprint(other)).bit_count()


@pytest.mark.parametrize("degrees", [0, 1, -20, 90])
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (0.5, 40), (2, -200)])
def test_place_size_and_roll_are_nothing(degrees: float, scale: float, shift: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = face()
    moved[:, :2] = face()[:, :2] @ turn * scale + shift
    assert differing(face(), moved) <= 1


def test_what_a_copy_changes_is_near_and_what_a_movement_changes_is_not() -> None:
    """Copies move landmarks by 0.4 % of the face's size at the median, the same person later by 5 % and more."""
    size = float(np.sqrt(((face()[:468, :2] - face()[:468, :2].mean(axis=0)) ** 2).sum(axis=1).mean()))
    copies = [differing(face(), jittered(0.004 * size)) for _ in range(50)]
    others = [differing(face(), jittered(0.05 * size)) for _ in range(50)]
    assert float(np.median(copies)) <= NEAR_BITS
    assert min(others) > NEAR_BITS


def jittered(pixels: float) -> Landmarks:
    return np.asarray(face() + CHANCE.normal(0, pixels, (478, 3)), np.float32)


def test_strangers_differ_in_half_of_the_bits() -> None:
    differences = [differing(face(1), face(seed)) for seed in range(2, 42)]
    assert abs(float(np.mean(differences)) - FINGERPRINT_BITS / 2) < 3
    assert min(differences) > NEAR_BITS


def test_a_hash_that_was_stored_stays_what_it_is() -> None:
    corners = np.zeros((478, 3), np.float32)
    corners[:, 0], corners[:, 1] = np.arange(478) % 21, np.arange(478) // 21
    assert f"{face_fingerprint(corners):016x}" == "df5b4b999e68fe43"


def test_points_in_one_place_are_no_face_and_no_error() -> None:
    assert face_fingerprint(np.zeros((478, 3), np.float32)) == 0
