"""Templates and comparison scores: cosine similarity on an honest 0–100 scale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

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
class TemplateFormat:
    """Which recognizer made a template. `version` changes with the model's file and with how faces are fed to it.

    Templates of two formats cannot be compared.
    """

    model_id: str
    version: str

    def __str__(self) -> str:
        return f"{self.model_id}@{self.version}"


@dataclass(frozen=True)
class Template:
    """A face as the recognizer describes it: L2-normalized float32 vector, tied to the format it is of."""

    format: TemplateFormat
    vector: NDArray[np.float32]

    def cosine(self, other: Template) -> float:
        """Cosine similarity, −1…1. ValueError for another format, another length, or a damaged vector."""
        if self.format != other.format:
            raise ValueError("templates of different models cannot be compared")
        cosine = float(np.dot(self.vector, other.vector))
        if not np.isfinite(cosine):
            raise ValueError("a template is damaged")
        return min(1.0, max(-1.0, cosine))


@dataclass(frozen=True)
class FaceTemplate:
    """What the matching core answers for an image: the largest face's template and how it looked.

    `box` is in pixels of the upright image, `interocular_px` the distance between the eyes,
    `sharpness` as in `Photometry`, `faces` how many were found, `second_face_ratio` the second largest face's
    width over the largest's (0 where there is one).
    """

    template: Template
    box: FaceBox
    interocular_px: float
    sharpness: float
    second_face_ratio: float
    faces: int = 1


@dataclass(frozen=True)
class ComparisonScore:
    """A score on 0–100, monotone in cosine similarity, with the cosine it came from."""

    value: float
    cosine: float

    def outcome(self, threshold: float) -> ComparisonOutcome:
        """MATCH at or above the threshold."""
        return ComparisonOutcome.MATCH if self.value >= threshold else ComparisonOutcome.NON_MATCH


@dataclass(frozen=True)
class Calibration:
    """A recognizer's scale: piecewise linear from cosine similarity to 0–100, never falling.

    `version` names it wherever scores are kept. `cosines` grow from −1 to 1, `scores` from 0 to 100.
    ValueError for knots that make no such scale.
    """

    version: str
    cosines: tuple[float, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.cosines) != len(self.scores) or not np.isfinite([*self.cosines, *self.scores]).all():
            raise ValueError("a calibration has as many cosines as scores, all of them numbers")
        if (self.cosines[:1], self.cosines[-1:]) != ((-1.0,), (1.0,)):
            raise ValueError("the cosines of a calibration reach from -1 to 1")
        if (self.scores[:1], self.scores[-1:]) != ((0.0,), (100.0,)):
            raise ValueError("the scores of a calibration reach from 0 to 100")
        if any(low >= high for low, high in pairwise(self.cosines)):
            raise ValueError("the cosines of a calibration must grow")
        if any(low > high for low, high in pairwise(self.scores)):
            raise ValueError("the scores of a calibration must not fall")

    def score(self, cosine: float) -> ComparisonScore:
        """Map a cosine to 0–100. Monotone: a larger cosine never scores lower. Not finite: ValueError."""
        if not np.isfinite(cosine):
            raise ValueError("cosine is not finite")
        value = float(np.interp(cosine, self.cosines, self.scores))
        return ComparisonScore(value=round(value, 2), cosine=float(cosine))


@dataclass(frozen=True)
class Candidate:
    """One template of a gallery that a search found, by the key it was put there under."""

    key: str
    score: ComparisonScore
