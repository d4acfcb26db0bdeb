"""Whom a clip shows and whether it was filmed from a screen: by the folder's own manifest, else by names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.pad.manifest import Entry, is_screen_recording, read_manifest
from bench.pad.people import clips_of


@pytest.mark.parametrize(
    ("stem", "label", "is_recording"),
    [
        ("x_replay", "", True),
        ("X_Replay2", "", True),
        ("replay-x", "", True),
        ("x_real", "", False),
        ("airplane_replayed", "", True),
        ("foreplay", "", False),
        ("x", "replay: overexposed screen", True),
        ("x_replay", "real: turns", False),
        ("x_replay", "attack", True),
    ],
)
def test_a_recording_of_a_screen_is_known_by_its_label_else_by_its_name(
    stem: str, label: str, is_recording: bool
) -> None:
    assert is_screen_recording(stem, label) is is_recording


@pytest.mark.parametrize("text", ["", "path\n", "identity,label\nx,y\n", "path,identity\n,\n", "\x00\xff", '"'])
def test_a_manifest_that_is_none_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "MANIFEST.csv").write_bytes(text.encode("latin-1"))
    assert read_manifest(tmp_path) == {}
    assert read_manifest(tmp_path / "nowhere") == {}


def test_clips_of_one_person_have_one_identity(tmp_path: Path) -> None:
    rows = "path,topic,identity,label\nvideo/a.mp4,video,ann,smiles\nvideo/b.mp4,video,ann\nvideo/d.mp4,video,,\n"
    (tmp_path / "MANIFEST.csv").write_text(rows, "utf-8")
    for name in ("video/a.mp4", "video/b.mp4", "video/c.mp4", "video/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert read_manifest(tmp_path)["video/a.mp4"] == Entry("ann", "smiles")
    shown = {clip.name: clip.identity for clip in clips_of(tmp_path)}
    assert shown == {"a": "ann", "b": "ann", "c": "c", "d": "d"}
