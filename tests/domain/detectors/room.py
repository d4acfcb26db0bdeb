"""A room with a camera and somebody in it, as detectors see it: faces, thumbnails, colours, noise, times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.detection import FrameDetector, WatchedFrame
from app.domain.detector_evidence import DetectorEvidence
from app.domain.frame_signals import NOISE_SIDE, THUMBNAIL_SIZE, FrameSignals, GreyImage
from app.domain.liveness import neutral_of
from tests.faces import FRAME_WIDTH, RESTING, Face, Motion, measurement, moved, seen

KINDS = (ChallengeKind.TURN_LEFT, ChallengeKind.LOOK_DOWN, ChallengeKind.TURN_RIGHT, ChallengeKind.LOOK_UP)
ALIGN_MS = 1_500
ROWS, COLUMNS = THUMBNAIL_SIZE


@dataclass
class Room:
    """Draws one frame after the other. Seeded: the same calls give the same frames."""

    seed: int = 1
    chance: np.random.Generator = field(init=False)
    wall: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.seed)
        self.wall = np.kron(self.chance.uniform(60, 200, (6, 8)), np.ones((6, 6)))

    def frame(self, at_ms: float, face: Face, light: float = 1.0) -> WatchedFrame:
        """During alignment; `light` is the exposure."""
        trembling = self.chance.normal(0.0, 1.0, 4)
        shaken = replace(
            face,
            x=face.x + 0.3 * trembling[0],
            y=face.y + 0.3 * trembling[1],
            yaw=face.yaw + 0.15 * trembling[2],
            pitch=face.pitch + 0.15 * trembling[3],
        )
        thumbnail = self._thumbnail(face, light)
        return WatchedFrame(
            at_ms=round(at_ms + self.chance.uniform(0, 12)),
            captured_at_ms=at_ms,
            phase=CapturePhase.ALIGN,
            challenge=None,
            asked_ms=None,
            neutral=None,
            observation=seen(shaken),
            signals=FrameSignals(
                digest=self.chance.bytes(16),
                fingerprint=0,
                thumbnail=thumbnail,
                texture=None,
                skin=_colour(150 * light + 0.2 * self.chance.normal()),
                surroundings=_colour(float(thumbnail.mean()) + 0.2 * self.chance.normal()),
                noise=self._noise(),
                jpeg="one encoder",
            ),
        )

    def _thumbnail(self, face: Face, light: float) -> GreyImage:
        """Shoulders before a wall, and the sensor's noise."""
        columns = np.arange(COLUMNS) - COLUMNS * face.x / FRAME_WIDTH
        width = 12.0 * face.scale
        shoulders = np.clip(width - np.abs(columns), 0.0, 1.0)[None, :] * (np.arange(ROWS) > 26)[:, None]
        drawn = light * (self.wall * (1.0 - shoulders) + 30.0 * shoulders)
        noisy = drawn + self.chance.normal(0, 0.4, THUMBNAIL_SIZE)
        return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)

    def _noise(self) -> GreyImage:
        patch = self.chance.normal(120, 4, (NOISE_SIDE, NOISE_SIDE))
        return np.asarray(patch.clip(0, 255), dtype=np.uint8)


def _colour(grey: float) -> tuple[float, float, float]:
    return round(grey, 2), round(grey, 2), round(grey, 2)


@dataclass(frozen=True)
class Sway:
    """How somebody holds still, and where: `x`, `y` in pixels and `yaw` in degrees are off the middle."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    phase: float = 0.0

    def at(self, at_ms: float, face: Face) -> Face:
        """The face as it is at rest or moves, and as it sways."""
        slow, quick = np.sin(at_ms / 520 + self.phase), np.sin(at_ms / 230 + 2 * self.phase)
        return replace(
            face,
            x=face.x + self.x + 2.5 * slow + 0.8 * quick,
            y=face.y + self.y + 1.5 * quick,
            yaw=face.yaw + self.yaw + 0.6 * slow,
            scale=face.scale * (1.0 + 0.004 * slow),
        )


SwayAt = Callable[[int, float], Sway]
"""Of the challenge's number and the milliseconds since its prompt; before, -1 and those since the beginning."""


def one_sway(_index: int, _since_ms: float) -> Sway:
    """Somebody who stays where they are."""
    return Sway()


def performance(
    room: Room,
    fps: float = 10.0,
    kinds: Sequence[ChallengeKind] = KINDS,
    reactions_ms: Sequence[int] = (620, 480, 810, 550),
    sway: SwayAt = one_sway,
    **pace: int,
) -> list[WatchedFrame]:
    """Alignment, one movement for each prompt, and rest for the still. `pace` is as in `Motion`."""
    frames: list[WatchedFrame] = []
    neutral = neutral_of([measurement(RESTING)])
    step_ms, at_ms = 1_000 / fps, 0.0
    while at_ms < ALIGN_MS:
        frames.append(room.frame(at_ms, sway(-1, at_ms).at(at_ms, RESTING)))
        at_ms += step_ms
    for index, kind in enumerate(kinds):
        asked_ms = at_ms
        motion = Motion(kind, rest_ms=reactions_ms[index % len(reactions_ms)], **pace)
        challenge = Challenge(f"c{index}", "nonce", kind, index, len(kinds), 15_000)
        # Until a frame shows the face at home again: the judge waits for it, however slowly frames come.
        while at_ms - asked_ms < motion.duration_ms + step_ms:
            since_ms = at_ms - asked_ms
            face = moved(kind, motion.share_at(since_ms), RESTING)
            frame = room.frame(at_ms, sway(index, since_ms).at(at_ms, face))
            frames.append(
                replace(
                    frame,
                    phase=CapturePhase.CHALLENGE,
                    challenge=challenge,
                    asked_ms=round(asked_ms),
                    neutral=neutral,
                )
            )
            at_ms += step_ms
    for _ in range(int(800 / step_ms)):
        frame = room.frame(at_ms, sway(len(kinds), 10_000).at(at_ms, RESTING))
        frames.append(replace(frame, phase=CapturePhase.CAPTURE, neutral=neutral))
        at_ms += step_ms
    return frames


def judged(detector: FrameDetector, frames: Sequence[WatchedFrame]) -> DetectorEvidence:
    """Evidence after all frames."""
    for frame in frames:
        detector.observe(frame)
    return detector.evidence()
