"""A performer made of a clip of a real person: found by measuring, so that any such clip will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.domain.challenge import ChallengeKind
from app.domain.liveness import Neutral, neutral_of
from app.services.ports import FaceAnalyzer
from app.simulation.camera import encode
from app.simulation.clips import KEPT_QUALITY, SeenClip, faces_of, watch_clip
from app.simulation.morph import frames_between
from app.simulation.motion_graph import Join, MotionGraph, motion_graph, way_back
from app.simulation.motion_graph import Path as Way
from app.simulation.movements import find_movements, is_accepted, resting_stretches, values_of
from app.simulation.performance import Performance

ANCHORS_TRIED = 4
"""Stretches of rest, the longest first, around which a performance is tried."""

LONGEST_LEAD_SECONDS = 2.5
"""From the anchor to where a movement begins, and from its end back; who takes longer does not follow a prompt."""


@dataclass(frozen=True)
class Score:
    """Which frames a performance shows: indices into the clip. `portrait` is a frame that is shown nowhere.

    `rest` are those at rest, from each of which the clip goes on to its neighbours among them.
    """

    idle: Sequence[int]
    movements: Mapping[ChallengeKind, Way]
    portrait: int
    rest: frozenset[int] = frozenset()


def clip_performer(
    clip: Path, analyzer: FaceAnalyzer, rate: float = 15.0, size: tuple[int, int] | None = None
) -> Performance:
    """Rest, movements and reference portrait of the one person in a clip. ValueError where nobody rests in it."""
    return joined_performance(watch_clip(clip, analyzer, rate, size))


def joined_performance(clip: SeenClip) -> Performance:
    """A performance without jumps: movements that the clip does not lead to are none of it."""
    return performance_of(clip, joined_score(clip))


def joined_score(clip: SeenClip) -> Score:
    """Around the stretch of rest from which most movements can be reached. ValueError without any rest."""
    found = [_score_around(clip, idle) for idle in resting_stretches(clip)[:ANCHORS_TRIED]]
    if not found:
        raise ValueError(f"nobody rests in {clip.name}")
    return max(found, key=lambda score: (len(_kinds(score)), len(score.movements), len(score.idle)))


def cut_score(clip: SeenClip) -> Score:
    """Movements as they are cut out of the clip, wherever the tape stands: what splices are made of."""
    stretches = resting_stretches(clip)
    if not stretches:
        raise ValueError(f"nobody rests in {clip.name}")
    neutral = _neutral(clip, stretches[0])
    movements: dict[ChallengeKind, Way] = {}
    for kind in ChallengeKind:
        for span in find_movements(clip, kind, neutral):
            seen = [clip.frames[index].observation for index in (stretches[0][0], *span)]
            if is_accepted(seen, kind, neutral, clip.frames_per_second):
                movements.setdefault(kind, list(span))
    return _with_portrait(clip, stretches[0], movements)


def performance_of(clip: SeenClip, score: Score, *, is_joined: bool = True) -> Performance:
    """The frames of a score."""
    return Performance(
        name=clip.name,
        width=clip.width,
        height=clip.height,
        frames_per_second=clip.frames_per_second,
        idle=[clip.frames[index].jpeg for index in score.idle],
        movements={kind: _frames(clip, way, score.rest) for kind, way in score.movements.items()},
        portrait=clip.frames[score.portrait].jpeg,
        is_joined=is_joined,
    )


def _score_around(clip: SeenClip, idle: range) -> Score:
    neutral = _neutral(clip, idle)
    graph = motion_graph(clip, neutral)
    rest = frozenset(int(index) for index in np.flatnonzero(graph.at_rest & ~graph.is_cut))
    best: Score | None = None
    # The anchor is either end of the stretch.
    for order in (idle, idle[::-1]):
        score = replace(_with_portrait(clip, order, _movements_from(clip, graph, order[0], neutral)), rest=rest)
        if best is None or _length(score) < _length(best):
            best = score
    assert best is not None
    return best


def _length(score: Score) -> tuple[int, int]:
    return -len(score.movements), sum(len(way) for way in score.movements.values())


def _movements_from(
    clip: SeenClip, graph: MotionGraph, anchor: int, neutral: Neutral
) -> Mapping[ChallengeKind, Way]:
    """For each kind the shortest round from the anchor through the movement and back that its judge accepts."""
    rest, movements = clip.frames[anchor].observation, {}
    ways = graph.ways_from(anchor, LONGEST_LEAD_SECONDS * clip.frames_per_second)
    for kind in ChallengeKind:
        rounds: list[Way] = []
        for span in find_movements(clip, kind, neutral):
            whole = _reaching_rest(graph, span)
            if not graph.is_cut[whole.start + 1 : whole.stop].any():
                rounds += _rounds(ways, anchor, whole, _apex(clip, span, kind, neutral))
        for way in sorted(rounds, key=len):
            seen = [rest, *(clip.frames[step].observation for step in way if isinstance(step, int))]
            if is_accepted(seen, kind, neutral, clip.frames_per_second):
                movements[kind] = way
                break
    return movements


def _rounds(ways: Mapping[int, Way], anchor: int, span: range, apex: int) -> Sequence[Way]:
    """Ways from the anchor through the movement and back, if there are any.

    As the clip goes where both ends can be reached. Where only one can, there and back: the movement stands still
    at its apex, so it can turn round there.
    """
    first, last = span.start in ways, span.stop - 1 in ways
    if first and last:
        middle = list(span)
    elif first:
        middle = [*range(span.start, apex), *range(apex, span.start - 1, -1)]
    elif last:
        middle = [*range(span.stop - 1, apex, -1), *range(apex, span.stop)]
    else:
        return []
    lead, home = ways[middle[0]], way_back(anchor, ways[middle[-1]])
    return [[*lead, *middle[1 if lead else 0 :], *home]]


def _apex(clip: SeenClip, span: range, kind: ChallengeKind, neutral: Neutral) -> int:
    values = values_of(clip.frames, kind, neutral)
    return max(span, key=lambda index: values[index])


def _reaching_rest(graph: MotionGraph, span: range) -> range:
    """The stretch widened until both its ends are at rest, as far as the clip goes."""
    first, last = span.start, span.stop - 1
    while first > 0 and not graph.at_rest[first]:
        first -= 1
    while last < len(graph.at_rest) - 1 and not graph.at_rest[last]:
        last += 1
    return range(first, last + 1)


def _neutral(clip: SeenClip, stretch: range) -> Neutral:
    return neutral_of(faces_of(clip.frames[index] for index in stretch))


def _kinds(score: Score) -> tuple[ChallengeKind, ...]:
    missing = {kind.ability for kind in ChallengeKind if kind not in score.movements}
    return tuple(kind for kind in ChallengeKind if kind.ability not in missing)


def _with_portrait(clip: SeenClip, idle: range, movements: Mapping[ChallengeKind, Way]) -> Score:
    """The reference is the good frame farthest from the rest that is not shown otherwise."""
    shown = {*idle, *(step for way in movements.values() for step in way if isinstance(step, int))}
    middle = idle[len(idle) // 2]
    good = [index for index, frame in enumerate(clip.frames) if frame.is_good]
    free = [index for index in good if index not in shown] or good or [middle]
    return Score(idle, movements, max(free, key=lambda index: abs(index - middle)))


def _frames(clip: SeenClip, way: Way, rest: frozenset[int]) -> Sequence[bytes]:
    shown: list[bytes] = []
    for step in way:
        shown += _between(clip, step, rest) if isinstance(step, Join) else [clip.frames[step].jpeg]
    return shown


def _between(clip: SeenClip, join: Join, rest: frozenset[int]) -> Sequence[bytes]:
    first = [clip.frames[index].image for index in resting_on(join.start, join.count, rest)]
    last = [clip.frames[index].image for index in resting_on(join.end, join.count, rest)]
    return [encode(image, KEPT_QUALITY) for image in frames_between(first, last[::-1])]


def resting_on(start: int, count: int, rest: frozenset[int]) -> Sequence[int]:
    """The `count` frames after `start` of somebody who goes on resting: to and fro where the rest ends."""
    shown, place, step = list[int](), start, 1
    for _ in range(count):
        step = step if place + step in rest else -step
        place = place + step if place + step in rest else place
        shown.append(place)
    return shown
