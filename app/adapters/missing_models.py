"""What stands in where a required model is missing: refuses every frame, so that nothing passes unseen."""

from __future__ import annotations

from app.domain.errors import AnalysisUnavailable
from app.domain.face import BgrImage, Observation


class NoFaceAnalyzer:
    """`FaceAnalyzer` without a model."""

    def observe(self, image: BgrImage) -> Observation:
        """Raises `AnalysisUnavailable`, always."""
        raise AnalysisUnavailable("the face landmarker's model is missing; run `bonafide models pull`")

    def close(self) -> None:
        """Nothing to give back."""
