"""Templates and comparison scores: cosine similarity on an honest 0–100 scale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.domain.face import FaceBox

DEFAULT_THRESHOLD = 30.0
"""The contract's default decision threshold on the 0–100 scale."""


class ComparisonOutcome(StrEnum):
    """Result of one comparison against a threshold (ISO/IEC 19795 vocabulary)."""

    MATCH = "match"
    NON_MATCH = "non_match"


@dataclass(frozen=True)
class Template:
    """A face as the recognizer describes it: L2-normalized float32 vector, tied to the model that made it."""

    model_id: str
    vector: NDArray[np.float32]

    def cosine(self, other: Template) -> float:
        """Cosine similarity, −1…1. Templates of two models are not comparable: ValueError."""
        if self.model_id != other.model_id:
            raise ValueError("templates of different models cannot be compared")
        return float(np.dot(self.vector, other.vector))


@dataclass(frozen=True)
class FaceTemplate:
    """What the matching core answers for an image: the largest face's template and how it looked.

    `box` is in pixels of the upright image, `interocular_px` the distance between the eyes,
    `sharpness` as in `Photometry`, `second_face_ratio` the second largest face's width over the largest's.
    """

    template: Template
    box: FaceBox
    interocular_px: float
    sharpness: float
    second_face_ratio: float


@dataclass(frozen=True)
class ComparisonScore:
    """A score on 0–100, monotone in cosine similarity, with the cosine it came from."""

    value: float
    cosine: float

    def outcome(self, threshold: float) -> ComparisonOutcome:
        """MATCH at or above the threshold."""
        return ComparisonOutcome.MATCH if self.value >= threshold else ComparisonOutcome.NON_MATCH


CALIBRATION_COSINE = (-1.0, 0.0, 0.22, 0.31, 0.375, 0.43, 0.48, 0.53, 0.58, 0.63, 0.71, 1.0)
CALIBRATION_SCORE = (0.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
"""Knots of the piecewise linear scale for SFace: ten points a tenfold rarer score among different people.

From 10 to 50 a score s was reached by at most 10^(−s/10) of 2.7 million pairs of different people on LFW
(docs/matching.md), so 30 stands for a false match rate of 1 in 1,000 or lower. Higher scores are beyond what
the data can show: the scale goes on as it was and flattens towards 100. OpenCV Zoo's own threshold for SFace,
0.363, scores 28.
"""


def score_from_cosine(cosine: float) -> ComparisonScore:
    """Map a cosine to 0–100. Monotone: a larger cosine never scores lower. Not finite: ValueError."""
    if not np.isfinite(cosine):
        raise ValueError("cosine is not finite")
    value = float(np.interp(cosine, CALIBRATION_COSINE, CALIBRATION_SCORE))
    return ComparisonScore(value=round(value, 2), cosine=float(cosine))
