"""Faces that are as like another as a test wants them, for the fake matching core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.comparison import FaceTemplate, Template
from tests.fakes import FAKE_CALIBRATION, face_of

_KNOTS = {0.0: 0.0, 30.0: 0.375, 100.0: 1.0}


def face_like(image: bytes, score: float, *, faces: int = 1) -> FaceTemplate:
    """A face whose comparison with that of `image` gives this score, to a hundredth."""
    target = face_of(image)
    cosine = float(np.interp(score, list(_KNOTS), list(_KNOTS.values())))
    other = face_of(image + b" another").template.vector
    other = other - np.dot(other, target.template.vector) * target.template.vector
    other = other / np.linalg.norm(other)
    vector = cosine * target.template.vector + np.sqrt(1 - cosine**2) * other
    made = Template(target.template.format, vector.astype(np.float32))
    assert abs(FAKE_CALIBRATION.score(made.cosine(target.template)).value - score) <= 0.01
    return replace(target, template=made, faces=faces)
