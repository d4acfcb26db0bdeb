"""One analysed frame: where the face is, how it is posed, what it does, and how well it is lit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BgrImage = NDArray[np.uint8]
"""Height × width × 3, blue-green-red, 0–255."""

Landmarks = NDArray[np.float32]
"""478 × 3 as MediaPipe orders them: x and y in pixels of the frame, z in the same scale, growing away."""

# Indices of MediaPipe's canonical face mesh. Left and right are the capture subject's own.
NOSE_TIP = 1
FOREHEAD = 10
CHIN = 152
RIGHT_CHEEK = 234
LEFT_CHEEK = 454
RIGHT_IRIS = 468
LEFT_IRIS = 473


@dataclass(frozen=True)
class FaceBox:
    """Axis-aligned box in pixels of the frame it was found in; may reach beyond the frame's edges."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class HeadPose:
    """Rotation of the head in degrees, as the capture subject would say it.

    `yaw` grows to the subject's own left (the image's right in an unmirrored frame), `pitch` grows
    upwards, `roll` grows as the head tilts to the subject's own left shoulder.
    """

    yaw_degrees: float
    pitch_degrees: float
    roll_degrees: float


@dataclass(frozen=True)
class Expression:
    """MediaPipe blendshape scores, 0–1. Eyes are the mean of both; 1 means closed."""

    eyes_closed: float
    smile: float
    jaw_open: float


@dataclass(frozen=True)
class Photometry:
    """Light and sharpness, measured on the face only.

    `luma` is the mean of the face's grey level, 0–255. `evenness` is the darker half's mean over the
    brighter half's (left against right), 0–1. `clipped` is the share of face pixels at 250 or above.
    `sharpness` is the variance of the Laplacian of the face scaled to 128 pixels width.
    """

    luma: float
    evenness: float
    clipped: float
    sharpness: float


@dataclass(frozen=True)
class Cover:
    """Colours of a face's parts against each other, as differences of logarithms; 0 where they are alike.

    `lips_redness` is how much red over green varies between below the nose and above the chin: lips are
    redder than the skin around them. `lower_redness` and `lower_brightness` compare nose, jowls and chin with
    the skin around the eyes, `eyes_brightness` the brighter of the places below the eyes with cheeks and nose.
    """

    lips_redness: float
    lower_redness: float
    lower_brightness: float
    eyes_brightness: float


@dataclass(frozen=True)
class FaceMeasurement:
    """The largest face of a frame."""

    landmarks: Landmarks
    box: FaceBox
    pose: HeadPose
    expression: Expression
    photometry: Photometry
    cover: Cover | None = None
    """None where it was not measured."""

    @cached_property
    def scale_px(self) -> float:
        """Size of the face that neither turning nor nodding changes much, in pixels.

        The larger of face width over 1.0 and face height over 1.3 would jump between the two; the
        root of the mean square of the landmarks' distance from their centroid, depth included,
        is invariant under rotation and scales with nearness.
        """
        centred = self.landmarks[:468] - self.landmarks[:468].mean(axis=0)
        return float(np.sqrt((centred**2).sum(axis=1).mean()))

    @property
    def interocular_px(self) -> float:
        """Distance of the two iris centres in the image, in pixels."""
        return float(np.linalg.norm(self.landmarks[LEFT_IRIS, :2] - self.landmarks[RIGHT_IRIS, :2]))


@dataclass(frozen=True)
class Observation:
    """What one frame shows. `face` is the largest face, None where none was found.

    `second_face_ratio` is the second largest face's width over the largest one's, 0 where there is none.
    `luma` is the mean grey level of the whole frame, 0–255.
    """

    frame_width: int
    frame_height: int
    face: FaceMeasurement | None
    second_face_ratio: float
    luma: float
