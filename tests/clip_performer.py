"""A performer cut from a clip of a real person: found by measuring, so that any such clip will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, FaceMeasurement, Observation
from app.domain.liveness import LIMITS, ChallengeJudge, Neutral, movement, neutral_of
from app.domain.quality import QualityLimits, alignment_hint
from app.domain.verdict import ChallengeOutcome
from tests.models_fixture import model_path
from tests.performance import FRAMES_PER_SECOND, REACTION_MS, Performance
from tests.portrait import jpeg

IDLE_DEGREES = 2.5
"""How far the resting head may wander; alignment allows 6."""

IDLE_FRAMES = range(10, 24)
HOLD_FRAMES = 6
"""Of a pose that is held, so many frames stay: nobody waits for tests."""

HOLD_SHARE = 0.85
MARGIN = 1.15
"""A movement goes this much further than required, for the frames that a busy machine leaves out."""

SAMPLINGS = ((0, 1), (0, 2), (1, 2))
"""First frame and step: all frames, and either half of them."""

LEAD_FRAMES = 10
"""At most so many frames between rest and onset, and between return and rest."""


@dataclass(frozen=True)
class SeenFrame:
    """A frame of the clip in the size of the camera, and what the project's own landmarker sees in it."""

    image: BgrImage
    observation: Observation

    @property
    def face(self) -> FaceMeasurement | None:
        return self.observation.face

    @property
    def is_good(self) -> bool:
        """Whether alignment accepts it."""
        return alignment_hint(self.observation, QualityLimits()) is None


@cache
def clip_performer(clip: Path, width: int = 480, height: int = 640) -> Performance:
    """Rest, movements and reference portrait of the one person in a clip. ValueError without any rest."""
    frames = look_at(read_clip(clip, width, height))
    resting = find_rest(frames)
    neutral = neutral_of([face for face in (frames[index].face for index in resting) if face is not None])
    found = {kind: find_movement(frames, kind, neutral) for kind in ChallengeKind}
    movements = {kind: span for kind, span in found.items() if span}
    used = {index for span in (resting, *movements.values()) for index in span}
    portrait = _portrait(frames, resting, used)
    return Performance(
        name=clip.stem,
        width=width,
        height=height,
        idle=[jpeg(frames[index].image) for index in resting],
        movements={kind: [jpeg(frames[i].image) for i in span] for kind, span in movements.items()},
        portrait=jpeg(frames[portrait].image, 95),
    )


def read_clip(clip: Path, width: int, height: int) -> Iterator[BgrImage]:
    """The clip at FRAMES_PER_SECOND, fitted into the camera's size over its own stretched edges."""
    video = cv2.VideoCapture(str(clip))
    try:
        every = max(1, round(video.get(cv2.CAP_PROP_FPS) / FRAMES_PER_SECOND))
        position = 0
        while video.grab():
            if position % every == 0:
                yield fit(np.asarray(video.retrieve()[1], dtype=np.uint8), width, height)
            position += 1
    finally:
        video.release()


def fit(image: BgrImage, width: int, height: int) -> BgrImage:
    """Scale into the size and continue the picture's outermost pixels where the shape differs."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    return np.asarray(cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE), dtype=np.uint8)


def look_at(images: Iterator[BgrImage]) -> Sequence[SeenFrame]:
    """Observe every frame, 13 ms each."""
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    try:
        return [SeenFrame(image, landmarker.observe(image)) for image in images]
    finally:
        landmarker.close()


def find_rest(frames: Sequence[SeenFrame]) -> range:
    """The longest stretch in which nothing moves and alignment would accept every frame."""
    stretches = [_rest_from(frames, start) for start in range(len(frames))]
    best = max(stretches, key=len)
    if len(best) < IDLE_FRAMES.start:
        raise ValueError("nobody rests in this clip")
    return best


def _rest_from(frames: Sequence[SeenFrame], start: int) -> range:
    first, end = frames[start].face, start
    while first is not None and end < len(frames) and end - start < IDLE_FRAMES.stop:
        face = frames[end].face
        if face is None or not frames[end].is_good:
            break
        yaw = abs(face.pose.yaw_degrees - first.pose.yaw_degrees)
        pitch = abs(face.pose.pitch_degrees - first.pose.pitch_degrees)
        if max(yaw, pitch) > IDLE_DEGREES or face.expression.eyes_closed > 0.3:
            break
        end += 1
    return range(start, end)


def find_movement(frames: Sequence[SeenFrame], kind: ChallengeKind, neutral: Neutral) -> Sequence[int]:
    """Frames from rest through the apex back to rest that the project's own judge accepts; else none."""
    values = [movement(kind, frame.face, neutral) if frame.face else 0.0 for frame in frames]
    limits = LIMITS[kind]
    start = 0
    while start < len(values):
        if values[start] < limits.onset:
            start += 1
            continue
        end = start
        while end < len(values) and values[end] >= limits.onset:
            end += 1
        if max(values[start:end]) >= MARGIN * limits.required:
            span = _shorten_hold(_widen(values, start, end, limits.onset / 2), values)
            seen = [frames[index].observation for index in span]
            # A busy machine sends every second frame only; the movement must still be seen.
            if all(is_accepted(seen[first::every], kind, neutral, every) for first, every in SAMPLINGS):
                return span
        start = end
    return []


def _widen(values: Sequence[float], start: int, end: int, rest: float) -> range:
    """Go out on both sides until the movement has all but ceased."""
    first, last = start, end
    while first > 0 and start - first < LEAD_FRAMES and values[first] > rest:
        first -= 1
    while last < len(values) - 1 and last - end < LEAD_FRAMES and values[last] > rest:
        last += 1
    return range(first, last + 1 if last < len(values) else last)


def _shorten_hold(span: range, values: Sequence[float]) -> Sequence[int]:
    """Leave out the middle of a pose that is held."""
    peak = max(values[index] for index in span)
    held = [index for index in span if values[index] >= HOLD_SHARE * peak]
    dropped = set(held[HOLD_FRAMES // 2 : -HOLD_FRAMES // 2]) if len(held) > HOLD_FRAMES else set()
    return [index for index in span if index not in dropped]


def is_accepted(
    observations: Sequence[Observation], kind: ChallengeKind, neutral: Neutral, every: int = 1
) -> bool:
    """Whether the judge of the kind passes these frames when they follow its prompt."""
    judge = ChallengeJudge(kind, neutral, 15_000, QualityLimits())
    at_ms = REACTION_MS
    for observation in observations:
        outcome = judge.observe(observation, at_ms).outcome
        if outcome is not None:
            return outcome is ChallengeOutcome.PASSED
        at_ms += every * 1_000 // FRAMES_PER_SECOND
    return False


def _portrait(frames: Sequence[SeenFrame], resting: range, used: set[int]) -> int:
    """The good frame farthest from the rest that is not shown otherwise."""
    middle = (resting.start + resting.stop) // 2
    free = [index for index, frame in enumerate(frames) if frame.is_good and index not in used]
    return max(free, key=lambda index: abs(index - middle), default=resting.start)
