"""The flat picture of a face: every part at its place, however the face stands in the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.adapters.face_layout import FRONTAL_PLACES
from app.adapters.face_texture import face_texture
from app.domain.face import Landmarks
from app.domain.frame_signals import TEXTURE_SIDE, GreyImage

SIDE = 4 * TEXTURE_SIDE
"""The face drawn below is so wide and high."""


def drawn_face() -> tuple[GreyImage, Landmarks]:
    """Soft blotches in a frame of 640 × 480, and a mesh that lies on them as in the layout."""
    blotches = np.random.default_rng(4).uniform(40, 210, (12, 16)).astype(np.float32)
    grey = cv2.resize(blotches, (640, 480), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    landmarks = np.zeros((478, 3), dtype=np.float32)
    for number, (x, y) in FRONTAL_PLACES.items():
        landmarks[number, :2] = 190 + x * SIDE, 110 + y * SIDE
    return grey, landmarks


def middle(texture: GreyImage) -> NDArray[np.float64]:
    """Without the rim, where pixels lie beyond the mesh."""
    rows, columns = np.mgrid[0:TEXTURE_SIDE, 0:TEXTURE_SIDE] - (TEXTURE_SIDE - 1) / 2
    return np.asarray(texture[rows**2 + columns**2 < (0.4 * TEXTURE_SIDE) ** 2], dtype=np.float64)


def test_a_frontal_face_is_only_scaled() -> None:
    grey, landmarks = drawn_face()
    expected = cv2.resize(
        grey[110 : 110 + SIDE, 190 : 190 + SIDE], (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA
    )
    difference = middle(face_texture(grey, landmarks)) - middle(np.asarray(expected, dtype=np.uint8))
    assert np.abs(difference).max() < 6.0


@given(degrees=st.floats(-30, 30), across=st.floats(0.6, 1.1), down=st.floats(0.6, 1.1))
@settings(max_examples=30, deadline=None)
def test_a_face_that_is_turned_and_squeezed_gives_the_same_texture(
    degrees: float, across: float, down: float
) -> None:
    grey, landmarks = drawn_face()
    matrix = cv2.getRotationMatrix2D((320, 240), degrees, 1.0) @ np.vstack(
        [np.array([[across, 0, 320 * (1 - across)], [0, down, 240 * (1 - down)]]), [0, 0, 1]]
    )
    warped = cv2.warpAffine(grey, matrix, (640, 480), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    moved = landmarks.copy()
    moved[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    texture = face_texture(np.asarray(warped, dtype=np.uint8), moved)
    assert np.abs(middle(texture) - middle(face_texture(grey, landmarks))).mean() < 4.0


@pytest.mark.parametrize("shift", [(-400.0, 0.0), (900.0, 700.0), (0.0, -600.0)])
def test_a_mesh_that_reaches_beyond_the_frame_is_no_error(shift: tuple[float, float]) -> None:
    grey, landmarks = drawn_face()
    moved = landmarks + np.array([*shift, 0.0], dtype=np.float32)
    assert face_texture(grey, moved).shape == (TEXTURE_SIDE, TEXTURE_SIDE)


def test_landmarks_in_one_point_are_no_error() -> None:
    grey, landmarks = drawn_face()
    assert face_texture(grey, np.full_like(landmarks, 100.0)).shape == (TEXTURE_SIDE, TEXTURE_SIDE)
