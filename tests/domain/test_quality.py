"""The hint is the true cause, the most fundamental one first; the still is the better the nearer to ideal."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from app.domain.face import Observation
from app.domain.quality import Hint, HintCode, QualityLimits, alignment_hint, presence_hint, still_quality
from tests.faces import RESTING, Face, measurement, seen

LIMITS = QualityLimits()

TROUBLES: list[tuple[dict[str, float], Hint]] = [
    ({"scale": 2.3}, Hint(HintCode.TOO_CLOSE)),
    ({"scale": 0.4}, Hint(HintCode.TOO_FAR)),
    ({"x": 440.0}, Hint(HintCode.OFF_CENTRE, "right")),
    ({"evenness": 0.2}, Hint(HintCode.UNEVEN_LIGHT)),
    ({"luma": 30.0}, Hint(HintCode.TOO_DARK)),
    ({"clipped": 0.5}, Hint(HintCode.TOO_BRIGHT)),
    ({"sharpness": 3.0}, Hint(HintCode.BLURRY)),
    ({"pitch": 30.0}, Hint(HintCode.LOOK_STRAIGHT)),
    ({"lips_redness": 0.01}, Hint(HintCode.FACE_COVERED)),
    ({"eyes_closed": 0.6}, Hint(HintCode.EYES_NOT_VISIBLE)),
    ({"smile": 0.7}, Hint(HintCode.RELAX_FACE)),
]
"""One cause each, in the order in which they are told."""


def hint_of(face: Face) -> Hint | None:
    return alignment_hint(seen(face), LIMITS)


def test_a_resting_face_in_the_middle_needs_no_hint() -> None:
    assert hint_of(RESTING) is None


@pytest.mark.parametrize(("trouble", "hint"), TROUBLES)
def test_the_hint_names_the_one_cause(trouble: dict[str, float], hint: Hint) -> None:
    assert hint_of(replace(RESTING, **trouble)) == hint


@pytest.mark.parametrize(("first", "second"), list(combinations(TROUBLES, 2)))
def test_of_two_causes_the_more_fundamental_is_told(
    first: tuple[dict[str, float], Hint], second: tuple[dict[str, float], Hint]
) -> None:
    assert hint_of(replace(RESTING, **{**second[0], **first[0]})) == first[1]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ({"luma": 39.0}, HintCode.TOO_DARK),
        ({"luma": 226.0}, HintCode.TOO_BRIGHT),
        ({"clipped": 0.36}, HintCode.TOO_BRIGHT),
        ({"evenness": 0.39}, HintCode.UNEVEN_LIGHT),
        ({"sharpness": 4.9}, HintCode.BLURRY),
        ({"yaw": 16.5}, HintCode.LOOK_STRAIGHT),
        ({"yaw": -16.5}, HintCode.LOOK_STRAIGHT),
        ({"pitch": 25.5}, HintCode.LOOK_STRAIGHT),
        ({"pitch": -25.5}, HintCode.LOOK_STRAIGHT),
        ({"roll": 18.5}, HintCode.LOOK_STRAIGHT),
        ({"roll": -18.5}, HintCode.LOOK_STRAIGHT),
        ({"eyes_closed": 0.46}, HintCode.EYES_NOT_VISIBLE),
        ({"smile": 0.56}, HintCode.RELAX_FACE),
        ({"jaw_open": 0.31}, HintCode.RELAX_FACE),
    ],
)
def test_each_limit_just_beyond(trouble: dict[str, float], code: HintCode) -> None:
    assert hint_of(replace(RESTING, **trouble)) == Hint(code)


@pytest.mark.parametrize(
    "harmless",
    [
        {"luma": 40.0},
        {"luma": 225.0},
        {"clipped": 0.35},
        {"evenness": 0.40},
        {"sharpness": 5.0},
        {"yaw": 16.0},
        {"yaw": -16.0},
        {"pitch": 25.0},
        {"pitch": -25.0},
        {"roll": 18.0},
        {"eyes_closed": 0.45},
        {"smile": 0.55},
        {"jaw_open": 0.30},
        {"x": 420.0},
        {"y": 315.0},
        {"scale": 1.6},
        {"scale": 0.55},
    ],
)
def test_each_limit_just_within(harmless: dict[str, float]) -> None:
    assert hint_of(replace(RESTING, **harmless)) is None


@pytest.mark.parametrize(
    ("x", "y", "direction"),
    [
        (440.0, 240.0, "right"),
        (200.0, 240.0, "left"),
        (320.0, 340.0, "up"),
        (320.0, 140.0, "down"),
        (460.0, 330.0, "right"),
        (430.0, 370.0, "up"),
    ],
)
def test_the_direction_is_the_way_to_move_in_the_mirrored_preview(x: float, y: float, direction: str) -> None:
    """A face right in the camera's image stands left in the mirrored one, so it must move right there."""
    assert hint_of(replace(RESTING, x=x, y=y)) == Hint(HintCode.OFF_CENTRE, direction)


def test_a_turned_head_is_not_taken_for_a_distant_one() -> None:
    """Turned away, the eyes come together as if the face were small."""
    turned = seen(replace(RESTING, yaw=60.0, scale=0.75))
    assert turned.face is not None
    assert turned.face.interocular_px < LIMITS.min_interocular_px, "or the test shows nothing"
    assert alignment_hint(turned, LIMITS) == Hint(HintCode.LOOK_STRAIGHT)


def test_a_second_face_is_told_before_anything_about_the_first() -> None:
    assert alignment_hint(seen(replace(RESTING, x=500.0), second_face_ratio=0.5), LIMITS) == Hint(
        HintCode.MULTIPLE_FACES
    )
    assert presence_hint(seen(second_face_ratio=0.49), LIMITS) is None


@pytest.mark.parametrize(("luma", "code"), [(29.0, HintCode.TOO_DARK), (30.0, HintCode.NO_FACE)])
def test_without_a_face_it_is_either_dark_or_empty(luma: float, code: HintCode) -> None:
    assert alignment_hint(seen(None, luma=luma), LIMITS) == Hint(code)


def test_room_to_move_closer_is_a_matter_of_the_limits() -> None:
    near = seen(replace(RESTING, scale=1.6))
    assert alignment_hint(near, LIMITS) is None
    assert alignment_hint(near, replace(LIMITS, max_face_height_share=0.74)) == Hint(HintCode.TOO_CLOSE)


def test_a_face_as_wide_as_the_frame_is_too_close_in_a_tall_frame_too() -> None:
    face = measurement(replace(RESTING, scale=2.1, x=180.0, y=320.0))
    tall = Observation(frame_width=360, frame_height=640, face=face, second_face_ratio=0.0, luma=120.0)
    assert face.box.height / 640 < LIMITS.max_face_height_share, "or the test shows nothing"
    assert alignment_hint(tall, LIMITS) == Hint(HintCode.TOO_CLOSE)


@pytest.mark.parametrize(("trouble", "hint"), TROUBLES)
def test_no_still_is_taken_from_a_frame_that_alignment_refuses(trouble: dict[str, float], hint: Hint) -> None:
    assert still_quality(seen(replace(RESTING, **trouble)), LIMITS) is None, hint


def test_no_still_without_one_face() -> None:
    assert still_quality(seen(None), LIMITS) is None
    assert still_quality(seen(second_face_ratio=0.6), LIMITS) is None


@pytest.mark.parametrize(
    "worse",
    [
        {"scale": 0.8},
        {"yaw": 10.0},
        {"pitch": -10.0},
        {"roll": 10.0},
        {"sharpness": 50.0},
        {"luma": 60.0},
        {"luma": 200.0},
        {"eyes_closed": 0.4},
        {"smile": 0.5},
        {"jaw_open": 0.3},
    ],
)
def test_each_flaw_makes_a_worse_still(worse: dict[str, float]) -> None:
    good, flawed = (still_quality(seen(face), LIMITS) for face in (RESTING, replace(RESTING, **worse)))
    assert good is not None
    assert flawed is not None
    assert 0.0 <= flawed < good <= 1.0


@pytest.mark.parametrize(
    ("cover", "is_covered"),
    [
        ({"lips_redness": 0.044}, True),
        ({"lips_redness": 0.046}, False),
        ({"lower_redness": 0.30}, True),
        ({"lower_redness": -0.30}, True),
        ({"lower_redness": -0.29}, False),
        ({"lips_redness": 0.08, "lower_redness": -0.13}, True),
        ({"lips_redness": 0.10, "lower_redness": -0.13}, False),
        ({"lips_redness": 0.08, "lower_brightness": -0.60}, True),
        ({"lips_redness": 0.10, "lower_brightness": -0.60}, False),
        ({"eyes_brightness": -0.46}, True),
        ({"eyes_brightness": -0.44}, False),
    ],
)
def test_a_face_is_covered_where_its_colours_break(cover: dict[str, float], is_covered: bool) -> None:
    """Faint lips or a shadow alone are no mask; both together are."""
    assert hint_of(replace(RESTING, **cover)) == (Hint(HintCode.FACE_COVERED) if is_covered else None)


def test_a_face_whose_colours_were_not_measured_is_not_called_covered() -> None:
    free = seen(RESTING)
    assert free.face is not None
    unmeasured = replace(free, face=replace(free.face, cover=None))
    assert alignment_hint(unmeasured, LIMITS) is None
