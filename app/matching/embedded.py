"""The matching core in this process: the same contract as the remote one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain.comparison import FaceTemplate, Template
from app.domain.errors import MatchingFailed, MatchingUnavailable
from app.domain.face import BgrImage, FaceBox, Photometry
from app.domain.verdict import ModelIdentity
from app.services.ports import ImageReader, MatchingHealth

Points = NDArray[np.float32]
"""5 × 2 in pixels: right eye, left eye, nose tip, right and left corner of the mouth (the subject's own)."""


class FoundFace(Protocol):
    """A face in pixels of the image it was found in."""

    @property
    def box(self) -> FaceBox: ...
    @property
    def points(self) -> Points: ...


class FaceDetector(Protocol):
    def detect(self, image: BgrImage) -> Sequence[FoundFace]:
        """All faces, the largest first."""


class FaceEncoder(Protocol):
    @property
    def model_id(self) -> str:
        """Names the template format."""

    def encode(self, image: BgrImage, points: Points) -> NDArray[np.float32]:
        """L2-normalized vector. ValueError where the face gives none."""


class EmbeddedMatchingCore:
    """`MatchingCore` over a reader, a detector and an encoder.

    `measure` gives light and sharpness of a face. `detector` or `encoder` is None where its model could not
    be had: the core then says so in `health` and refuses work with `MatchingUnavailable`.
    """

    def __init__(
        self,
        reader: ImageReader,
        detector: FaceDetector | None,
        encoder: FaceEncoder | None,
        measure: Callable[[BgrImage, FaceBox], Photometry],
        models: Sequence[ModelIdentity],
    ) -> None:
        self._reader = reader
        self._detector = detector
        self._encoder = encoder
        self._measure = measure
        self._models = tuple(models)

    def create_template(self, image: bytes) -> FaceTemplate | None:
        """Template of the largest face, None where there is none. The same bytes give the same template."""
        if self._detector is None or self._encoder is None:
            raise MatchingUnavailable("The matching core is not ready.")
        pixels = self._reader.read_image(image)
        faces = self._detector.detect(pixels)
        if not faces:
            return None
        largest = faces[0]
        try:
            vector = self._encoder.encode(pixels, largest.points)
        except ValueError as error:
            raise MatchingFailed("The face could not be described.") from error
        return FaceTemplate(
            template=Template(self._encoder.model_id, vector),
            box=largest.box,
            interocular_px=float(np.linalg.norm(largest.points[0] - largest.points[1])),
            sharpness=self._measure(pixels, largest.box).sharpness,
            second_face_ratio=min(1.0, faces[1].box.width / largest.box.width) if len(faces) > 1 else 0.0,
        )

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[float]:
        """Cosine similarity with each reference, −1…1. `MatchingFailed` where another model made one."""
        try:
            cosines = [probe.cosine(reference) for reference in references]
        except ValueError as error:
            raise MatchingFailed("The templates cannot be compared.") from error
        if not np.isfinite(cosines).all():
            raise MatchingFailed("A template is damaged.")
        return [min(1.0, max(-1.0, cosine)) for cosine in cosines]

    def health(self) -> MatchingHealth:
        """Ready where both models are loaded."""
        missing = [
            name
            for name, part in (("the face detector", self._detector), ("the recognizer", self._encoder))
            if part is None
        ]
        reason = f"{' and '.join(missing)} could not be loaded" if missing else None
        return MatchingHealth(is_ready=not missing, models=self._models, reason=reason)
