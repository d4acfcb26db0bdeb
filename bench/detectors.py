"""What SHAPE, TEXTURE and MICRO_MOTION measure on real clips, and on attack instruments made of their pictures.

Each clip is looked at once, ten frames a second: its first frames that alignment accepts are the alignment, each
other frame stands in the challenge whose movement it shows furthest. Of each clip a print, a bent print, a cut-out
mask and a puppet are made from one resting frame, and drawn through every movement with a camera's noise. So the
raw measures and the scores of both stand side by side.

    python bench/detectors.py --media ../shared/media
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.micro_motion import MicroMotionDetector
from app.domain.detectors.shape import ShapeDetector
from app.domain.detectors.texture import TextureDetector
from app.domain.face import BgrImage, FaceMeasurement, Observation
from app.domain.liveness import LIMITS, Neutral, movement, neutral_of
from app.domain.quality import QualityLimits, alignment_hint
from app.domain.watch import AttemptWatch
from app.main import load_models
from app.simulation.clips import camera_size, find_clips, fit, open_clip
from bench.pad.instruments import INSTRUMENTS, Acting, acting_for, camera_noise

ALIGNED_FRAMES = 10
FRAMES_PER_SECOND = 10.0
FRAME_MS = 100
SIZE = (480, 640)
SHARES = (0.3, 0.55, 0.7, 0.85, 1.0, 1.0)
"""How far the instruments go, frame by frame."""

PAGE_QUALITY = 80
FACE_PX_MIN = 70.0
KINDS = (
    ChallengeKind.TURN_LEFT,
    ChallengeKind.TURN_RIGHT,
    ChallengeKind.LOOK_UP,
    ChallengeKind.LOOK_DOWN,
    ChallengeKind.SMILE,
    ChallengeKind.OPEN_MOUTH,
)


@dataclass(frozen=True)
class Shot:
    """One frame as the server has it: decoded, the bytes it came in, and what the landmarker sees.

    `asked` is the movement an instrument was moved for, None for a clip's frames.
    """

    image: BgrImage
    data: bytes
    observation: Observation
    asked: ChallengeKind | None = None

    @property
    def face(self) -> FaceMeasurement | None:
        return self.observation.face


class Studio:
    """Looks at pictures as a server does, after a page's JPEG."""

    def __init__(self, landmarker: LandmarkerPool) -> None:
        self._landmarker = landmarker

    def shot(self, image: BgrImage) -> Shot:
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, PAGE_QUALITY])[1]
        decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)
        return Shot(decoded, bytes(encoded.tobytes()), self._landmarker.observe(decoded))


def main() -> None:
    options = _options()
    models = load_models(Settings.from_env(os.environ))
    landmarker = LandmarkerPool(models.paths["face_landmarker"], 1)
    studio = Studio(landmarker)
    try:
        for clip in sorted(path for folder in options.folders for path in find_clips(options.media / folder)):
            if not options.clips or clip.stem in options.clips:
                _print_clip(clip, studio, options.instruments)
    finally:
        landmarker.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder that holds the folders of clips")
    parser.add_argument("--folders", nargs="*", default=["video", "spoof/replay_video"])
    parser.add_argument("--clips", nargs="*", help="names of clips; all of them unless given")
    parser.add_argument("--instruments", nargs="*", default=list(INSTRUMENTS), choices=list(INSTRUMENTS))
    return parser.parse_args()


def _print_clip(clip: Path, studio: Studio, instruments: Sequence[str]) -> None:
    shots = [studio.shot(fit(image, *camera_size(image))) for image in open_clip(clip, FRAMES_PER_SECOND)[1]]
    resting = resting_shots(shots)
    print(clip.stem)
    if not resting:
        print("  nobody rests")
        return
    _print_evidence("live", evidence(shots, resting))
    for name in instruments:
        copied = played(name, resting[len(resting) // 2], studio)
        if copied:
            _print_evidence(name, evidence(copied, copied[:ALIGNED_FRAMES]))


def played(name: str, portrait: Shot, studio: Studio) -> Sequence[Shot]:
    """An instrument made of one frame, at rest and then through every movement; nothing without a face."""
    if portrait.face is None:
        return ()
    instrument = INSTRUMENTS[name](portrait.image, portrait.face.landmarks, SIZE)
    return [
        replace(studio.shot(camera_noise(instrument.render(acting), number)), asked=kind)
        for number, (kind, acting) in enumerate(_script())
    ]


def _script() -> Iterator[tuple[ChallengeKind | None, Acting]]:
    yield from [(None, Acting())] * ALIGNED_FRAMES
    for kind in KINDS:
        yield from ((kind, acting_for(kind, share)) for share in SHARES)
        yield kind, Acting()


def resting_shots(shots: Sequence[Shot]) -> Sequence[Shot]:
    """The first frames that alignment accepts, of a face that is large enough."""
    good = [
        shot
        for shot in shots
        if shot.face
        and shot.face.box.width >= FACE_PX_MIN
        and (alignment_hint(shot.observation, QualityLimits()) is None or _is_frontal(shot.face))
    ]
    return good[:ALIGNED_FRAMES]


def _is_frontal(face: FaceMeasurement) -> bool:
    """What alignment asks of the face itself, wherever it stands in the picture."""
    pose, expression = face.pose, face.expression
    return (
        abs(pose.yaw_degrees) < 12
        and abs(pose.pitch_degrees) < 16
        and expression.eyes_closed < 0.45
        and expression.smile < 0.4
        and expression.jaw_open < 0.25
    )


def evidence(shots: Sequence[Shot], resting: Sequence[Shot]) -> Sequence[DetectorEvidence]:
    """What the detectors say of an attempt that shows these frames, each in the challenge it shows most of."""
    neutral = neutral_of([shot.face for shot in resting if shot.face])
    watch = AttemptWatch([ShapeDetector(), TextureDetector(), MicroMotionDetector()])
    meter = FrameSignalMeter()
    aligned = [(shot, CapturePhase.ALIGN, None) for shot in resting]
    moving = [(shot, CapturePhase.CHALLENGE, _shown(shot, neutral)) for shot in shots if shot.face]
    for number, (shot, phase, challenge) in enumerate([*aligned, *moving]):
        watch.observe(
            WatchedFrame(
                at_ms=number * FRAME_MS,
                captured_at_ms=float(number * FRAME_MS),
                phase=phase,
                challenge=challenge,
                asked_ms=None if challenge is None else 0,
                neutral=None if challenge is None else neutral,
                observation=shot.observation,
                signals=meter.measure(shot.image, shot.data, shot.observation),
            )
        )
    return watch.evidence()


def _shown(shot: Shot, neutral: Neutral) -> Challenge:
    """The challenge that was asked, else the one whose movement this frame shows furthest."""
    shares = {kind: movement(kind, shot.face, neutral) / LIMITS[kind].required for kind in KINDS if shot.face}
    kind = shot.asked or max(shares, key=lambda one: shares[one])
    return Challenge(kind.value, "", kind, 0, len(KINDS), 15_000)


def _print_evidence(name: str, found: Sequence[DetectorEvidence]) -> None:
    print(f"  {name}")
    for one in found:
        score = "–" if one.score is None else f"{one.score:.0f}"
        print(f"    {one.detector.value:<12} {score:>4}  {one.reason:<14} {_figures(one.measured)}", flush=True)


def _figures(measured: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in measured.items())


if __name__ == "__main__":
    main()
