"""Joins lead between frames that agree, take their time, and go both ways."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.domain.challenge import ChallengeKind
from app.domain.liveness import neutral_of
from app.simulation.clip_performer import cut_score, joined_score, performance_of, resting_on
from app.simulation.clips import SeenClip, faces_of
from app.simulation.motion_graph import (
    AGREEMENT,
    LONGEST_JOIN_MS,
    PEAK_RATE,
    SHORTEST_JOIN_MS,
    Join,
    MotionGraph,
    looks_of,
    motion_graph,
    natural_change,
    way_back,
)
from tests.faces import RESTING, Face
from tests.simulation.clips import RATE, clip_of, movement_of, swaying

LEFT, RIGHT = ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT


def graph_of(clip: SeenClip) -> MotionGraph:
    return motion_graph(clip, neutral_of(faces_of(clip.frames[:10])))


def joins_of(graph: MotionGraph) -> list[Join]:
    return [join for joins in graph.joins.values() for join in joins]


def two_rests(second: Face) -> SeenClip:
    """Rest, a turn, and rest again as `second`."""
    return clip_of([*swaying(20), *movement_of(LEFT), *swaying(20, second)])


def test_stretches_of_rest_that_look_the_same_are_joined_both_ways() -> None:
    joins = joins_of(graph_of(two_rests(RESTING)))
    assert joins
    assert {(join.end, join.start) for join in joins} == {(join.start, join.end) for join in joins}


@pytest.mark.parametrize(
    "second",
    [
        replace(RESTING, yaw=-5.6),
        replace(RESTING, roll=6.0),
        replace(RESTING, x=RESTING.x + 60),
        replace(RESTING, scale=0.9),
        replace(RESTING, eyes_closed=0.27),
        replace(RESTING, luma=100.0),
    ],
    ids=["pose", "tilt", "position", "scale", "expression", "light"],
)
def test_nothing_is_joined_that_does_not_agree(second: Face) -> None:
    clip = two_rests(second)
    assert [join for join in joins_of(graph_of(clip)) if max(join.start, join.end) >= len(clip.frames) - 20] == []


def test_nothing_is_joined_before_another_background() -> None:
    faces = [*swaying(20), *movement_of(LEFT), *swaying(20)]
    elsewhere = [0 if place < 40 else 24 for place in range(len(faces))]
    assert [
        join for join in joins_of(graph_of(clip_of(faces, elsewhere))) if max(join.start, join.end) >= 40
    ] == []


def test_no_join_moves_faster_than_the_person_does_at_rest() -> None:
    clip = two_rests(replace(RESTING, yaw=3.0, x=RESTING.x + 15))
    neutral = neutral_of(faces_of(clip.frames[:10]))
    graph, looks = motion_graph(clip, neutral), looks_of(clip.frames, neutral)
    natural = natural_change(looks, graph.at_rest, RATE)
    joins = joins_of(graph)
    assert joins
    for join in joins:
        apart = np.abs(looks[join.end] - looks[join.start])
        seconds = join.count / RATE
        assert (apart <= AGREEMENT).all()
        assert SHORTEST_JOIN_MS - 500 / RATE <= seconds * 1_000 <= LONGEST_JOIN_MS + 1_000 / RATE
        # Half a frame is lost to rounding.
        assert (PEAK_RATE * apart <= natural * 10 * (seconds + 0.5 / RATE) + 1e-9).all()


def test_way_back_is_the_way_turned_round() -> None:
    way: list[int | Join] = [5, 6, Join(6, 20, 4), 20, 21]
    assert way_back(4, way) == [20, Join(20, 6, 4), 6, 5, 4]


def test_whoever_rests_while_a_join_is_blended_goes_on_to_and_fro() -> None:
    rest = frozenset([3, 4, 5, 9])
    assert resting_on(3, 6, rest) == [4, 5, 4, 3, 4, 5]
    assert resting_on(9, 3, rest) == [9, 9, 9]
    assert resting_on(4, 0, rest) == []


def test_performance_begins_and_ends_at_the_anchor_without_a_jump() -> None:
    clip = clip_of([*swaying(24), *movement_of(LEFT), *swaying(12), *movement_of(RIGHT), *swaying(12)])
    score = joined_score(clip)
    assert {LEFT, RIGHT} <= score.movements.keys()
    for way in score.movements.values():
        shown = [score.idle[0], *way, score.idle[0]]
        for one, other in pairwise(shown):
            if isinstance(one, int) and isinstance(other, int):
                assert abs(one - other) <= 1
            elif isinstance(one, Join):
                assert other == one.end
            elif isinstance(other, Join):
                assert one == other.start


def test_movement_that_comes_home_elsewhere_is_played_there_and_back() -> None:
    """The way out is the clip's; the way home turns round where the movement stands still."""
    turn = movement_of(LEFT)
    homeward = [*turn[len(turn) // 2 :], *swaying(12)]
    away = [replace(face, x=face.x + min(8 * step, 120)) for step, face in enumerate(homeward)]
    clip = clip_of([*swaying(24), *turn[: len(turn) // 2], *away])
    way = [step for step in joined_score(clip).movements[LEFT] if isinstance(step, int)]
    assert max(way) < 24 + len(turn) // 2 + 1
    assert way[-1] in (way[0], way[0] - 1, way[0] + 1)


def test_takes_that_are_cut_out_ask_for_no_agreement() -> None:
    far = replace(RESTING, luma=70.0, x=RESTING.x + 50)
    clip = clip_of([*swaying(20), *movement_of(LEFT, far), *swaying(5, far)])
    assert LEFT in cut_score(clip).movements
    assert LEFT not in joined_score(clip).movements


def test_portrait_is_a_frame_that_is_shown_nowhere() -> None:
    clip = clip_of([*swaying(30), *movement_of(LEFT), *swaying(30)])
    score = joined_score(clip)
    shown = {*score.idle, *(step for way in score.movements.values() for step in way if isinstance(step, int))}
    assert score.portrait not in shown
    assert performance_of(clip, score).portrait == clip.frames[score.portrait].jpeg


def test_clip_in_which_nobody_rests_makes_no_performer() -> None:
    with pytest.raises(ValueError, match="rests"):
        joined_score(clip_of([None] * 30))
