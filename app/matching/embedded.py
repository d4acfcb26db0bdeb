"""The matching core in this process: the same contract as the remote one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain.comparison import (
    Calibration,
    Candidate,
    ComparisonScore,
    FaceTemplate,
    Template,
    TemplateFormat,
)
from app.domain.errors import MatchingFailed, MatchingUnavailable
from app.domain.face import BgrImage, FaceBox, Photometry
from app.domain.verdict import ModelIdentity
from app.matching.gallery import search_templates
from app.matching.workers import Workers
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
    def template_format(self) -> TemplateFormat:
        """Of the templates it makes."""

    @property
    def dimension(self) -> int:
        """How many numbers they have."""

    def encode(self, image: BgrImage, points: Points) -> NDArray[np.float32]:
        """L2-normalized vector. ValueError where the face gives none."""


@dataclass(frozen=True)
class Recognizer:
    """An encoder and the scale of its scores."""

    encoder: FaceEncoder
    calibration: Calibration


class EmbeddedMatchingCore:
    """`MatchingCore` over a reader, a detector and a recognizer; pictures are worked on by `workers` alone.

    `measure` gives light and sharpness of a face. `detector` or `recognizer` is None where its model could not
    be had: the core then says so in `health` (`problem` is the recognizer's own reason) and refuses work with
    `MatchingUnavailable`.
    """

    def __init__(
        self,
        reader: ImageReader,
        detector: FaceDetector | None,
        recognizer: Recognizer | None,
        measure: Callable[[BgrImage, FaceBox], Photometry],
        models: Sequence[ModelIdentity],
        workers: Workers,
        problem: str | None = None,
    ) -> None:
        self._reader = reader
        self._detector = detector
        self._recognizer = recognizer
        self._measure = measure
        self._models = tuple(models)
        self._workers = workers
        self._problem = problem

    def create_template(self, image: bytes) -> FaceTemplate | None:
        """Template of the largest face, None where there is none. The same bytes give the same template."""
        detector, recognizer = self._detector, self._recognizer
        if detector is None or recognizer is None:
            raise MatchingUnavailable("The matching core is not ready.")
        return self._workers.run(lambda: self._describe(image, detector, recognizer.encoder))

    def _describe(self, image: bytes, detector: FaceDetector, encoder: FaceEncoder) -> FaceTemplate | None:
        pixels = self._reader.read_image(image)
        faces = detector.detect(pixels)
        if not faces:
            return None
        largest = faces[0]
        try:
            vector = encoder.encode(pixels, largest.points)
        except ValueError as error:
            raise MatchingFailed("The face could not be described.") from error
        return FaceTemplate(
            template=Template(encoder.template_format, vector),
            box=largest.box,
            interocular_px=float(np.linalg.norm(largest.points[0] - largest.points[1])),
            sharpness=self._measure(pixels, largest.box).sharpness,
            second_face_ratio=min(1.0, faces[1].box.width / largest.box.width) if len(faces) > 1 else 0.0,
            faces=len(faces),
        )

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        """Scores in the order of the references. `MatchingFailed` where another model made a template."""
        recognizer = self._recognizer_for(probe)
        try:
            return [recognizer.calibration.score(probe.cosine(reference)) for reference in references]
        except ValueError as error:
            raise MatchingFailed("The templates cannot be compared.") from error

    def search(self, probe: Template, gallery: Mapping[str, Template], limit: int) -> Sequence[Candidate]:
        """Exact; of equal scores the smaller key comes first."""
        recognizer = self._recognizer_for(probe)
        try:
            found = search_templates(probe, gallery, limit)
        except ValueError as error:
            raise MatchingFailed("The templates cannot be compared.") from error
        return [Candidate(key, recognizer.calibration.score(cosine)) for key, cosine in found]

    def _recognizer_for(self, probe: Template) -> Recognizer:
        """Another model's templates have another scale, or none."""
        if self._recognizer is None:
            raise MatchingUnavailable("The matching core is not ready.")
        encoder = self._recognizer.encoder
        if probe.format != encoder.template_format or probe.vector.size != encoder.dimension:
            raise MatchingFailed("The template is of another model than the matching core's.")
        return self._recognizer

    def health(self) -> MatchingHealth:
        """Ready where both models are loaded."""
        reasons = [] if self._detector else ["the face detector could not be loaded"]
        reasons += [] if self._recognizer else [self._problem or "the recognizer could not be loaded"]
        return MatchingHealth(
            is_ready=not reasons,
            models=self._models,
            reason="; ".join(reasons) or None,
            template_format=self._recognizer.encoder.template_format if self._recognizer else None,
            calibration=self._recognizer.calibration.version if self._recognizer else None,
            dimension=self._recognizer.encoder.dimension if self._recognizer else None,
        )

    def drain(self) -> None:
        """Finish what is worked on; whoever waits, or asks from now on, is told at once to come back."""
        self._workers.drain()

    def close(self) -> None:
        """End the threads; nothing can be asked afterwards."""
        self._workers.close()
