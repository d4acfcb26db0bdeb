"""The tables of `judge_clips --labels`: detected, missed and false by kind, rate and condition; natural blinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, FaceMeasurement
from app.domain.quality import QualityLimits, alignment_hint
from bench.labelled_movements import (
    FRAME_RATES,
    PHASES,
    SCREEN,
    Found,
    Label,
    TimedFrame,
    approaching,
    darkened,
    distant,
    judged,
    natural_blinks,
    neutral_face,
    passes,
    pictures,
)

PLAIN_RATE = 10
Change = Callable[[BgrImage, float], BgrImage]
"""A picture and the pixels between its eyes → the picture under another condition."""


def print_labelled(
    media: Path, folders: Sequence[str], labels: Mapping[str, Sequence[Label]], landmarker: LandmarkerPool
) -> None:
    """Judge every labelled clip below the folders, and print what comes of it."""
    rng = np.random.default_rng(3)
    changes: Mapping[str, Change] = {
        "low light (simulated)": lambda image, _: darkened(image, rng),
        "small face (simulated)": distant,
    }
    found: list[Found] = []
    changed: dict[str, list[Found]] = {name: [] for name in changes}
    blinks: dict[int, Counter[str]] = {fps: Counter() for fps in FRAME_RATES}
    nearer: list[tuple[str, bool]] = []
    try:
        for clip in sorted(path for folder in folders for path in (media / folder).rglob("*") if path.is_file()):
            rows = labels.get(clip.stem)
            if rows is None:
                continue
            images = list(pictures(clip))
            frames = [(at_ms, landmarker.observe(image)) for at_ms, image in images]
            for fps in FRAME_RATES:
                found += judged(rows, frames, fps)
                blinks[fps].update(_blinks(rows, frames, fps))
            if SCREEN in rows[0].conditions:
                continue
            eyes_px = _eyes_px(frames)
            if eyes_px is None:
                continue
            for name, change in changes.items():
                seen = [(at_ms, landmarker.observe(change(image, eyes_px))) for at_ms, image in images[::3]]
                changed[name] += judged(rows, seen, PLAIN_RATE)
            nearer += [(clip.stem, did_pass) for did_pass in _approaches(images, frames, landmarker)]
    finally:
        landmarker.close()
    _print_kinds([item for item in found if SCREEN not in item.conditions])
    _print_conditions(found, changed)
    _print_blinks(blinks)
    passed = sum(did_pass for _, did_pass in nearer)
    missed = ", ".join(clip for clip, did_pass in nearer if not did_pass)
    print(
        f"\nmove_closer, simulated on a frame of each clip: {passed} of {len(nearer)}; missed: {missed or 'none'}"
    )


def _eyes_px(frames: Sequence[TimedFrame]) -> float | None:
    wide = [item.face.interocular_px for _, item in frames if item.face]
    return float(np.median(wide)) if wide else None


def _blinks(rows: Sequence[Label], frames: Sequence[TimedFrame], fps: int) -> Mapping[str, int]:
    if SCREEN in rows[0].conditions:
        return {}
    return dict(zip(("labelled", "shown", "passed"), natural_blinks(rows, frames, fps), strict=True))


def _approaches(
    images: Sequence[tuple[int, BgrImage]], frames: Sequence[TimedFrame], landmarker: LandmarkerPool
) -> Iterable[bool]:
    """One simulated approach from the first frame that alignment accepts."""
    for (_, image), (_, observation) in zip(images, frames, strict=True):
        face: FaceMeasurement | None = observation.face
        if face is not None and alignment_hint(observation, QualityLimits(max_face_height_share=0.74)) is None:
            seen = approaching(image, face, landmarker.observe)
            neutral = neutral_face(seen)
            yield neutral is not None and bool(passes(ChallengeKind.MOVE_CLOSER, seen, neutral))
            return


def _print_kinds(found: Sequence[Found]) -> None:
    print(f"{'kind':<13}{'labelled':>9}   " + "".join(f"{fps} fps: detected false   " for fps in FRAME_RATES))
    for kind in ChallengeKind:
        own = [item for item in found if item.kind == kind.value]
        cells = []
        for fps in FRAME_RATES:
            at = [item for item in own if item.fps == fps]
            share = f"{sum(item.detected for item in at)}/{sum(item.labelled for item in at)}"
            cells.append(f"{share:>15}{sum(item.false for item in at):>6}   ")
        labelled = sum(item.labelled for item in own) // (len(FRAME_RATES) * len(PHASES))
        print(f"{kind.value:<13}{labelled:>9}   {''.join(cells)}")
    print(f"counts over {len(PHASES)} phases of the frames")
    for missed in sorted({(i.clip, i.kind, i.fps) for i in found if i.detected < i.labelled}):
        print("  missed: {} {} at {} fps".format(*missed))
    for false, count in Counter((i.clip, i.kind) for i in found for _ in range(i.false)).items():
        print("  false: {} {}, {} times".format(*false, count))


def _print_conditions(found: Sequence[Found], changed: Mapping[str, Sequence[Found]]) -> None:
    print(f"\n{'condition':<24}{'clips':>6}{'detected':>11}{'false':>7}   (all kinds, {PLAIN_RATE} fps)")
    plain = [item for item in found if item.fps == PLAIN_RATE]
    rows: dict[str, Sequence[Found]] = {"none of these": [item for item in plain if not item.conditions]}
    for condition in sorted({name for item in plain for name in item.conditions}):
        rows[condition] = [item for item in plain if condition in item.conditions]
    for name, items in (rows | dict(changed)).items():
        share = f"{sum(i.detected for i in items)}/{sum(i.labelled for i in items)}"
        print(f"{name:<24}{len({i.clip for i in items}):>6}{share:>11}{sum(i.false for i in items):>7}")


def _print_blinks(blinks: Mapping[int, Counter[str]]) -> None:
    print(f"\n{'natural blinks':<16}{'labelled':>9}{'a frame shows it':>18}{'passed':>8}")
    for fps, counts in blinks.items():
        print(f"{f'{fps} fps':<16}{counts['labelled']:>9}{counts['shown']:>18}{counts['passed']:>8}")
