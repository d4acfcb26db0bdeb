"""What a frame's pixels and bytes say beside the face: about a millisecond at 640×480."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.face_texture import face_texture
from app.adapters.jpeg_structure import jpeg_structure
from app.domain.face import BgrImage, FaceBox, Observation
from app.domain.face_fingerprint import face_fingerprint
from app.domain.frame_signals import NOISE_SIDE, THUMBNAIL_SIZE, Colour, FrameSignals

COLOUR_STEP = 8
"""Every so many pixels of every so many rows are enough for a mean colour."""

HEAD_FACTOR = 1.6
"""Hair, ears and neck reach so much beyond the box of the face; what is outside counts as surroundings."""


class FrameSignalMeter:
    """`FrameSignalReader` over OpenCV; keeps nothing."""

    def measure(self, image: BgrImage, data: bytes, observation: Observation) -> FrameSignals:
        """Signals of one decoded frame and the JPEG it came in."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        rows, columns = THUMBNAIL_SIZE
        thumbnail = np.asarray(cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        face = observation.face
        skin, surroundings = _colours(image, face.box if face else None)
        return FrameSignals(
            digest=hashlib.blake2b(data, digest_size=16).digest(),
            fingerprint=face_fingerprint(face.landmarks) if face else None,
            thumbnail=thumbnail,
            texture=face_texture(grey, face.landmarks) if face else None,
            skin=skin,
            surroundings=surroundings,
            noise=grey[:NOISE_SIDE, :NOISE_SIDE].copy(),
            jpeg=jpeg_structure(data),
        )


def _colours(image: BgrImage, box: FaceBox | None) -> tuple[Colour | None, Colour]:
    """Mean colours of the middle of the face, and of the frame without the head."""
    sampled = image[::COLOUR_STEP, ::COLOUR_STEP].astype(np.float32)
    if box is None:
        return None, _mean(sampled.reshape(-1, 3))
    rows, columns = np.mgrid[0 : image.shape[0] : COLOUR_STEP, 0 : image.shape[1] : COLOUR_STEP]
    x, y = box.centre
    across, down = (columns - x) / (box.width / 2), (rows - y) / (box.height / 2)
    reach = across**2 + down**2
    inside, outside = reach < 0.5, reach > HEAD_FACTOR**2
    outside &= ~((np.abs(across) < HEAD_FACTOR) & (down > 0))  # neck and shoulders
    skin = _mean(sampled[inside]) if inside.any() else None
    return skin, _mean(sampled[outside] if outside.any() else sampled.reshape(-1, 3))


def _mean(pixels: NDArray[np.float32]) -> Colour:
    blue, green, red = (float(value) for value in pixels.mean(axis=0))
    return round(blue, 2), round(green, 2), round(red, 2)
