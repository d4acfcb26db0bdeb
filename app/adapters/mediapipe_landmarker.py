"""Landmarks, pose and expression by MediaPipe's Face Landmarker.

IMAGE mode keeps no state between frames, so any landmarker of the pool may serve any session.
MediaPipe releases the interpreter's lock while it works; a pool as large as the cores uses them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Read once, when MediaPipe is loaded.
os.environ.setdefault("GLOG_minloglevel", "2")

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import (
    FaceLandmarker,
    FaceLandmarkerOptions,
    FaceLandmarkerResult,
    RunningMode,
)
from numpy.typing import NDArray

from app.adapters.face_cover import measure_cover
from app.adapters.photometry import frame_luma, measure_face
from app.adapters.pool import Pool
from app.domain.face import BgrImage, Expression, FaceBox, FaceMeasurement, HeadPose, Landmarks, Observation

LANDMARKS = 478
MAX_FACES = 2
"""The second face is needed only to know that there is one."""


class LandmarkerPool:
    """`FaceAnalyzer` over `size` landmarkers of 22–40 MB each.

    Make it after forking: each landmarker has threads of its own. Raises RuntimeError where the model
    cannot be loaded.
    """

    def __init__(self, model_path: Path, size: int) -> None:
        self._pool = Pool(lambda: _create_landmarker(model_path), size)

    def observe(self, image: BgrImage) -> Observation:
        """Analyse one frame (about 13 ms at 640×480); waits for a free landmarker."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError("a frame is height × width × 3 bytes")
        faces = self._faces(image)
        height, width = image.shape[:2]
        return Observation(
            frame_width=width,
            frame_height=height,
            face=faces[0] if faces else None,
            second_face_ratio=min(1.0, faces[1].box.width / faces[0].box.width) if len(faces) > 1 else 0.0,
            luma=frame_luma(image),
        )

    def close(self) -> None:
        """Wait for the landmarkers in use and free all of them; `observe` raises RuntimeError from then on."""
        for landmarker in self._pool.drain():
            landmarker.close()

    def _faces(self, image: BgrImage) -> list[FaceMeasurement]:
        """All measurable faces, the largest (by area) first."""
        picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        with self._pool.borrow() as landmarker:
            result = landmarker.detect(picture)
        return _measure_faces(image, result)


def _create_landmarker(model_path: Path) -> FaceLandmarker:
    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model_path)),
        running_mode=RunningMode.IMAGE,
        num_faces=MAX_FACES,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    with _muted_stderr():
        return FaceLandmarker.create_from_options(options)


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Keep the native code's remarks off standard error; no setting of MediaPipe 0.10.31 reaches them.

    They come only while a landmarker is made; what goes wrong then arrives as an exception.
    """
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(silence)
        os.close(saved)


def _measure_faces(image: BgrImage, result: FaceLandmarkerResult) -> list[FaceMeasurement]:
    parts = zip(
        result.face_landmarks,
        result.face_blendshapes,
        result.facial_transformation_matrixes,
        strict=True,
    )
    faces = [
        (landmarks, pose, expression)
        for points, categories, matrix in parts
        if (landmarks := _landmarks(points, image.shape[1], image.shape[0])) is not None
        and (pose := head_pose(np.asarray(matrix, dtype=np.float64))) is not None
        and (expression := _expression(categories)) is not None
    ]
    measured = [
        FaceMeasurement(
            landmarks, box, pose, expression, measure_face(image, box), measure_cover(image, landmarks, box)
        )
        for landmarks, pose, expression in faces
        if (box := _box(landmarks)).width > 0 and box.height > 0
    ]
    return sorted(measured, key=lambda face: face.box.width * face.box.height, reverse=True)


def _landmarks(points: Sequence[Any], frame_width: int, frame_height: int) -> Landmarks | None:
    """Pixels of the frame; MediaPipe gives z on the scale of x. None where they are not all there."""
    scale = (frame_width, frame_height, frame_width)
    landmarks = np.array([(point.x, point.y, point.z) for point in points], dtype=np.float32)
    if landmarks.shape != (LANDMARKS, 3) or not np.isfinite(landmarks).all():
        return None
    return landmarks * np.array(scale, dtype=np.float32)


def _box(landmarks: Landmarks) -> FaceBox:
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return FaceBox(x=float(low[0]), y=float(low[1]), width=float(high[0] - low[0]), height=float(high[1] - low[1]))


def head_pose(matrix: NDArray[np.float64]) -> HeadPose | None:
    """Angles from MediaPipe's 4×4 face transformation; None where it is not a finite, scaled rotation.

    MediaPipe's own pitch falls when the head looks up and its roll grows towards the subject's right
    shoulder (measured on a clip of known movements), so both change their sign here.
    """
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        return None
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if (lengths <= 0).any():
        return None
    rotation = matrix[:3, :3] / lengths
    return HeadPose(
        yaw_degrees=float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2]))),
        pitch_degrees=float(np.degrees(np.arcsin(np.clip(rotation[1, 2], -1, 1)))),
        roll_degrees=float(-np.degrees(np.arctan2(rotation[1, 0], rotation[1, 1]))),
    )


def _expression(categories: Sequence[Any]) -> Expression | None:
    """Scores by name; None where one is missing or not a number."""
    scores: Mapping[str, float] = {category.category_name: category.score for category in categories}
    names = ("eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "jawOpen")
    values = [scores.get(name, float("nan")) for name in names]
    if not np.isfinite(values).all():
        return None
    return Expression(
        eyes_closed=(values[0] + values[1]) / 2,
        smile=(values[2] + values[3]) / 2,
        jaw_open=values[4],
    )
