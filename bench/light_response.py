"""How plainly faces answer the light challenge: clips of real people, in light that is added to them.

Nobody in the clips sat before our screen, so its light is simulated on what the camera measured: the mean colours
of skin and surroundings grow by the screen's share of the room's light (in linear light; a face a third of a metre
from a phone in a lit room has 0.1 to 0.3, by a window 0.03). Movement, noise and the camera's own corrections are
the clips' own. Windows of five seconds in which the head stays within ten degrees count as holding still.

    python bench/light_response.py --media ../shared/media --folders video spoof/replay_video
"""

from __future__ import annotations

import argparse
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, DetectorEvidence
from app.domain.detectors.light_response import LightResponseDetector
from app.domain.face import Observation
from app.domain.frame_signals import FrameSignals
from app.domain.light import LIGHT_RGB, LightColour, LightShow, draw_light
from app.main import load_models
from bench.judge_clips import FRAMES_PER_SECOND, find_clips
from bench.labelled_movements import pictures

WINDOW_MS, STRIDE_MS = 5_000, 1_500
STILL_DEGREES = 10.0
GAMMA = 2.2
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 70]


@dataclass(frozen=True)
class Shot:
    """One frame of a clip as a session would measure it."""

    at_ms: int
    observation: Observation
    signals: FrameSignals


@dataclass(frozen=True)
class Light:
    """The screen's share of the room's light on skin and on what is behind. `is_other`: of another sequence."""

    name: str
    on_skin: float
    on_wall: float
    is_other: bool = False
    every: int = 1


LIGHTS = (
    Light("no light", 0.0, 0.0),
    Light("0.05 of the room's", 0.05, 0.0075),
    Light("0.1", 0.1, 0.015),
    Light("0.2", 0.2, 0.03),
    Light("0.2 at 5 fps", 0.2, 0.03, every=2),
    Light("0.2, a wall near behind", 0.2, 0.08),
    Light("0.4", 0.4, 0.06),
    Light("0.2, another sequence", 0.2, 0.03, is_other=True),
    Light("0.2 on a print", 0.2, 0.2),
    Light("0.4 on a print", 0.4, 0.4),
)


def main() -> None:
    options = _options()
    models = load_models(Settings.from_env(os.environ))
    landmarker, meter = LandmarkerPool(models.paths["face_landmarker"], 1), FrameSignalMeter()
    windows: list[Sequence[Shot]] = []
    try:
        for clip in sorted(path for folder in options.folders for path in find_clips(options.media / folder)):
            if clip.is_dir():
                continue
            shots = []
            for at_ms, image in pictures(clip, FRAMES_PER_SECOND):
                observation = landmarker.observe(image)
                data = cv2.imencode(".jpg", image, QUALITY)[1].tobytes()
                shots.append(Shot(at_ms, observation, meter.measure(image, data, observation)))
            windows += windows_of(shots)
    finally:
        landmarker.close()
    still = [one for one in windows if is_still(one)]
    for title, group in (("holding still", still), ("whatever they do", windows)):
        print(f"{title}: {len(group)} windows")
        for light in LIGHTS:
            print(_line(light, [watched(one, light, seed) for seed, one in enumerate(group)]), flush=True)


def windows_of(shots: Sequence[Shot]) -> Iterator[Sequence[Shot]]:
    """Stretches of five seconds with a face in most frames; of a shorter clip none."""
    for start in range(0, (shots[-1].at_ms if shots else 0) - WINDOW_MS + 1, STRIDE_MS):
        found = [one for one in shots if start <= one.at_ms < start + WINDOW_MS]
        if sum(one.signals.skin is not None for one in found) >= 0.9 * len(found):
            yield found


def is_still(window: Sequence[Shot]) -> bool:
    """Whether the head keeps its direction."""
    poses = [one.observation.face.pose for one in window if one.observation.face is not None]
    angles = np.array([(one.yaw_degrees, one.pitch_degrees) for one in poses])
    return bool(np.ptp(angles, axis=0).max() < STILL_DEGREES)


def watched(window: Sequence[Shot], light: Light, seed: int) -> DetectorEvidence:
    """What the detector makes of the window in that light, between 60 and 350 ms late."""
    chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
    show, tape = LightShow("", draw_light(chance.choice), 0), draw_light(chance.choice)
    late_ms, begun = chance.uniform(60, 350), [(0, show.lit.colour)]
    detector = LightResponseDetector()
    for shot in window[:: light.every]:
        at_ms = shot.at_ms - window[0].at_ms
        seen = sum(since <= at_ms - late_ms for since, _ in begun)
        colour = begun[seen - 1][1] if seen else LightColour.OFF
        if light.is_other and seen:
            colour = tape[min(seen, len(tape)) - 1]
        detector.observe(_frame(shot, at_ms, show, light, colour))
        if show.is_due(at_ms):
            if show.advance(at_ms) is None:
                break
            begun.append((at_ms, show.lit.colour))
    return detector.evidence()


def _frame(shot: Shot, at_ms: int, show: LightShow, light: Light, colour: LightColour) -> WatchedFrame:
    red, green, blue = LIGHT_RGB.get(colour, (0, 0, 0))
    shares = [(one / 255) ** GAMMA for one in (blue, green, red)]

    def lit(own: Sequence[float], share: float) -> tuple[float, float, float]:
        pairs = zip(own, shares, strict=True)
        one, two, three = (min(255.0, value * (1 + share * part) ** (1 / GAMMA)) for value, part in pairs)
        return one, two, three

    own = shot.signals
    skin = None if own.skin is None else lit(own.skin, light.on_skin)
    signals = FrameSignals(
        own.digest,
        own.fingerprint,
        own.thumbnail,
        own.texture,
        skin,
        lit(own.surroundings, light.on_wall),
        own.noise,
        own.jpeg,
    )
    return WatchedFrame(
        at_ms, float(at_ms), CapturePhase.LIGHT, None, None, None, shot.observation, signals, show.lit
    )


def _line(light: Light, found: Sequence[DetectorEvidence]) -> str:
    measured = [one.measured for one in found if "correlation" in one.measured]
    correlation = np.quantile([one["correlation"] for one in measured], [0, 0.05, 0.5, 0.95, 1])
    amplitude = np.quantile([one["amplitude"] for one in measured], [0.05, 0.5, 0.95])
    ends = Counter(_end_of(one) for one in found)
    return (
        f"  {light.name:26} correlation {' '.join(f'{one:6.2f}' for one in correlation)}"
        f"  amplitude {' '.join(f'{one:7.4f}' for one in amplitude)}"
        f"  passed {ends['passed']:3} no response {ends['none']:3} attack {ends['attack']:3}"
    )


def _end_of(found: DetectorEvidence) -> str:
    if found.score is None:
        return "none"
    return "passed" if found.score >= LIMIT_SCORE else "attack"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--folders", nargs="+", default=["video", "spoof/replay_video"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
