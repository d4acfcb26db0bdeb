"""What keeps a frame from being good, as one true hint, and how good a still it would make.

The limits are stated for frames of 640×480 or 480×640, the size the page streams.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.face import Cover, FaceMeasurement, Observation


class HintCode(StrEnum):
    """What the page can advise. Each names a cause that was measured."""

    NO_FACE = "no_face"
    MULTIPLE_FACES = "multiple_faces"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    OFF_CENTRE = "off_centre"
    EYES_NOT_VISIBLE = "eyes_not_visible"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    UNEVEN_LIGHT = "uneven_light"
    BLURRY = "blurry"
    FACE_COVERED = "face_covered"
    LOOK_STRAIGHT = "look_straight"
    HOLD_STILL = "hold_still"
    RELAX_FACE = "relax_face"
    RETURN_TO_CENTRE = "return_to_centre"
    MOVE_BACK = "move_back"
    OPEN_EYES = "open_eyes"
    KEEP_GOING = "keep_going"
    WRONG_WAY = "wrong_way"


@dataclass(frozen=True)
class Hint:
    """One advice. `direction` is the way to move, as the person sees it in the mirrored preview."""

    code: HintCode
    direction: str | None = None


@dataclass(frozen=True)
class CoverLimits:
    """Beyond which colours say that something lies over the face (`bench/hints.py`, docs/liveness.md).

    Free faces of the development clips, of NUAA's live recordings and of a hundred people of LFW: lips 0.049
    and above, lower face against upper within 0.20 where the lips show little, eyes no darker than −0.42.
    """

    hidden_lips: float = 0.045
    faint_lips: float = 0.09
    lower_redness_where_faint: float = 0.12
    lower_darkness_where_faint: float = 0.55
    lower_redness: float = 0.30
    eyes_darkness: float = 0.45


UNMISTAKABLE = CoverLimits(hidden_lips=0.03, faint_lips=0.05, lower_redness=0.5, eyes_darkness=0.65)
"""Limits for somebody who was told for a while and changed nothing: there may be nothing to take off.

Drawn masks of blue and white cloth show 0.013 of lips at most, dark glasses −0.71 and below. What passes here is
looked at by everything else.
"""


@dataclass(frozen=True)
class QualityLimits:
    """Limits of a frame that alignment accepts. Chosen on the development clips (docs/liveness.md)."""

    min_interocular_px: float = 36.0
    max_face_height_share: float = 0.88
    min_face_height_share: float = 0.24
    max_offset_share: float = 0.17
    second_face_ratio: float = 0.5
    min_luma: float = 40.0
    max_luma: float = 225.0
    max_clipped: float = 0.35
    min_evenness: float = 0.40
    min_sharpness: float = 5.0
    max_yaw_degrees: float = 16.0
    max_pitch_degrees: float = 25.0
    max_roll_degrees: float = 18.0
    max_eyes_closed: float = 0.45
    max_smile: float = 0.55
    max_jaw_open: float = 0.30
    cover: CoverLimits = field(default_factory=CoverLimits)

    def patient(self) -> QualityLimits:
        """The same for somebody whose face may look covered without being so."""
        return replace(self, cover=UNMISTAKABLE)


DARK_ROOM_LUMA = 30.0
"""Without a face, a frame darker than this is too dark rather than empty."""


def presence_hint(observation: Observation, limits: QualityLimits) -> Hint | None:
    """Why the frame does not show exactly one face, or None."""
    if observation.face is None:
        return Hint(HintCode.TOO_DARK if observation.luma < DARK_ROOM_LUMA else HintCode.NO_FACE)
    if observation.second_face_ratio >= limits.second_face_ratio:
        return Hint(HintCode.MULTIPLE_FACES)
    return None


def alignment_hint(observation: Observation, limits: QualityLimits) -> Hint | None:
    """The first thing that keeps this frame from alignment, most fundamental first, or None."""
    hint = presence_hint(observation, limits)
    if hint is not None or observation.face is None:
        return hint
    face = observation.face
    return (
        _placement_hint(observation, face, limits)
        or _light_hint(face, limits)
        or _pose_hint(face, limits)
        or _cover_hint(face.cover, limits.cover)
        or _expression_hint(face, limits)
    )


def _placement_hint(observation: Observation, face: FaceMeasurement, limits: QualityLimits) -> Hint | None:
    height_share = face.box.height / observation.frame_height
    width_share = face.box.width / observation.frame_width
    if height_share > limits.max_face_height_share or width_share > 0.95:
        return Hint(HintCode.TOO_CLOSE)
    is_small = height_share < limits.min_face_height_share and width_share < limits.min_face_height_share
    if is_small or face.interocular_px < limits.min_interocular_px:
        # A turned face has its eyes close together without being far away.
        if abs(face.pose.yaw_degrees) > limits.max_yaw_degrees:
            return Hint(HintCode.LOOK_STRAIGHT)
        return Hint(HintCode.TOO_FAR)
    x, y = face.box.centre
    offset_x = x / observation.frame_width - 0.5
    offset_y = y / observation.frame_height - 0.5
    if max(abs(offset_x), abs(offset_y)) <= limits.max_offset_share:
        return None
    if abs(offset_x) >= abs(offset_y):
        return Hint(HintCode.OFF_CENTRE, "right" if offset_x > 0 else "left")
    return Hint(HintCode.OFF_CENTRE, "up" if offset_y > 0 else "down")


def _light_hint(face: FaceMeasurement, limits: QualityLimits) -> Hint | None:
    light = face.photometry
    if light.evenness < limits.min_evenness:
        # First: with half of it in shadow the whole face is darker too.
        return Hint(HintCode.UNEVEN_LIGHT)
    if light.luma < limits.min_luma:
        return Hint(HintCode.TOO_DARK)
    if light.luma > limits.max_luma or light.clipped > limits.max_clipped:
        return Hint(HintCode.TOO_BRIGHT)
    if light.sharpness < limits.min_sharpness:
        return Hint(HintCode.BLURRY)
    return None


def _pose_hint(face: FaceMeasurement, limits: QualityLimits) -> Hint | None:
    pose = face.pose
    is_straight = (
        abs(pose.yaw_degrees) <= limits.max_yaw_degrees
        and abs(pose.pitch_degrees) <= limits.max_pitch_degrees
        and abs(pose.roll_degrees) <= limits.max_roll_degrees
    )
    return None if is_straight else Hint(HintCode.LOOK_STRAIGHT)


def _cover_hint(cover: Cover | None, limits: CoverLimits) -> Hint | None:
    """Masks, scarves and dark glasses by their colour; a hand by the lips that it hides."""
    if cover is None:
        return None
    break_in_redness = abs(cover.lower_redness)
    is_mouth_covered = (
        cover.lips_redness < limits.hidden_lips
        or break_in_redness >= limits.lower_redness
        or (
            cover.lips_redness < limits.faint_lips
            and (
                break_in_redness >= limits.lower_redness_where_faint
                or cover.lower_brightness <= -limits.lower_darkness_where_faint
            )
        )
    )
    is_covered = is_mouth_covered or cover.eyes_brightness <= -limits.eyes_darkness
    return Hint(HintCode.FACE_COVERED) if is_covered else None


def _expression_hint(face: FaceMeasurement, limits: QualityLimits) -> Hint | None:
    expression = face.expression
    if expression.eyes_closed > limits.max_eyes_closed:
        return Hint(HintCode.EYES_NOT_VISIBLE)
    if expression.smile > limits.max_smile or expression.jaw_open > limits.max_jaw_open:
        return Hint(HintCode.RELAX_FACE)
    return None


def still_quality(observation: Observation, limits: QualityLimits) -> float | None:
    """How good a probe the frame makes, 0–1, None where alignment would not accept it.

    The mean of: size (interocular distance up to 90 px, the ICAO portrait's lower end), frontal pose,
    sharpness, light near the middle of the range, open eyes and a neutral mouth.
    """
    face = observation.face
    if face is None or alignment_hint(observation, limits) is not None:
        return None
    turned = max(abs(face.pose.yaw_degrees), abs(face.pose.pitch_degrees), abs(face.pose.roll_degrees))
    parts = (
        min(face.interocular_px / 90.0, 1.0),
        max(0.0, 1.0 - turned / limits.max_pitch_degrees),
        min(face.photometry.sharpness / 200.0, 1.0),
        max(0.0, 1.0 - abs(face.photometry.luma - 130.0) / 130.0),
        1.0 - face.expression.eyes_closed,
        1.0 - max(face.expression.smile, face.expression.jaw_open),
    )
    return sum(parts) / len(parts)


STEADY_DEGREES = 6.0
STEADY_SHARE_OF_FACE = 0.12


def is_steady(first: FaceMeasurement, last: FaceMeasurement) -> bool:
    """Whether a face stands where it stood, in pose and place."""
    turned = max(
        abs(last.pose.yaw_degrees - first.pose.yaw_degrees),
        abs(last.pose.pitch_degrees - first.pose.pitch_degrees),
    )
    (x0, y0), (x1, y1) = first.box.centre, last.box.centre
    shifted = max(abs(x1 - x0), abs(y1 - y0)) / first.box.width
    return turned <= STEADY_DEGREES and shifted <= STEADY_SHARE_OF_FACE
