"""Judges against labels: detected, missed and false, by kind, condition and frame rate.

A label names what somebody does in a clip, seen by looking at it (bench/labels/README.md). A movement counts
as detected where its judge passes while it is made; a pass where no movement of that kind is labelled is false.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, FaceMeasurement, Observation
from app.domain.liveness import LIMITS, ChallengeJudge, Neutral, movement, neutral_of
from app.domain.quality import STEADY_DEGREES, QualityLimits, alignment_hint
from app.domain.verdict import ChallengeOutcome

LONG_SIDE, SHORT_SIDE = 640, 480
LOOKED_AT_FPS = 30
"""Clips are analysed at this rate at most, and thinned from there."""

FRAME_RATES = (10, 8, 5)
PHASES = (0.0, 1 / 3, 2 / 3)
"""How frames may fall on a movement, in frames; every rate is tried with each."""

TOLERANCE_S = 0.3
"""Labels are read from pictures a tenth of a second apart or two."""

PROMPT_S = 0.6
"""A labelled movement is asked so long before it begins: what people need to read a prompt and to begin."""

NEUTRAL_MS, NEUTRAL_FRAMES = 1_000, 5
NO_LIMIT_MS = 10**9
FULL, PASSING, CUT = "full", "passing", "cut"
DISTRACTORS = frozenset({"natural_blink", "talking", "tilt", "other"})
SCREEN = "screen"

DARK_GAIN, DARK_NOISE, SMALL_EYES_PX = 0.40, 6.0, 42.0
"""Simulated low light (four tenths of the light, noise of a cheap sensor) and distance (near the limit of 36)."""

APPROACH = 1.34
APPROACH_MS = (1_000, 1_800, 2_600, 3_400)
"""A simulated approach: stands, grows, stays, shrinks back; ends of the first three and of the last."""

TimedFrame = tuple[int, Observation]
Observe = Callable[[BgrImage], Observation]


@dataclass(frozen=True, slots=True)
class Label:
    """One row of the file; `kind` is a challenge's or one of `DISTRACTORS`. Seconds of the clip."""

    clip: str
    kind: str
    begin_s: float
    apex_s: float
    end_s: float
    form: str
    conditions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What one judge made of one clip in one sampling. Counts; `screen` clips are attacks and kept apart."""

    clip: str
    kind: str
    fps: int
    labelled: int
    detected: int
    false: int
    conditions: frozenset[str]


def read_labels(path: Path) -> Mapping[str, Sequence[Label]]:
    """Labels by clip. ValueError, with the line, where one is none."""
    labels: dict[str, list[Label]] = {}
    kinds = DISTRACTORS | {kind.value for kind in ChallengeKind}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            times = [float(row[name]) for name in ("begin_s", "apex_s", "end_s")]
            if row["kind"] not in kinds or row["form"] not in (FULL, PASSING, CUT) or times != sorted(times):
                raise ValueError(f"{path}: no label: {row}")
            conditions = frozenset(row["conditions"].split())
            label = Label(row["clip"], row["kind"], times[0], times[1], times[2], row["form"], conditions)
            labels.setdefault(label.clip, []).append(label)
    return labels


def pictures(clip: Path, fps: int = LOOKED_AT_FPS) -> Iterator[tuple[int, BgrImage]]:
    """Frames at that rate at most, scaled into the size that the page streams, with milliseconds."""
    video = cv2.VideoCapture(str(clip))
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    every, number = max(1, round(rate / fps)), 0
    while video.grab():
        if number % every == 0:
            image = np.asarray(video.retrieve()[1], dtype=np.uint8)
            scale = min(LONG_SIDE / max(image.shape[:2]), SHORT_SIDE / min(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            yield round(1_000 * number / rate), np.asarray(small, dtype=np.uint8)
        number += 1
    video.release()


def thinned(frames: Sequence[TimedFrame], fps: int, phase: float) -> Sequence[TimedFrame]:
    """What a page at `fps` would send: at each tick the newest frame of the clip, the last one once more."""
    times = np.array([at_ms for at_ms, _ in frames])
    ticks = np.arange(phase * 1_000 / fps, times[-1] + 1_000 / fps, 1_000 / fps)
    newest = np.searchsorted(times, ticks, side="right") - 1
    return [(round(tick), frames[index][1]) for tick, index in zip(ticks, newest, strict=True) if index >= 0]


def neutral_face(frames: Sequence[TimedFrame]) -> Neutral | None:
    """Of the first second that alignment accepts; of the first accepted frames where none lasts a second."""
    held: list[tuple[int, FaceMeasurement]] = []
    limits, accepted = QualityLimits(), list[FaceMeasurement]()
    for at_ms, observation in frames:
        face = observation.face
        if face is None or alignment_hint(observation, limits) is not None:
            held = []
            continue
        accepted.append(face)
        held.append((at_ms, face))
        first = held[0][1].pose
        if max(
            abs(face.pose.yaw_degrees - first.yaw_degrees), abs(face.pose.pitch_degrees - first.pitch_degrees)
        ) > (STEADY_DEGREES):
            held = held[-1:]
        if at_ms - held[0][0] >= NEUTRAL_MS and len(held) >= NEUTRAL_FRAMES:
            return neutral_of([face for _, face in held])
    return neutral_of(accepted[:NEUTRAL_FRAMES]) if accepted else None


def passes(kind: ChallengeKind, frames: Sequence[TimedFrame], neutral: Neutral) -> Sequence[tuple[float, float]]:
    """Onset and return, in seconds, of every pass of this judge; it begins anew after each verdict."""
    found, began_ms = [], 0
    judge = ChallengeJudge(kind, neutral, NO_LIMIT_MS, QualityLimits())
    for at_ms, observation in frames:
        outcome = judge.observe(observation, at_ms - began_ms).outcome
        if outcome is ChallengeOutcome.PASSED:
            found.append(tuple((began_ms + (ms or 0)) / 1_000 for ms in (judge.onset_ms, judge.return_ms)))
        if outcome is not None:
            judge, began_ms = ChallengeJudge(kind, neutral, NO_LIMIT_MS, QualityLimits()), at_ms
    return [(onset, back) for onset, back in found]


def judged(labels: Sequence[Label], frames: Sequence[TimedFrame], fps: int) -> Iterator[Found]:
    """Every judge over one clip at one rate, in each phase; nothing where no frame can be neutral."""
    for phase in PHASES:
        seen = thinned(frames, fps, phase)
        neutral = neutral_face(seen)
        if neutral is None:
            continue
        for kind in ChallengeKind:
            spans = passes(kind, seen, neutral)
            own = [label for label in labels if label.kind == kind.value]
            full = [label for label in own if label.form == FULL]
            detected = sum(
                any(_meets(label, span) for span in spans) or is_passed(label, seen, neutral) for label in full
            )
            false = sum(not any(_meets(label, span) for label in own) for span in spans)
            yield Found(labels[0].clip, kind.value, fps, len(full), detected, false, labels[0].conditions)


def is_passed(label: Label, frames: Sequence[TimedFrame], neutral: Neutral) -> bool:
    """Whether the judge that is asked `PROMPT_S` before this movement begins passes it."""
    asked_ms = round((label.begin_s - PROMPT_S) * 1_000)
    judge = ChallengeJudge(ChallengeKind(label.kind), neutral, NO_LIMIT_MS, QualityLimits())
    for at_ms, observation in frames:
        if at_ms < asked_ms:
            continue
        outcome = judge.observe(observation, at_ms - asked_ms).outcome
        if outcome is not None:
            return outcome is ChallengeOutcome.PASSED
    return False


def _meets(label: Label, span: tuple[float, float]) -> bool:
    return span[0] <= label.end_s + TOLERANCE_S and span[1] >= label.begin_s - TOLERANCE_S


def natural_blinks(labels: Sequence[Label], frames: Sequence[TimedFrame], fps: int) -> tuple[int, int, int]:
    """Labelled natural blinks, those of which a frame is closed as far as a blink must be, and those that pass."""
    blinks = [label for label in labels if label.kind == "natural_blink"]
    asked = [label for label in labels if label.kind == ChallengeKind.BLINK.value]
    labelled = shown = passed = 0
    for phase in PHASES:
        seen = thinned(frames, fps, phase)
        neutral = neutral_face(seen)
        if neutral is None:
            continue
        spans = [
            span for span in passes(ChallengeKind.BLINK, seen, neutral) if not any(_meets(a, span) for a in asked)
        ]
        for label in blinks:
            closed = [
                movement(ChallengeKind.BLINK, item.face, neutral)
                for at_ms, item in seen
                if item.face and label.begin_s - 0.1 <= at_ms / 1_000 <= label.end_s + 0.1
            ]
            labelled += 1
            shown += max(closed, default=0.0) >= LIMITS[ChallengeKind.BLINK].required
            passed += any(_meets(label, span) for span in spans)
    return labelled, shown, passed


def darkened(image: BgrImage, rng: np.random.Generator) -> BgrImage:
    """The same picture in low light."""
    noisy = image.astype(np.float32) * DARK_GAIN + rng.normal(0, DARK_NOISE, image.shape).astype(np.float32)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def distant(image: BgrImage, eyes_px: float) -> BgrImage:
    """The same picture from so far away that the eyes stand `SMALL_EYES_PX` apart."""
    scale = min(1.0, SMALL_EYES_PX / eyes_px)
    height, width = image.shape[:2]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    around = (top, height - small.shape[0] - top, left, width - small.shape[1] - left)
    return np.asarray(cv2.copyMakeBorder(small, *around, cv2.BORDER_REPLICATE), dtype=np.uint8)


def approaching(image: BgrImage, face: FaceMeasurement, observe: Observe) -> Sequence[TimedFrame]:
    """A still frame that grows about the face and shrinks back: the simulated approach, ten frames a second."""
    frames, (x, y) = [], face.box.centre
    for at_ms in range(0, APPROACH_MS[-1] + 600, 100):
        scale = float(np.interp(at_ms, APPROACH_MS, (1.0, APPROACH, APPROACH, 1.0)))
        matrix = np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y]], dtype=np.float32)
        size = (image.shape[1], image.shape[0])
        near = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        frames.append((at_ms, observe(np.asarray(near, dtype=np.uint8))))
    return frames
