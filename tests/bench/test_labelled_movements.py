"""Labels are read or refused, and judges are counted against them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.challenge import ChallengeKind
from bench.labelled_movements import (
    FULL,
    Label,
    judged,
    natural_blinks,
    neutral_face,
    passes,
    read_labels,
    thinned,
)
from tests.domain.judging import blink
from tests.faces import Face, Motion, seen

K = ChallengeKind
LABELS = Path(__file__).parents[2] / "bench" / "labels" / "dev_movements.csv"
HEAD = "clip,kind,begin_s,apex_s,end_s,form,conditions,note\n"


def label(kind: str, begin_s: float, end_s: float) -> Label:
    return Label("clip", kind, begin_s, (begin_s + end_s) / 2, end_s, FULL, frozenset())


def clip_of(kind: ChallengeKind) -> list[tuple[int, Face]]:
    """Two seconds of rest, one movement from 2.6 to 4.6 s, rest."""
    rest = [(at_ms, Face()) for at_ms in range(0, 2_000, 50)]
    moves = [(at_ms + 2_000, face) for at_ms, face in Motion(kind, hold_ms=1_000).frames(20)]
    return [*rest, *moves, *[(at_ms, Face()) for at_ms in range(moves[-1][0] + 50, 6_000, 50)]]


def test_the_labels_of_the_development_clips_can_be_read() -> None:
    labels = read_labels(LABELS)
    assert {item.kind for rows in labels.values() for item in rows} > {kind.value for kind in K} - {"move_closer"}
    assert all(len({item.conditions for item in rows}) == 1 for rows in labels.values()), (
        "conditions are the clip's"
    )


@pytest.mark.parametrize(
    "row", ["a,nod,0,1,2,full,,", "a,blink,2,1,0,full,,", "a,blink,0,1,2,whole,,", "a,blink,x,1,2,full,,"]
)
def test_a_row_that_is_no_label_is_refused(row: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(HEAD + row + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"."):
        read_labels(path)


@pytest.mark.parametrize("kind", list(K))
def test_a_labelled_movement_is_detected_and_the_same_unlabelled_is_false(kind: ChallengeKind) -> None:
    seen_frames = [(at_ms, seen(face)) for at_ms, face in clip_of(kind)]
    for fps in (10, 8, 5):
        right = [
            item for item in judged([label(kind.value, 2.6, 4.6)], seen_frames, fps) if item.kind == kind.value
        ]
        assert [(item.labelled, item.detected, item.false) for item in right] == [(1, 1, 0)] * 3
        talking = [
            item for item in judged([label("talking", 2.6, 4.6)], seen_frames, fps) if item.kind == kind.value
        ]
        assert [(item.labelled, item.detected, item.false) for item in talking] == [(0, 0, 1)] * 3


def test_a_movement_that_is_not_made_is_missed() -> None:
    still = [(at_ms, seen(Face())) for at_ms in range(0, 6_000, 50)]
    found = [item for item in judged([label("smile", 2.6, 4.6)], still, 10) if item.kind == "smile"]
    assert [(item.labelled, item.detected, item.false) for item in found] == [(1, 0, 0)] * 3


def test_natural_blinks_are_shown_by_a_frame_or_not_and_pass_nothing() -> None:
    rest = [(at_ms, seen(Face())) for at_ms in range(0, 2_000, 20)]
    blinks = [(at_ms + 2_000, seen(face)) for at_ms, face in blink(250, 50)]
    assert natural_blinks([label("natural_blink", 3.0, 3.25)], [*rest, *blinks], 8) == (3, 3, 0)


def test_thinned_frames_are_the_newest_at_each_tick_and_none_is_seen_before_it_was_filmed() -> None:
    filmed = [(at_ms, seen(Face(yaw=at_ms / 100))) for at_ms in range(0, 1_001, 33)]
    for at_ms, observation in thinned(filmed, 10, 0.5):
        assert observation.face is not None
        assert 0 <= at_ms - 100 * observation.face.pose.yaw_degrees < 33 or at_ms > filmed[-1][0]


def test_no_frames_no_passes() -> None:
    neutral_frames = [(at_ms, seen(Face())) for at_ms in range(0, 2_000, 100)]
    assert list(judged([label("smile", 0, 1)], [(0, seen(None)), (100, seen(None))], 10)) == []
    neutral = neutral_face(neutral_frames)
    assert neutral is not None
    assert passes(K.SMILE, [], neutral) == []
