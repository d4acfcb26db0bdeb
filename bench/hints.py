"""Whether a hint names the true cause: good frames are spoilt in one way at a time, slightly, clearly, strongly.

    python -m bench.hints --media ../shared/media

Good frames: of the clips of living people, between the labelled movements (bench/labels), and NUAA's live
recordings by webcams. They show how often an unspoilt frame gets a hint. Those without one are spoilt, and the
hints counted; closed eyes, open mouths, smiles and turned heads are no simulation but the apexes that are
labelled. A last table asks whether the frame that `still_quality` would choose is a good probe: its comparison
score with the clip's first good frame against that of the median frame.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.face import BgrImage, Observation
from app.domain.quality import HintCode, QualityLimits, alignment_hint
from app.main import load_models
from bench.labelled_movements import FULL, SCREEN, Label, pictures, read_labels
from bench.probe_choice import print_probe_choice
from bench.spoiling import CAUSES, Spoil

LABELS = Path(__file__).parent / "labels" / "dev_movements.csv"
CLIPS = ("video", "spoof/replay_video")
NUAA = "spoof/nuaa/dev/live"
FRAMES_A_CLIP, FRAMES_A_RECORDING = 6, 4
REST_MARGIN_S = 0.3
NONE = "–"
LIMITS = QualityLimits()
Item = TypeVar("Item")

PERFORMED = {
    "turn_left": HintCode.LOOK_STRAIGHT,
    "turn_right": HintCode.LOOK_STRAIGHT,
    "look_up": HintCode.LOOK_STRAIGHT,
    "look_down": HintCode.LOOK_STRAIGHT,
    "tilt": HintCode.LOOK_STRAIGHT,
    "blink": HintCode.EYES_NOT_VISIBLE,
    "smile": HintCode.RELAX_FACE,
    "open_mouth": HintCode.RELAX_FACE,
}
"""What a frame at the apex of a labelled movement must be told."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame in the size of the stream, what it is of, and what the landmarker sees in it."""

    source: str
    image: BgrImage
    observation: Observation


def main() -> None:
    options = _options()
    models = load_models(Settings.from_env(os.environ))
    landmarker = LandmarkerPool(models.paths["face_landmarker"], 1)
    try:
        frames = list(resting_frames(options.media, options.labels, landmarker))
        good = print_unspoilt(frames)
        print_performed(apexes(options.media, options.labels, landmarker))
        print_confusion(good, landmarker)
        print_probe_choice((clip for clip, _ in labelled_clips(options.media, options.labels)), landmarker)
    finally:
        landmarker.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder that holds video, spoof and faces")
    parser.add_argument("--labels", type=Path, default=LABELS)
    return parser.parse_args()


def labelled_clips(media: Path, labels: Path) -> Iterator[tuple[Path, Sequence[Label]]]:
    """Clips of living people that are labelled and near enough."""
    by_clip = read_labels(labels)
    for folder in CLIPS:
        for clip in sorted((media / folder).rglob("*")):
            rows = by_clip.get(clip.stem)
            if rows and clip.is_file() and not rows[0].conditions & {SCREEN, "far"}:
                yield clip, rows


def resting_frames(media: Path, labels: Path, landmarker: LandmarkerPool) -> Iterator[Frame]:
    """A few frames of each clip outside its labels, and of each of NUAA's live recordings."""
    for clip, rows in labelled_clips(media, labels):
        resting = [
            image
            for at_ms, image in pictures(clip)
            if not any(row.begin_s - REST_MARGIN_S < at_ms / 1_000 < row.end_s + REST_MARGIN_S for row in rows)
        ]
        for image in _spread(resting, FRAMES_A_CLIP):
            yield Frame(clip.stem, image, landmarker.observe(image))
    for recording in sorted((media / NUAA).iterdir()):
        for path in _spread(sorted(recording.glob("*.jpg")), FRAMES_A_RECORDING):
            image = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
            yield Frame(f"nuaa {recording.name}", image, landmarker.observe(image))


def _spread(items: Sequence[Item], number: int) -> Sequence[Item]:
    places = sorted({round(place) for place in np.linspace(0, len(items) - 1, number)}) if items else []
    return [items[place] for place in places]


def apexes(media: Path, labels: Path, landmarker: LandmarkerPool) -> Iterator[tuple[str, Frame]]:
    """The frame at the apex of each full movement, with its kind."""
    for clip, rows in labelled_clips(media, labels):
        wanted = [row for row in rows if row.form == FULL and row.kind in PERFORMED]
        if not wanted:
            continue
        frames = list(pictures(clip))
        for row in wanted:
            _, image = min(frames, key=lambda frame: abs(frame[0] - row.apex_s * 1_000))
            yield row.kind, Frame(clip.stem, image, landmarker.observe(image))


def hint_of(observation: Observation) -> str:
    """The hint's code, or a dash."""
    hint = alignment_hint(observation, LIMITS)
    return NONE if hint is None else hint.code.value


def print_unspoilt(frames: Sequence[Frame]) -> Sequence[Frame]:
    """How often a frame as it is gets a hint; gives those without one."""
    hints = Counter(hint_of(frame.observation) for frame in frames)
    told = [
        f"{frame.source}: {hint_of(frame.observation)}" for frame in frames if hint_of(frame.observation) != NONE
    ]
    people = len({frame.source for frame in frames})
    print(f"unspoilt: {len(frames)} frames of {people} recordings, {hints[NONE]} without a hint")
    for line, count in sorted(Counter(told).items()):
        print(f"  {line} ({count})")
    return [frame for frame in frames if hint_of(frame.observation) == NONE]


def print_performed(found: Iterator[tuple[str, Frame]]) -> None:
    """Labelled apexes: what is told."""
    table: dict[str, Counter[str]] = {}
    for kind, frame in found:
        table.setdefault(kind, Counter())[hint_of(frame.observation)] += 1
    print("\nat the apex of labelled movements")
    for kind, hints in table.items():
        right, total = hints[PERFORMED[kind].value], hints.total()
        true = PERFORMED[kind].value
        print(f"  {kind:<12}{true:<18}{right:>4} of {total:<4}{_others(hints, true)}")


def print_confusion(good: Sequence[Frame], landmarker: LandmarkerPool) -> None:
    """Cause by strength: the share that is told the true cause, and what else is told."""
    print(f"\n{len(good)} good frames, spoilt")
    print(f"  {'cause':<22}{'true hint':<18} slight  clear strong   else at clear strength")
    for cause, spoil in CAUSES.items():
        hints = [_hints_when_spoilt(good, spoil, strength, landmarker) for strength in range(3)]
        shares = [f"{counts[spoil.hint.value] / max(1, counts.total()):>7.0%}" for counts in hints]
        print(
            f"  {cause:<22}{spoil.hint.value:<18}{''.join(shares)}   {_others(hints[1], spoil.hint.value)}",
            flush=True,
        )


def _hints_when_spoilt(
    good: Sequence[Frame], spoil: Spoil, strength: int, landmarker: LandmarkerPool
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for frame in good:
        spoilt = spoil.make(frame.image, frame.observation, spoil.strengths[strength])
        if spoilt is not None:
            counts[hint_of(landmarker.observe(spoilt))] += 1
    return counts


def _others(hints: Mapping[str, int], true: str) -> str:
    return ", ".join(
        f"{code} {count}" for code, count in sorted(hints.items(), key=lambda item: -item[1]) if code != true
    )


if __name__ == "__main__":
    main()
