"""Whether the frame that `still_quality` ranks first is a good probe: its comparison score against the others'."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import cv2

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.face import BgrImage, Observation
from app.domain.quality import QualityLimits, still_quality
from app.matching.embedded import EmbeddedMatchingCore
from bench.labelled_movements import pictures
from tests.models_fixture import real_core

EVERY = 6
"""Of the clip's frames, so many apart are candidates."""

FEWEST = 5


def print_probe_choice(clips: Iterable[Path], landmarker: LandmarkerPool) -> None:
    """A row a clip: its first acceptable frame stands for the portrait, the later ones are candidates."""
    core, chosen_wins, total = real_core(), 0, 0
    print("\nprobe chosen by still_quality, score against the clip's first good frame")
    print(f"  {'clip':<18}{'candidates':>11}{'chosen':>9}{'median':>9}{'worst':>9}")
    try:
        for clip in clips:
            scores = _scores([(image, landmarker.observe(image)) for _, image in pictures(clip)][::EVERY], core)
            if len(scores) < FEWEST:
                continue
            chosen, values = max(scores)[1], [score for _, score in scores]
            chosen_wins, total = chosen_wins + (chosen >= median(values)), total + 1
            row = f"  {clip.stem:<18}{len(scores):>11}{chosen:>9.1f}{median(values):>9.1f}{min(values):>9.1f}"
            print(row, flush=True)
    finally:
        core.close()
    print(f"  chosen at least as good as the median frame in {chosen_wins} of {total} clips")


def _scores(
    frames: Sequence[tuple[BgrImage, Observation]], core: EmbeddedMatchingCore
) -> Sequence[tuple[float, float]]:
    """Quality (−1 where alignment accepts no such frame) and comparison score of each candidate."""
    rated = [(still_quality(observation, QualityLimits()), image) for image, observation in frames]
    first = next((index for index, (quality, _) in enumerate(rated) if quality is not None), None)
    if first is None:
        return []
    reference = core.create_template(_png(rated[first][1]))
    if reference is None:
        return []
    scores = []
    for quality, image in rated[first + 1 :]:
        probe = core.create_template(_png(image))
        if probe is not None:
            (score,) = core.compare(probe.template, [reference.template])
            scores.append((-1.0 if quality is None else quality, score.value))
    return scores


def _png(image: BgrImage) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])
