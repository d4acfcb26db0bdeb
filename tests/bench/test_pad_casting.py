"""The bench survives folders of media that it has never seen: whatever cannot be read is named, and left out."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.pad import casting
from bench.pad.casting import DIED, Cast, cast, key_of, look_at
from bench.pad.people import LONGEST_SECONDS, Clip, Listed, Unread, clips_of, file_name, prepare, prints_of
from bench.pad.report import people_lines
from bench.pad.studio import bench_settings

SPAWN = multiprocessing.get_context("spawn")


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write_clip(path: Path, *, seconds: float = 1.0, size: tuple[int, int] = (64, 48)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, size)
    for _ in range(round(10 * seconds)):
        video.write(np.full((size[1], size[0], 3), 90, dtype=np.uint8))
    video.release()


def clip_of(path: Path) -> Clip:
    return Clip(path, path.name, path.stem, is_replay=False, identity=path.stem)


def test_names_stay_short_but_where_two_clips_share_one(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "video/test/x.mp4",
        "video/test/x.gif",
        "spoof/replay_video/test/x.mp4",
        "video/test/two words.mp4",
    )
    assert {clip.name for clip in clips_of(tmp_path)} == {
        "video/test/x.mp4",
        "video/test/x.gif",
        "spoof/replay_video/test/x.mp4",
        "two words",
    }


def test_every_clip_has_a_file_of_its_own_with_a_name_that_file_systems_take(tmp_path: Path) -> None:
    names = ["video/test/x.mp4", "video/test/x.gif", "spoof/replay_video/test/x.mp4", "video/test-x.mp4"]
    touch(tmp_path, *names, f"video/{'é' * 120}.mp4")
    files = [file_name(clip) for clip in clips_of(tmp_path)]
    assert len(set(files)) == 5
    assert all(len(one.encode()) < 200 and "/" not in one for one in files)


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    touch(tmp_path, os.fsdecode(b"video/caf\xe9.mp4"))
    (clip,) = clips_of(tmp_path)
    assert clip.name.encode()
    assert file_name(clip).encode()
    assert key_of(tmp_path, None, [clip])


@pytest.mark.parametrize("content", [b"", b"this is no video at all\n" * 40, bytes(range(256)) * 40])
def test_a_file_that_is_no_clip_is_named_with_a_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no clip.mp4").write_bytes(content)
    found = prepare(bench_settings(tmp_path), tmp_path, clip_of(tmp_path / "no clip.mp4"))
    assert isinstance(found, Unread)
    assert (found.name, found.reason[:12]) == ("no clip", "ValueError: ")


def test_a_clip_that_opencv_gives_up_at_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: object, **__: object) -> None:
        raise cv2.error("resize.cpp:4211: error:\n inv_scale_x > 0")

    monkeypatch.setattr("bench.pad.people.watch_clip", gives_up)
    found = prepare(bench_settings(tmp_path), tmp_path, clip_of(tmp_path / "x.mp4"))
    assert found == Unread("x", "error: resize.cpp:4211: error: inv_scale_x > 0")


def test_a_very_narrow_clip_is_somebody_without_a_face(tmp_path: Path) -> None:
    write_clip(tmp_path / "narrow.avi", size=(4, 480))
    found = prepare(bench_settings(tmp_path), tmp_path, clip_of(tmp_path / "narrow.avi"))
    assert isinstance(found, Listed)
    assert (found.has_portrait, found.cut) == (False, ())


def test_no_more_than_a_minute_of_a_clip_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []

    def watch(*_: object, seconds: float | None = None) -> None:
        asked.append(seconds)
        raise ValueError("enough")

    monkeypatch.setattr("bench.pad.people.watch_clip", watch)
    prepare(bench_settings(tmp_path), tmp_path, clip_of(tmp_path / "x.mp4"))
    assert asked == [LONGEST_SECONDS]
    assert LONGEST_SECONDS <= 60


def dies_at_second(clip: Clip) -> Listed | Unread:
    if clip.name == "second":
        os._exit(3)
    return Unread(clip.name, "was looked at")


def test_a_clip_that_kills_the_process_takes_no_other_with_it(tmp_path: Path) -> None:
    clips = [clip_of(tmp_path / name) for name in ("first", "second", "third")]
    first, second, third = look_at(clips, dies_at_second, 1, SPAWN)
    assert isinstance(second, Unread)
    assert (second.name, second.reason.startswith(DIED)) == ("second", True)
    assert [first, third] == [Unread("first", "was looked at"), Unread("third", "was looked at")]


class Looks:
    """Stands in for the processes; counts what it was asked to look at."""

    def __init__(self) -> None:
        self.clips: list[str] = []

    def __call__(self, clips: Sequence[Clip], *_: object) -> Sequence[Listed | Unread]:
        self.clips += [clip.relative for clip in clips]
        return [Unread(clip.name, str(clip.path)) for clip in clips]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found = Looks()
    monkeypatch.setattr(casting, "look_at", found)
    return found


def cast_of(media: Path, folder: Path, *names: str) -> Cast:
    return cast(media, names or None, folder, 1, SPAWN)


def test_what_is_kept_is_that_of_these_very_clips(tmp_path: Path, looks: Looks) -> None:
    one, other, kept = tmp_path / "one", tmp_path / "other", tmp_path / "kept"
    touch(one, "video/x.mp4", "video/y.mp4")
    touch(other, "video/x.mp4", "video/y.mp4")
    first = cast_of(one, kept)
    assert cast_of(one, kept) == first
    assert looks.clips == ["video/x.mp4", "video/y.mp4"]
    assert cast_of(other, kept) != first, "the same names in another folder"
    assert [unread.name for unread in cast_of(one, kept, "x").unread] == ["x"]
    assert [unread.name for unread in cast_of(one, kept, "video/y.mp4").unread] == ["y"]
    (one / "video/x.mp4").write_bytes(b"another film")
    assert len(looks.clips) == 6
    cast_of(one, kept)
    assert len(looks.clips) == 8
    os.utime(one / "video/x.mp4", (1, 1))
    cast_of(one, kept)
    assert len(looks.clips) == 10


def test_what_is_kept_without_the_files_that_it_names_is_looked_at_again(tmp_path: Path, looks: Looks) -> None:
    touch(tmp_path, "video/x.mp4")
    cast_of(tmp_path, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").rglob("people.pickle")
    gone = Listed("x", "x", tmp_path / "gone.pickle", False, (1, 1), False, (), (), (), ())
    kept.write_bytes(pickle.dumps([gone]))
    cast_of(tmp_path, tmp_path / "kept")
    assert len(looks.clips) == 2


@pytest.mark.usefixtures("looks")
def test_whoever_was_asked_for_and_is_not_there_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "video/x.mp4")
    found = cast_of(tmp_path, tmp_path / "kept", "x", "nobody")
    assert found.unknown == ["nobody"]
    lines = people_lines(found)
    assert [line.split()[0] for line in lines] == ["x", "nobody"]
    assert "not read" in lines[0]
    assert "no such clip" in lines[1]


def test_prints_are_found_in_every_usual_format(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(f"spoof/nuaa/test/print/{number}/frame{suffix}" for number, suffix in enumerate(SUFFIXES)),
        "spoof/nuaa/test/print/text/readme.txt",
        "spoof/nuaa/test/print/loose.jpg",
        "spoof/nuaa/test/live/0/frame.jpg",
    )
    assert [folder.name for folder in prints_of(tmp_path)] == ["0", "1", "2", "3", "4"]
    assert prints_of(tmp_path / "nowhere") == []


SUFFIXES = (".jpg", ".jpeg", ".JPG", ".png", ".bmp")
