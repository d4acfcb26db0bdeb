"""A real clip as it is, cut, and taken over by somebody else, as the detectors of sequences see it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.detector_evidence import LIMIT_SCORE
from app.domain.fusion import STRICT_SCORE
from bench.detectors_sequences import Seen, Sitting, as_it_is, evidence_of, joined, spliced, watch
from tests.models_fixture import model_path
from tests.shared_media import shared_path


@pytest.fixture(scope="module")
def landmarker() -> Iterator[LandmarkerPool]:
    pool = LandmarkerPool(model_path("face_landmarker"), 1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def turning(landmarker: LandmarkerPool) -> Sequence[Seen]:
    """Somebody who turns, nods and looks up."""
    return watch(shared_path("media", "video", "dev", "headpose_alaa.mp4"), landmarker, 10.0)


def chance_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (reproducible on purpose)


def score(seen: Sequence[Seen], sitting: Sitting, detector: str = "track") -> float:
    found = evidence_of(seen, sitting)[detector].score
    assert found is not None
    return found


def test_the_person_passes_every_detector(turning: Sequence[Seen]) -> None:
    sitting = as_it_is(turning, chance_of(1))
    assert all(
        score(turning, sitting, name) >= STRICT_SCORE for name in ("track", "timing", "photometry", "injection")
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_clip_cut_to_the_prompts_does_not(turning: Sequence[Seen], seed: int) -> None:
    assert score(turning, spliced(turning, chance_of(seed))) < LIMIT_SCORE


def test_neither_does_another_person_who_takes_over(turning: Sequence[Seen], landmarker: LandmarkerPool) -> None:
    other = watch(shared_path("media", "video", "dev", "alp_d8.mp4"), landmarker, 10.0)
    chance = chance_of(1)
    swap = joined(as_it_is(turning, chance), as_it_is(other, chance), len(turning), chance)
    assert score([*turning, *other], swap) < LIMIT_SCORE
