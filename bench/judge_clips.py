"""What the judges see in clips: the movements they find, when, and how far; and what passive PAD makes of them.

Each clip is looked at like a session's frames, ten a second. Neutral is the median of its first second of
frames that alignment accepts. Then every judge watches the whole clip and begins anew after each verdict.

    python -m bench.judge_clips --media ../shared/media --folders video spoof --out var/clips.json
    python -m bench.judge_clips --media ../shared/media --labels bench/labels/dev_movements.csv

A folder of single frames counts as a clip too; only its passive score means anything. Settings choose the
models: BONAFIDE_MODELS_DIR, BONAFIDE_MODEL_OVERRIDE_<ID>.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.passive_pad import PAD_MODELS, PassivePadModels
from app.config import Settings
from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, Observation
from app.domain.liveness import ChallengeJudge, Neutral, neutral_of
from app.domain.policy import fuse_passive
from app.domain.quality import Hint, QualityLimits, alignment_hint
from app.domain.verdict import ChallengeOutcome
from app.main import load_models
from bench.labelled_movements import pictures, read_labels
from bench.labelled_report import print_labelled

FRAMES_PER_SECOND = 10
NEUTRAL_FRAMES = 10
PASSIVE_EVERY = 3
SUFFIXES = {".mp4", ".mpg", ".avi", ".webm", ".gif"}
NO_LIMIT_MS = 10**9


@dataclass(frozen=True)
class SeenFrame:
    """One frame as a session would see it; `passive` where passive PAD was asked."""

    at_ms: int
    observation: Observation
    hint: Hint | None
    passive: Mapping[str, float]


def main() -> None:
    options = _options()
    if options.labels:
        print_labelled(options.media, options.folders, read_labels(options.labels), _open_landmarker())
        return
    models = load_models(Settings.from_env(os.environ))
    landmarker = LandmarkerPool(models.paths["face_landmarker"], 1)
    pad = PassivePadModels(
        {m.model_id: models.paths[m.model_id] for m in PAD_MODELS if m.model_id in models.paths}
    )
    reports = {}
    try:
        for clip in sorted(path for folder in options.folders for path in find_clips(options.media / folder)):
            report = judge_clip(watch(clip, landmarker, pad))
            reports[str(clip.relative_to(options.media))] = report
            print(_line(clip, report), flush=True)
    finally:
        landmarker.close()
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(reports, indent=2) + "\n", encoding="utf-8")


def _open_landmarker() -> LandmarkerPool:
    return LandmarkerPool(load_models(Settings.from_env(os.environ)).paths["face_landmarker"], 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder that holds the folders of clips")
    parser.add_argument("--folders", nargs="*", default=["video", "spoof/replay_video"])
    parser.add_argument("--labels", type=Path, help="judge against these labels instead (bench/labels)")
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser.parse_args()


def find_clips(folder: Path) -> Iterator[Path]:
    """Video files, and folders that hold single frames."""
    for path in folder.rglob("*"):
        if path.suffix in SUFFIXES or (path.is_dir() and any(path.glob("*.jpg"))):
            yield path


def watch(clip: Path, landmarker: LandmarkerPool, pad: PassivePadModels) -> Sequence[SeenFrame]:
    """All frames of a clip, observed; passive PAD looks at every third that alignment accepts."""
    frames, limits, good = [], QualityLimits(), 0
    is_folder = clip.is_dir()
    for at_ms, image in _pictures(clip) if is_folder else pictures(clip, FRAMES_PER_SECOND):
        observation = landmarker.observe(image)
        hint = alignment_hint(observation, limits)
        passive: Mapping[str, float] = {}
        if hint is None and observation.face is not None:
            if is_folder or good % PASSIVE_EVERY == 0:
                passive = pad.score(image, observation.face.box)
            good += 1
        frames.append(SeenFrame(at_ms, observation, hint, passive))
    return frames


def _pictures(folder: Path) -> Iterator[tuple[int, BgrImage]]:
    """Single frames, as if they followed each other."""
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        yield 1_000 * number // FRAMES_PER_SECOND, np.asarray(cv2.imread(str(path)), dtype=np.uint8)


def judge_clip(frames: Sequence[SeenFrame]) -> dict[str, object]:
    """Movements by kind, the fused passive score, and how many frames alignment accepts."""
    good = [frame.observation.face for frame in frames if frame.hint is None and frame.observation.face]
    passive = fuse_passive([frame.passive for frame in frames if frame.passive])
    report: dict[str, object] = {
        "seconds": frames[-1].at_ms / 1_000 if frames else 0,
        "frames": len(frames),
        "accepted": len(good),
        "passive": passive.score,
    }
    if good:
        neutral = neutral_of(good[:NEUTRAL_FRAMES])
        report["movements"] = {kind.value: movements(kind, frames, neutral) for kind in ChallengeKind}
    return report


def movements(kind: ChallengeKind, frames: Sequence[SeenFrame], neutral: Neutral) -> Sequence[Mapping[str, float]]:
    """Every pass of this judge: seconds of onset, apex and return, and the measured peak."""
    found, limits = [], QualityLimits()
    judge, began_ms = ChallengeJudge(kind, neutral, NO_LIMIT_MS, limits), 0
    for frame in frames:
        outcome = judge.observe(frame.observation, frame.at_ms - began_ms).outcome
        if outcome is ChallengeOutcome.PASSED:
            times = {"onset": judge.onset_ms, "apex": judge.apex_ms, "return": judge.return_ms}
            seconds = {name: round((began_ms + (ms or 0)) / 1_000, 1) for name, ms in times.items()}
            found.append({**seconds, "peak": round(judge.peak or 0.0, 2)})
        if outcome is not None:
            judge, began_ms = ChallengeJudge(kind, neutral, NO_LIMIT_MS, limits), frame.at_ms
    return found


def _line(clip: Path, report: Mapping[str, object]) -> str:
    found = report.get("movements")
    parts = []
    if isinstance(found, dict):
        for kind, passes in found.items():
            spans = ", ".join(f"{one['onset']}–{one['return']} s ({one['peak']})" for one in passes)
            parts += [f"{kind} {spans}"] if spans else []
    passive = "–" if report["passive"] is None else f"{report['passive']:.0f}"
    accepted = f"{report['accepted']}/{report['frames']}"
    found_text = "; ".join(parts) or "no movement found"
    return f"{clip.parent.name}/{clip.stem:<20} accepted {accepted:<8} passive {passive:<4} {found_text}"


if __name__ == "__main__":
    main()
