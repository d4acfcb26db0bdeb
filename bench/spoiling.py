"""Ways to spoil a good frame, each with the hint that names it and three strengths: slight, clear, strong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import LEFT_IRIS, RIGHT_IRIS, BgrImage, FaceMeasurement, Observation
from app.domain.quality import HintCode

Make = Callable[[BgrImage, FaceMeasurement, float], BgrImage | None]


@dataclass(frozen=True)
class Spoil:
    """`strengths` is in the unit of `make`, which gives None where the frame cannot be spoilt so far."""

    hint: HintCode
    strengths: tuple[float, float, float]
    make_face: Make

    def make(self, image: BgrImage, observation: Observation, strength: float) -> BgrImage | None:
        """The frame, spoilt."""
        return None if observation.face is None else self.make_face(image, observation.face, strength)


NOISE = 3.0
"""Of a cheap sensor, in grey levels; added where light is taken away."""

MASK = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
    *(347, 195, 118),
)
"""Outline of a surgical mask on the mesh: along the jaw, over the cheeks and the bridge of the nose."""

CHEEKS = (50, 280, 118, 347)
SHADE_PX = 15


def darken(image: BgrImage, face: FaceMeasurement, luma: float) -> BgrImage | None:
    """Little light: the face's mean grey falls to `luma`."""
    return _with_light(image, np.float32(luma / max(face.photometry.luma, 1.0)), NOISE)


def brighten(image: BgrImage, face: FaceMeasurement, luma: float) -> BgrImage | None:
    """Too much light: what would be `luma` is cut off at white."""
    return _with_light(image, np.float32(luma / max(face.photometry.luma, 1.0)), 0.0)


def light_from_a_side(image: BgrImage, face: FaceMeasurement, share: float) -> BgrImage | None:
    """One half of the face keeps `share` of its light."""
    centre, width = face.box.centre[0], face.box.width
    across = np.arange(image.shape[1], dtype=np.float32)
    fall = share + (1.0 - share) / (1.0 + np.exp(-(across - centre) / (0.06 * width)))
    return _with_light(image, fall[None, :, None].astype(np.float32), NOISE)


def out_of_focus(image: BgrImage, face: FaceMeasurement, share: float) -> BgrImage | None:
    """Gaussian blur, sigma in widths of the face."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * face.box.width), dtype=np.uint8)


def shaken(image: BgrImage, face: FaceMeasurement, share: float) -> BgrImage | None:
    """Motion blur along a diagonal, its length in widths of the face."""
    length = max(3, round(share * face.box.width))
    kernel = np.zeros((length, length), dtype=np.float32)
    cv2.line(kernel, (0, length - 1), (length - 1, 0), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


def far_away(image: BgrImage, face: FaceMeasurement, eyes_px: float) -> BgrImage | None:
    """Eyes so many pixels apart, the face in the middle."""
    return _placed(image, face, eyes_px / face.interocular_px, (0.5, 0.5))


def too_near(image: BgrImage, face: FaceMeasurement, height_share: float) -> BgrImage | None:
    """The face fills so much of the frame's height or width."""
    height, width = image.shape[:2]
    scale = height_share * min(height / face.box.height, width / face.box.width)
    return _placed(image, face, scale, (0.5, 0.5)) if scale > 1 else None


def shifted(x: float, y: float) -> Make:
    """The face's centre moves from the middle of the frame along (x, y) by so much of the frame."""

    def make(image: BgrImage, face: FaceMeasurement, share: float) -> BgrImage | None:
        reach = min(1.0, 0.40 * min(image.shape[1] / face.box.width, image.shape[0] / face.box.height))
        return _placed(image, face, reach, (0.5 + share * x, 0.5 + share * y))

    return make


def rolled(image: BgrImage, face: FaceMeasurement, degrees: float) -> BgrImage | None:
    """The head tilts further to the side it tilts to."""
    angle = degrees if face.pose.roll_degrees <= 0 else -degrees
    matrix = cv2.getRotationMatrix2D(face.box.centre, angle, 1.0)
    return _warped(image, np.asarray(matrix, dtype=np.float64))


def masked(colour: tuple[int, int, int]) -> Make:
    """A mask from the bridge of the nose to below the chin, of so much opacity."""

    def make(image: BgrImage, face: FaceMeasurement, opacity: float) -> BgrImage | None:
        return _covered(image, [face.landmarks[list(MASK), :2]], colour, opacity)

    return make


def hand_on_mouth(image: BgrImage, face: FaceMeasurement, reach: float) -> BgrImage | None:
    """A patch of the person's own skin over mouth and chin, with the dark lines of fingers."""
    x, y = face.landmarks[[0, 17, 152], :2].mean(axis=0)
    width, skin = face.box.width, _skin(image, face)
    covered = _covered(image, [_ellipse(x, y, 1.25 * reach * width, reach * width)], skin, 1.0)
    for step in (-0.13, 0.0, 0.13):
        ends = [(round(x + side * 1.1 * reach * width), round(y + step * width)) for side in (-1, 1)]
        cv2.line(covered, ends[0], ends[1], [0.75 * level for level in skin], max(1, round(0.01 * width)))
    return covered


def dark_glasses(image: BgrImage, face: FaceMeasurement, opacity: float) -> BgrImage | None:
    """Two dark lenses of so much opacity."""
    width = face.box.width
    lenses = [
        _ellipse(x, y + 0.04 * width, 0.19 * width, 0.16 * width)
        for x, y in face.landmarks[[RIGHT_IRIS, LEFT_IRIS], :2]
    ]
    return _covered(image, lenses, (18, 18, 18), opacity)


def second_face(image: BgrImage, face: FaceMeasurement, ratio: float) -> BgrImage | None:
    """The same face again beside the first, so much as wide; both smaller where there is no room."""
    height, width = image.shape[:2]
    scale = min(1.0, 0.30 * width / face.box.width, 0.5 * height / face.box.height)
    first = _placed(image, face, scale, (0.30, 0.5))
    second = _placed(image, face, scale * ratio, (0.78, 0.5))
    return np.concatenate([first[:, : round(0.56 * width)], second[:, round(0.56 * width) :]], axis=1)


def _with_light(image: BgrImage, gain: np.float32 | NDArray[np.float32], noise: float) -> BgrImage:
    rng = np.random.default_rng(7)
    lit = image.astype(np.float32) * gain + rng.normal(0.0, 1.0, image.shape).astype(np.float32) * noise
    return np.clip(lit, 0, 255).astype(np.uint8)


def _placed(image: BgrImage, face: FaceMeasurement, scale: float, at: tuple[float, float]) -> BgrImage:
    """Scaled about the face, whose centre then stands at this share of the frame."""
    (x, y), (height, width) = face.box.centre, image.shape[:2]
    return _warped(
        image, np.array([[scale, 0, at[0] * width - scale * x], [0, scale, at[1] * height - scale * y]])
    )


def _warped(image: BgrImage, matrix: NDArray[np.float64]) -> BgrImage:
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> NDArray[np.float32]:
    angles = np.linspace(0, 2 * np.pi, 48)
    return np.stack([x + half_width * np.cos(angles), y + half_height * np.sin(angles)], axis=1).astype(np.float32)


def _covered(
    image: BgrImage, outlines: list[NDArray[np.float32]], colour: tuple[float, float, float], opacity: float
) -> BgrImage:
    """The outlines filled with a colour that takes on the light and shade of what it covers."""
    inside = np.zeros(image.shape[:2], dtype=np.uint8)
    for outline in outlines:
        cv2.fillPoly(inside, [np.round(outline).astype(np.int32)], 255)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    light = cv2.GaussianBlur(grey, (0, 0), SHADE_PX).astype(np.float32)
    typical = float(np.median(light[inside > 0])) if (inside > 0).any() else 128.0
    cloth = np.array(colour, dtype=np.float32) * np.clip(light / max(typical, 1.0), 0.6, 1.4)[..., None]
    cloth = cloth * min(1.3, max(0.35, float(grey.mean()) / 128.0))
    share = opacity * (cv2.GaussianBlur(inside, (5, 5), 0).astype(np.float32) / 255.0)[..., None]
    mixed = (
        image * (1.0 - share)
        + _with_light(np.clip(cloth, 0, 255).astype(np.uint8), np.float32(1.0), NOISE) * share
    )
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.uint8)


def _skin(image: BgrImage, face: FaceMeasurement) -> tuple[float, float, float]:
    height, width = image.shape[:2]
    at = np.clip(face.landmarks[list(CHEEKS), :2].round().astype(int), 0, (width - 1, height - 1))
    smooth = cv2.blur(image, (9, 9))
    blue, green, red = np.median(smooth[at[:, 1], at[:, 0]], axis=0)
    return float(blue), float(green), float(red)


CAUSES: Mapping[str, Spoil] = {
    "little light": Spoil(HintCode.TOO_DARK, (55, 28, 18), darken),
    "too much light": Spoil(HintCode.TOO_BRIGHT, (210, 330, 450), brighten),
    "light from a side": Spoil(HintCode.UNEVEN_LIGHT, (0.45, 0.15, 0.08), light_from_a_side),
    "out of focus": Spoil(HintCode.BLURRY, (0.012, 0.03, 0.04), out_of_focus),
    "shaken": Spoil(HintCode.BLURRY, (0.05, 0.11, 0.14), shaken),
    "far away": Spoil(HintCode.TOO_FAR, (34, 31, 28), far_away),
    "too near": Spoil(HintCode.TOO_CLOSE, (0.90, 1.02, 1.10), too_near),
    "too far left": Spoil(HintCode.OFF_CENTRE, (0.15, 0.24, 0.28), shifted(-1, 0)),
    "too far right": Spoil(HintCode.OFF_CENTRE, (0.15, 0.24, 0.28), shifted(1, 0)),
    "too high": Spoil(HintCode.OFF_CENTRE, (0.15, 0.24, 0.28), shifted(0, -1)),
    "too low": Spoil(HintCode.OFF_CENTRE, (0.15, 0.24, 0.28), shifted(0, 1)),
    "tilted": Spoil(HintCode.LOOK_STRAIGHT, (12, 25, 35), rolled),
    "second face": Spoil(HintCode.MULTIPLE_FACES, (0.55, 0.8, 1.0), second_face),
    "blue mask": Spoil(HintCode.FACE_COVERED, (0.4, 1.0, 1.0), masked((200, 180, 140))),
    "white mask": Spoil(HintCode.FACE_COVERED, (0.4, 1.0, 1.0), masked((195, 195, 195))),
    "black mask": Spoil(HintCode.FACE_COVERED, (0.4, 1.0, 1.0), masked((35, 32, 32))),
    "red scarf": Spoil(HintCode.FACE_COVERED, (0.4, 1.0, 1.0), masked((50, 40, 150))),
    "hand on the mouth": Spoil(HintCode.FACE_COVERED, (0.20, 0.30, 0.34), hand_on_mouth),
    "dark glasses": Spoil(HintCode.FACE_COVERED, (0.5, 0.95, 1.0), dark_glasses),
}
"""Clear strength is what nobody would call a good picture; slight is near a limit, where either may be told."""
