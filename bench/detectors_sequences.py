"""What TRACK, TIMING, PHOTOMETRY and INJECTION make of real clips, of splices of them, and of scripts.

Clips are looked at as a session would, and played as they are, or cut by somebody who sees the prompts: from
wherever the tape stands to shortly before the take that is asked for, afterwards back to rest or on from there.
Where a clip shows no movement at all, rest stands for the takes.

    python bench/detectors_sequences.py --media ../shared/media --fps 5 7.5 10 15 --cost
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.detection import FrameDetector, WatchedFrame
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.attempt import new_watch
from app.domain.detectors.injection import InjectionDetector
from app.domain.detectors.photometry import PhotometryDetector
from app.domain.detectors.timing import TimingDetector
from app.domain.detectors.track import TrackDetector, could_hide_cuts
from app.domain.face import BgrImage, Observation
from app.domain.frame_signals import FrameSignals
from app.domain.liveness import LIMITS, Neutral, movement, neutral_of
from app.domain.watch import AttemptWatch
from app.main import load_models

SUFFIXES = {".mp4", ".mpg"}
LONG_SIDE, SHORT_SIDE = 640, 480
PAGE_QUALITY = 80
NEUTRAL_FRAMES = 10
ALIGNED_MS = 1_200
NETWORK_MS = 8.0
CHALLENGES = 4
HUMAN_REACTION_MS = (350.0, 1_000.0)
CUTTER_REACTION_MS = (200.0, 800.0)
"""Who only presses a button is quicker than who moves the head."""

BEFORE_ONSET_MS = 500.0
"""A cutter goes up to so far before the take's onset."""

DETECTORS: Mapping[str, Callable[[], FrameDetector]] = {
    "track": TrackDetector,
    "timing": TimingDetector,
    "photometry": PhotometryDetector,
    "injection": InjectionDetector,
}


@dataclass(frozen=True)
class Seen:
    """One frame of a clip: when, what the landmarker sees in it, and its signals."""

    at_ms: int
    observation: Observation
    signals: FrameSignals


@dataclass(frozen=True)
class Take:
    """A movement in a clip: places of its first frame beyond onset, and of the one that is home again."""

    kind: ChallengeKind
    onset: int
    home: int


@dataclass(frozen=True)
class Shown:
    """One frame as it is shown to a session, and which prompt stands: None during alignment, -1 for the still."""

    at_ms: float
    place: int
    prompt: int | None


@dataclass(frozen=True)
class Sitting:
    """What is shown, and what was asked: kind and time of each prompt."""

    frames: Sequence[Shown]
    asked: Sequence[tuple[ChallengeKind, float]]


def main() -> None:
    options = _options()
    models = load_models(Settings.from_env(os.environ))
    landmarker = LandmarkerPool(models.paths["face_landmarker"], 1)
    clips = sorted(p for d in options.folders for p in (options.media / d).rglob("*") if p.suffix in SUFFIXES)
    try:
        for fps in options.fps:
            seen = {clip.stem: watch(clip, landmarker, fps) for clip in clips}
            _report(fps, seen, options.tries, options.left_out)
        if options.cost:
            _cost(clips, landmarker)
    finally:
        landmarker.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--folders", nargs="*", default=["video", "spoof/replay_video"])
    parser.add_argument("--fps", nargs="*", type=float, default=[10.0])
    parser.add_argument("--tries", type=int, default=6, help="splices of each clip")
    parser.add_argument("--cost", action="store_true", help="CPU time a frame, against the landmarker's")
    # Cuts of their own, no near face, or no camera but a screen before it.
    parser.add_argument("--left-out", nargs="*", default=["hamilton", "crowd", "alp_d1"])
    return parser.parse_args()


def images(clip: Path, fps: float) -> Iterator[tuple[int, BgrImage]]:
    """Frames at `fps` or just below it, in the size that the page streams."""
    video = cv2.VideoCapture(str(clip))
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    number, due_ms = 0, 0.0
    while video.grab():
        at_ms = 1_000.0 * number / rate
        if at_ms >= due_ms - 500.0 / rate:
            image = np.asarray(video.retrieve()[1], dtype=np.uint8)
            scale = min(LONG_SIDE / max(image.shape[:2]), SHORT_SIDE / min(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            yield round(at_ms), np.asarray(small, dtype=np.uint8)
            due_ms = max(due_ms + 1_000.0 / fps, at_ms)
        number += 1
    video.release()


def watch(clip: Path, landmarker: LandmarkerPool, fps: float) -> Sequence[Seen]:
    """All frames of a clip with a face, as JPEG would bring them."""
    meter, seen = FrameSignalMeter(), []
    for at_ms, image in images(clip, fps):
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, PAGE_QUALITY])[1].tobytes()
        decoded = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)
        observation = landmarker.observe(decoded)
        if observation.face is not None:
            seen.append(Seen(at_ms, observation, meter.measure(decoded, data, observation)))
    return seen


def neutral_face(seen: Sequence[Seen]) -> Neutral:
    """Of the first second of a clip."""
    return neutral_of([one.observation.face for one in seen[:NEUTRAL_FRAMES] if one.observation.face])


def takes(seen: Sequence[Seen], neutral: Neutral) -> Sequence[Take]:
    """Every movement that goes far enough and comes home, in the order of kinds."""
    found = []
    for kind, limits in LIMITS.items():
        values = [movement(kind, one.observation.face, neutral) for one in seen if one.observation.face]
        onset, is_far = None, False
        for place, value in enumerate(values):
            onset = place if onset is None and value >= limits.onset else onset
            is_far = onset is not None and (is_far or value >= limits.required)
            if onset is not None and value <= limits.home and place > onset:
                found += [Take(kind, onset, place)] if is_far else []
                onset, is_far = None, False
    return found


def as_it_is(seen: Sequence[Seen], chance: random.Random) -> Sitting:
    """The clip without a cut; prompts before its movements, or where it shows too few of them at random."""
    found = sorted(takes(seen, neutral_face(seen)), key=lambda take: take.onset)
    asked = [(take.kind, seen[take.onset].at_ms - chance.uniform(*HUMAN_REACTION_MS)) for take in found]
    if len(asked) < CHALLENGES:
        span = seen[0].at_ms + ALIGNED_MS, seen[-1].at_ms
        asked = [(chance.choice(list(ChallengeKind)), chance.uniform(*span)) for _ in range(CHALLENGES)]
    asked.sort(key=lambda one: one[1])
    frames = []
    for place, one in enumerate(seen):
        standing = [index for index, (_, at_ms) in enumerate(asked) if at_ms <= one.at_ms]
        frames.append(Shown(one.at_ms, place, standing[-1] if standing else None))
    return Sitting(frames, asked)


def spliced(seen: Sequence[Seen], chance: random.Random) -> Sitting:
    """The clip on a cutting desk: the right take after each prompt, cut from wherever the tape stands."""
    neutral, step_ms = neutral_face(seen), float(np.median(np.diff([one.at_ms for one in seen])))
    found = takes(seen, neutral)
    kinds = sorted({take.kind for take in found})
    rest = [place for place in range(2, len(seen) - 3) if _is_rest(seen[place], neutral)] or [0]
    tape = _Tape(len(seen), chance.choice(rest), step_ms, rest, chance)
    tape.play(ALIGNED_MS)
    asked: list[tuple[ChallengeKind, float]] = []
    for index in range(CHALLENGES):
        before = asked[-1][0] if asked else None
        kind = chance.choice([one for one in kinds if one is not before] or list(ChallengeKind))
        asked.append((kind, tape.at_ms))
        tape.prompt = index
        tape.play(chance.uniform(*CUTTER_REACTION_MS))
        fitting = [take for take in found if take.kind is kind]
        if fitting:
            take = chance.choice(fitting)
            tape.cut(max(0, take.onset - int(chance.uniform(0.0, BEFORE_ONSET_MS) / step_ms)))
            tape.play((take.home - tape.place + 1) * step_ms)
        else:
            tape.cut(chance.choice(rest))
            tape.play(chance.uniform(1_000.0, 2_500.0))
        if chance.random() < 0.5:
            tape.cut(chance.choice(rest))
    tape.prompt = -1
    tape.play(800.0)
    return Sitting(tape.shown, asked)


class _Tape:
    """What a cutter plays; at its end it begins somewhere at rest."""

    def __init__(
        self, length: int, place: int, step_ms: float, rest: Sequence[int], chance: random.Random
    ) -> None:
        self.place, self.at_ms, self.prompt = place, 0.0, None
        self.shown: list[Shown] = []
        self._length, self._step_ms, self._rest, self._chance = length, step_ms, rest, chance

    place: int
    at_ms: float
    prompt: int | None

    def cut(self, place: int) -> None:
        self.place = place

    def play(self, lasting_ms: float) -> None:
        for _ in range(max(1, int(lasting_ms / self._step_ms))):
            self.shown.append(Shown(self.at_ms, self.place, self.prompt))
            self.at_ms += self._step_ms
            self.place = self.place + 1 if self.place + 1 < self._length else self._chance.choice(self._rest)


def _is_rest(one: Seen, neutral: Neutral) -> bool:
    face = one.observation.face
    return face is not None and all(
        movement(kind, face, neutral) <= limits.home for kind, limits in LIMITS.items()
    )


def with_gaps(sitting: Sitting, share: float, chance: random.Random) -> Sitting:
    """Some frames did not come."""
    return replace(sitting, frames=[one for one in sitting.frames if chance.random() >= share])


def joined(first: Sitting, second: Sitting, offset: int, chance: random.Random) -> Sitting:
    """Somebody else takes over in the middle; the other clip's places begin at `offset`."""
    cut = chance.randrange(len(first.frames) // 4, 3 * len(first.frames) // 4)
    at_ms, prompt = first.frames[cut].at_ms, first.frames[cut].prompt
    taken = second.frames[len(second.frames) // 3 :]
    begins_ms = taken[0].at_ms
    others = [Shown(at_ms + one.at_ms - begins_ms, one.place + offset, prompt) for one in taken]
    return Sitting([*first.frames[:cut], *others], first.asked)


def watched(seen: Sequence[Seen], sitting: Sitting, neutral: Neutral) -> Iterator[WatchedFrame]:
    """The frames as detectors get them, over a network that takes its time."""
    chance = random.Random(len(sitting.frames))  # noqa: S311 (reproducible on purpose)
    for one in sitting.frames:
        index = one.prompt if one.prompt is not None and one.prompt >= 0 else None
        challenge = asked_ms = None
        if index is not None:
            kind, at_ms = sitting.asked[index]
            asked_ms = round(at_ms)
            challenge = Challenge(str(index), "", kind, index, len(sitting.asked), 15_000)
        phase = CapturePhase.ALIGN if one.prompt is None else CapturePhase.CHALLENGE
        yield WatchedFrame(
            at_ms=round(one.at_ms + chance.uniform(0.0, NETWORK_MS)),
            captured_at_ms=one.at_ms,
            phase=CapturePhase.CAPTURE if one.prompt == -1 else phase,
            challenge=challenge,
            asked_ms=asked_ms,
            neutral=None if one.prompt is None else neutral,
            observation=seen[one.place].observation,
            signals=seen[one.place].signals,
        )


def evidence_of(seen: Sequence[Seen], sitting: Sitting) -> Mapping[str, DetectorEvidence]:
    """What each of the four detectors says."""
    detectors = {name: make() for name, make in DETECTORS.items()}
    for frame in watched(seen, sitting, neutral_face(seen)):
        for detector in detectors.values():
            detector.observe(frame)
    return {name: detector.evidence() for name, detector in detectors.items()}


def _report(fps: float, clips: Mapping[str, Sequence[Seen]], tries: int, left_out: Sequence[str]) -> None:
    chance = random.Random(20_261_122)  # noqa: S311 (reproducible on purpose)
    groups: dict[str, list[tuple[str, Mapping[str, DetectorEvidence]]]] = {}

    def add(group: str, name: str, seen: Sequence[Seen], sitting: Sitting) -> None:
        groups.setdefault(group, []).append((name, evidence_of(seen, sitting)))

    usable = {name: seen for name, seen in clips.items() if len(seen) >= 30 and name not in left_out}
    for number, (name, seen) in enumerate(usable.items()):
        is_live = "replay" not in name
        for share in (0.0, 0.15):
            live = with_gaps(as_it_is(seen, chance), share, chance)
            add("clip as it is" if is_live else "screen replay as it is", name, seen, live)
        if not is_live:
            continue
        is_rich = len({take.kind for take in takes(seen, neutral_face(seen))}) >= CHALLENGES
        for _ in range(4 * tries if is_rich else tries):
            sitting = spliced(seen, chance)
            add("spliced, four kinds" if is_rich else "spliced, fewer kinds", name, seen, sitting)
            add("spliced, frames dropped", name, seen, with_gaps(sitting, 0.15, chance))
        other = list(usable.values())[(number + 1) % len(usable)]
        swap = joined(as_it_is(seen, chance), as_it_is(other, chance), len(seen), chance)
        add("swapped", name, [*seen, *other], swap)
    for group, found in groups.items():
        for name in DETECTORS:
            _print(fps, group, name, [(clip, evidence[name]) for clip, evidence in found])


def _print(fps: float, group: str, name: str, found: Sequence[tuple[str, DetectorEvidence]]) -> None:
    scored = sorted(((one.score, clip) for clip, one in found if one.score is not None))
    if not scored:
        return
    scores = [score for score, _ in scored]
    low, high = (f"{score:.0f} ({clip})" for score, clip in (scored[0], scored[-1]))
    refused = {limit: sum(score < limit for score in scores) for limit in (50, 60)}
    open_ = sum(one.score is not None and one.score >= 50 and could_hide_cuts([one]) for _, one in found)
    print(
        f"{fps:4} fps  {name:<10} {group:<24} n {len(scores):>3}"
        f"  below 50: {refused[50]:>3}  below 60: {refused[60]:>3}  left open: {open_:>3}"
        f"  least {low:<24} median {np.median(scores):3.0f}  greatest {high}"
    )


def _cost(clips: Sequence[Path], landmarker: LandmarkerPool) -> None:
    """CPU time a frame of the landmarker, of the signals, and of all detectors of an attempt."""
    meter, watch_all = FrameSignalMeter(), new_watch()
    mine = AttemptWatch([make() for make in DETECTORS.values()])
    spent = {"landmarker": 0.0, "signals": 0.0, "all detectors": 0.0, "these four": 0.0}
    count = 0
    for _, image in (pair for clip in clips[-3:] for pair in images(clip, 10.0)):
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, PAGE_QUALITY])[1].tobytes()
        began = time.process_time()
        observation = landmarker.observe(image)
        spent["landmarker"] += time.process_time() - began
        began = time.process_time()
        signals = meter.measure(image, data, observation)
        spent["signals"] += time.process_time() - began
        neutral = neutral_of([observation.face]) if observation.face else None
        challenge = Challenge(str(count // 30), "", ChallengeKind.TURN_LEFT, count // 30, 4, 15_000)
        at_ms = 100 * count
        frame = WatchedFrame(
            at_ms, at_ms, CapturePhase.CHALLENGE, challenge, 3_000 * (count // 30), neutral, observation, signals
        )
        for name, one in (("all detectors", watch_all), ("these four", mine)):
            began = time.process_time()
            one.observe(frame)
            spent[name] += time.process_time() - began
        count += 1
    for name, seconds in spent.items():
        share = f"{seconds / spent['landmarker']:.1%} of the landmarker"
        print(f"{name:<14} {1_000 * seconds / count:6.2f} ms a frame, {share}")


if __name__ == "__main__":
    main()
