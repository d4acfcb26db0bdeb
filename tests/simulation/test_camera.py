"""Frames differ as a camera's do, and come as a page's do."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage
from app.simulation.camera import (
    EXPOSURE_DRIFT,
    FRAME_MS,
    JITTER_MS,
    NOISE_SIGMA,
    Camera,
    FrameTimes,
    decode,
    encode,
)
from app.simulation.morph import frames_between
from app.simulation.scene import Filmed, Frozen, Tape

WALL = np.full((480, 640, 3), 128, dtype=np.uint8)


def test_noise_is_weak_normal_and_fresh() -> None:
    camera = Camera(1)
    first, second = (camera.expose(WALL, 0.0).astype(float) for _ in range(2))
    assert first.std() == pytest.approx(NOISE_SIGMA, abs=0.15)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_exposure_wanders_by_less_than_one_in_a_hundred() -> None:
    camera = Camera(2)
    means = [float(camera.expose(WALL, at_ms).mean()) for at_ms in range(0, 30_000, 500)]
    assert 0.5 * 2 * EXPOSURE_DRIFT < (max(means) - min(means)) / 128 <= 2 * EXPOSURE_DRIFT + 0.002
    assert max(means) / statistics.mean(means) < 1.01


def test_no_two_frames_are_the_same_file() -> None:
    filmed = Filmed(Tape([encode(WALL, 90)], 15.0), 3)
    files = {filmed.frame(100.0 * number) for number in range(50)}
    assert len(files) == 50
    assert decode(files.pop()).shape == WALL.shape


def test_frozen_frame_is_one_file() -> None:
    frozen = Frozen(encode(WALL, 90))
    frozen.ask(ChallengeKind.BLINK, 0.0)
    assert {frozen.frame(100.0 * number) for number in range(5)} == {frozen.still(500.0)}


def test_frames_come_early_and_late_and_some_are_left_out() -> None:
    times = FrameTimes(4)
    waits = [times.next_ms() for _ in range(2_000)]
    kept = [wait for wait in waits if wait < 1.5 * FRAME_MS]
    assert max(abs(wait - FRAME_MS) for wait in kept) <= JITTER_MS
    assert statistics.stdev(kept) > JITTER_MS / 3
    assert 10 <= len(waits) - len(kept) <= 80


def test_frames_between_two_frames_go_from_one_to_the_other() -> None:
    def square_at(x: int, level: int) -> BgrImage:
        image = np.full((120, 160, 3), level, dtype=np.uint8)
        image[40:80, x : x + 40] = level + 100
        return image

    between = frames_between([square_at(40, 50)] * 5, [square_at(52, 56)] * 5)
    lefts = [int(np.diff(image[60, :, 0].astype(float)).argmax()) for image in between]
    assert lefts == sorted(lefts)
    assert 39 <= lefts[0] <= 43
    assert 48 <= lefts[-1] <= 52
    levels = [float(image[10, 10, 0]) for image in between]
    assert levels == sorted(levels)


def test_bytes_that_are_no_jpeg() -> None:
    with pytest.raises(ValueError, match="JPEG"):
        decode(b"nothing")
