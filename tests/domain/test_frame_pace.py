"""The pause that a page is asked for: frames come every interval, whatever the network takes."""

from __future__ import annotations

import pytest

from app.domain.frame_pace import LONGEST_WAY_MS, FramePace

WANTED_MS = 100.0
WORK_MS = 20


def intervals(interval_ms: float, way_ms: int, *, own_ms: int = 0, frames: int = 8) -> list[int]:
    """Times between arrivals at a page that waits as asked, and from frame to frame at least `own_ms`."""
    pace, arrived, found = FramePace(), 1_000, []
    for _ in range(frames):
        pause = pace.pause_ms(arrived, arrived + WORK_MS, interval_ms, WANTED_MS)
        next_arrival = arrived + max(WORK_MS + pause + way_ms, own_ms)
        found.append(next_arrival - arrived)
        arrived = next_arrival
    return found


def test_at_the_wanted_pace_nothing_is_asked() -> None:
    pace = FramePace()
    assert pace.pause_ms(0, WORK_MS, WANTED_MS, WANTED_MS) == 0
    assert intervals(WANTED_MS, way_ms=30, own_ms=100) == [100] * 8


@pytest.mark.parametrize("way_ms", [0, 1, 30, 90])
@pytest.mark.parametrize("own_ms", [0, 100])
def test_under_load_frames_come_at_the_interval_whatever_the_way_takes(way_ms: int, own_ms: int) -> None:
    assert intervals(150.0, way_ms, own_ms=own_ms)[3:] == [150] * 5


def test_a_way_longer_than_the_interval_is_asked_no_pause() -> None:
    assert intervals(150.0, way_ms=400)[1:] == [420] * 7


def test_a_page_that_stood_still_is_not_taken_for_one_far_away() -> None:
    pace = FramePace()
    pace.pause_ms(0, WORK_MS, 150.0, WANTED_MS)
    late = WORK_MS + 130 + LONGEST_WAY_MS + 1
    assert pace.pause_ms(late, late + WORK_MS, 150.0, WANTED_MS) == 130


def test_a_page_that_does_not_wait_is_asked_for_no_more_than_the_interval() -> None:
    pace = FramePace()
    for arrived in range(0, 200, 20):
        assert 0 <= pace.pause_ms(arrived, arrived + WORK_MS, 150.0, WANTED_MS) <= 150
