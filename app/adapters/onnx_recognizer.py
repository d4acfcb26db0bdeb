"""A face recognizer from an ONNX file and its manifest entry; ONNX Runtime runs it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.onnx_session import load_session
from app.adapters.pixels import resized, scaled_size, similarity, surroundings
from app.adapters.recognizer_entry import RecognizerEntry
from app.domain.comparison import TemplateFormat
from app.domain.face import BgrImage

OVERSAMPLING = 2.0
"""A face with more pixels than this for one of the input is shrunk by area first: the alignment samples single
pixels and would alias."""

_MARGIN = 4.0
"""Interocular distances around the eyes, nose and mouth that the aligned square can reach at any roll."""


class OnnxRecognizer:
    """Describes an aligned face. Threads share it. RuntimeError where the model cannot be loaded or used."""

    def __init__(self, path: Path, template_format: TemplateFormat, entry: RecognizerEntry) -> None:
        self.template_format = template_format
        self._entry = entry
        self._points = entry.points
        self._session = load_session(path)
        self._input = self._session.get_inputs()[0].name
        self._check()

    @property
    def dimension(self) -> int:
        """How many numbers a template has."""
        return self._entry.dimension

    def encode(self, image: BgrImage, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """`dimension` float32, L2-normalized, of the face whose five points are given. ValueError where none come.

        SFace takes some 15 ms on one core of 2.x GHz.
        """
        vector = self._run(self._aligned(image, points))
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise ValueError("the recognizer gave no usable template")
        return np.asarray(vector / length, dtype=np.float32)

    def _aligned(self, image: BgrImage, points: NDArray[np.float32]) -> BgrImage:
        """The face, `input_side` pixels square, its five points laid onto those of the entry."""
        own = float(np.linalg.norm(self._points[0] - self._points[1]))
        interocular = max(float(np.linalg.norm(points[0] - points[1])), 1.0)
        reach = _MARGIN * interocular
        region, corner = surroundings(image, points.min(axis=0) - reach, points.max(axis=0) + reach)
        scale = min(1.0, OVERSAMPLING * own / interocular)
        if scale < 1:
            region = resized(region, scaled_size(region, scale))
        transform = similarity((points - corner).astype(np.float64) * scale, self._points)
        side = self._entry.input_side
        return np.asarray(cv2.warpAffine(region, transform, (side, side)), dtype=np.uint8)

    def _run(self, face: BgrImage) -> NDArray[np.float32]:
        pixels = face[..., ::-1] if self._entry.channels == "rgb" else face
        mean, std = (np.array(values, dtype=np.float32) for values in (self._entry.mean, self._entry.std))
        planes = ((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1)
        given = {self._input: np.ascontiguousarray(planes[None])}
        return np.asarray(self._session.run(None, given)[0], dtype=np.float32).ravel()

    def _check(self) -> None:
        """One run says whether the entry fits the model."""
        side = self._entry.input_side
        try:
            found = self._run(np.zeros((side, side, 3), dtype=np.uint8)).size
        except Exception as error:
            raise RuntimeError(f"{self.template_format.model_id} does not take what its entry says") from error
        if found != self._entry.dimension:
            raise RuntimeError(
                f"{self.template_format.model_id} gives {found} numbers, and not {self._entry.dimension}"
            )
