"""Clips as other cameras would have shown them: same people, same length, other pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.simulation.clips import open_clip
from bench import other_cameras
from bench.other_cameras import CAMERAS
from bench.pad.people import clips_of

SIZE = (160, 120)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """One clip of half a second, and whom it shows."""
    folder = tmp_path / "media"
    (folder / "video").mkdir(parents=True)
    written = cv2.VideoWriter(str(folder / "video" / "ann.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, SIZE)
    chance = np.random.default_rng(1)
    wall = cv2.resize(chance.uniform(40, 220, (6, 8, 3)).astype(np.uint8), SIZE)
    for number in range(15):
        written.write(np.roll(wall, number, axis=1))
    written.release()
    (folder / "MANIFEST.csv").write_text("path,identity,label\nvideo/ann.mp4,ann,live\n", encoding="utf-8")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, media: Path, out: Path, name: str) -> None:
    monkeypatch.setattr(sys, "argv", ["other_cameras", "--media", str(media), "--people", name, "--out", str(out)])
    other_cameras.main()


def test_every_camera_shows_the_same_person_in_a_clip_of_its_own(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cameras"
    run(monkeypatch, media, out, "ann")
    clips = clips_of(out)
    assert {one.name for one in clips} == {f"ann_{name}" for name in CAMERAS}
    assert {one.identity for one in clips} == {"ann"}
    own = list(open_clip(media / "video" / "ann.mp4", 30.0)[1])
    for clip in clips:
        rate, images = open_clip(clip.path, 30.0)
        shown = list(images)
        assert (round(rate), len(shown)) == (30, len(own))
        assert shown[0].shape == own[0].shape
        assert float(np.abs(shown[0].astype(float) - own[0]).mean()) > 0.5


def test_a_name_that_no_clip_has_is_named(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="ben"):
        run(monkeypatch, media, tmp_path / "cameras", "ben")
