"""Clips of any shape and length are read, and no more of them than is asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.domain.face import Observation
from app.simulation.clips import find_clips, fit, watch_clip
from tests.faces import RESTING, seen


class Sees:
    """The same resting face in every picture."""

    def observe(self, image: object) -> Observation:
        return seen(RESTING)


@pytest.mark.parametrize("shape", [(480, 4, 3), (4, 640, 3), (5_000, 1, 3), (1, 5_000, 3), (1, 1, 3)])
def test_a_picture_of_any_shape_fills_the_frame(shape: tuple[int, int, int]) -> None:
    assert fit(np.full(shape, 90, dtype=np.uint8), 480, 640).shape == (640, 480, 3)


def test_of_a_long_clip_no_more_is_watched_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "long.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for _ in range(50):
        video.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    video.release()
    assert len(watch_clip(path, Sees(), 10.0).frames) == 50
    assert len(watch_clip(path, Sees(), 10.0, seconds=2.0).frames) == 20
    assert len(watch_clip(path, Sees(), 5.0, seconds=2.0).frames) == 10


def test_a_folder_is_no_clip_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "folder.mp4" / "A clip.MP4").touch()
    assert [path.name for path in find_clips(tmp_path)] == ["A clip.MP4"]
