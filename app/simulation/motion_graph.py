"""A motion graph over one clip (Kovar, Gleicher, Pighin 2002): where it can go on elsewhere without a jump.

Nodes are frames. From each the clip goes on, at rest also backwards; and from frames at rest it may go over to
another frame at rest that looks the same within `AGREEMENT`. Such a join takes as long as the person, at rest,
would take for the difference, so that no join moves faster than somebody who holds still.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.domain.challenge import ChallengeKind
from app.domain.liveness import LIMITS, Neutral
from app.simulation.clips import SeenClip, SeenFrame
from app.simulation.movements import values_of

Looks = NDArray[np.float64]
"""A row for each frame: yaw, pitch, roll, x, y, logarithm of scale, eyes, smile, jaw, logarithm of light."""

AGREEMENT = np.array([5.0, 5.0, 5.0, 0.25, 0.25, 0.06, 0.20, 0.15, 0.10, 0.12])
"""Two frames agree within this: degrees, widths of the face, logarithms, blendshapes.

Half of where the judges see a movement begin, and exposure within what a camera settles after a turn
(development clips: 8 %).
"""

BACKGROUND_AGREEMENT = 15.0
"""Mean difference of the two thumbnails in grey levels, each brought to the same mean light."""

SLOWEST = np.array([1.5, 1.5, 1.0, 0.02, 0.02, 0.010, 0.05, 0.05, 0.05, 0.015])
FASTEST = np.array([3.0, 3.0, 2.0, 0.05, 0.05, 0.020, 0.10, 0.10, 0.10, 0.030])
"""Changes in 100 ms at rest lie between these, whatever the clip: the 95th percentile of its own is used.

Development clips: 1.4–2.5° of yaw and pitch, 0.8–0.9° of roll, 0.02–0.04 widths, 0.012 of scale.
"""

PEAK_RATE = 1.5
"""A join is slow at both ends and so much faster than its mean in the middle."""

CUT_LEVELS = 30.0
"""Mean change of the thumbnail from one frame to the next; quick turns of a near head stay under 15."""

LIGHT_AND_PLACE = [3, 4, 5, 9]
"""Columns of `Looks` that no movement changes at once, as it does pose and expression."""

SHORTEST_JOIN_MS = 500
"""No change of posture is over sooner: what takes two frames at ten a second is one jump at six."""

LONGEST_JOIN_MS = 1_200
REST_SHARE = 0.9
"""At rest every movement stays under this share of its onset."""

LONGEST_BLINK_MS = 400
"""Lids closed for longer are a movement (docs/liveness.md)."""

STRIDE = 3
"""Joins are looked for between every third frame."""

JOIN_COSTS = 10
"""A join counts as so many frames more than it has: going on in the clip is better."""


@dataclass(frozen=True)
class Join:
    """From frame `start` over to frame `end` by `count` frames between them."""

    start: int
    end: int
    count: int


Path = Sequence[int | Join]
"""Frames in the order in which they are shown, and joins between them."""


@dataclass(frozen=True)
class MotionGraph:
    """`at_rest` says of each frame whether somebody rests there; `joins` are by the frame they start from.

    `is_cut` says whether the clip itself jumps before the frame.
    """

    at_rest: NDArray[np.bool_]
    is_cut: NDArray[np.bool_]
    joins: Mapping[int, Sequence[Join]] = field(repr=False)

    def ways_from(self, start: int, longest: float) -> Mapping[int, Path]:
        """The shortest way to every frame at rest that is at most `longest` frames away.

        Ways leave out `start` and end with the frame itself. Empty where nobody rests at `start`.
        """
        if not self.at_rest[start]:
            return {}
        found: dict[int, Path] = {}
        waiting: list[tuple[int, int, int, tuple[int | Join, ...]]] = [(0, 0, start, ())]
        number = 0
        while waiting:
            cost, _, frame, way = heapq.heappop(waiting)
            if frame in found or cost > longest:
                continue
            found[frame] = way
            for further, after, shown in self._steps(frame):
                number += 1
                heapq.heappush(waiting, (cost + further, number, after, (*way, *shown)))
        return found

    def _steps(self, frame: int) -> Sequence[tuple[int, int, tuple[int | Join, ...]]]:
        beside = [
            one
            for one in (frame - 1, frame + 1)
            if 0 <= one < len(self.at_rest) and self.at_rest[one] and not self.is_cut[max(frame, one)]
        ]
        steps: list[tuple[int, int, tuple[int | Join, ...]]] = [(1, one, (one,)) for one in beside]
        over = [(join.count + JOIN_COSTS, join.end, (join, join.end)) for join in self.joins.get(frame, ())]
        return [*steps, *over]


def way_back(start: int, way: Path) -> Path:
    """From the end of a way back to where it began: joins lead both ways."""
    steps = [start, *way]
    turned = [Join(step.end, step.start, step.count) if isinstance(step, Join) else step for step in steps[::-1]]
    return turned[1:]


def motion_graph(clip: SeenClip, neutral: Neutral) -> MotionGraph:
    """The graph of a clip for somebody whose resting face is `neutral`."""
    at_rest = _at_rest(clip, neutral)
    looks, thumbnails = looks_of(clip.frames, neutral), _thumbnails(clip.frames)
    is_cut = _cuts(looks, thumbnails)
    natural = natural_change(looks, at_rest, clip.frames_per_second)
    joins: dict[int, list[Join]] = {}
    nodes = np.flatnonzero(at_rest)[::STRIDE]
    stretch = np.cumsum(np.diff(at_rest.astype(int), prepend=0) == 1)
    for start in nodes:
        apart = np.abs(looks[nodes] - looks[start])
        backgrounds = np.abs(thumbnails[nodes] - thumbnails[start]).mean(axis=(1, 2))
        agrees = (apart <= AGREEMENT).all(axis=1) & (backgrounds <= BACKGROUND_AGREEMENT)
        lasting_ms = 100.0 * PEAK_RATE * (apart / natural).max(axis=1)
        agrees &= (lasting_ms <= LONGEST_JOIN_MS) & (stretch[nodes] != stretch[start])
        lasting_ms = np.maximum(lasting_ms, SHORTEST_JOIN_MS)
        for end, ms in zip(nodes[agrees], lasting_ms[agrees], strict=True):
            count = max(2, round(float(ms) * clip.frames_per_second / 1_000))
            joins.setdefault(int(start), []).append(Join(int(start), int(end), count))
    return MotionGraph(at_rest, is_cut, joins)


def _cuts(looks: Looks, thumbnails: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Before which frames the picture changes at once, or the face does by more than any movement can."""
    pictures = np.abs(np.diff(thumbnails, axis=0)).mean(axis=(1, 2)) > CUT_LEVELS
    faces = (np.nan_to_num(np.abs(np.diff(looks[:, LIGHT_AND_PLACE], axis=0))) > AGREEMENT[LIGHT_AND_PLACE]).any(
        axis=1
    )
    return np.concatenate([[False], pictures | faces])


def looks_of(frames: Sequence[SeenFrame], neutral: Neutral) -> Looks:
    """What must agree where two frames are joined; not a number without a face."""
    return np.array([_look(frame, neutral) for frame in frames])


def _look(frame: SeenFrame, neutral: Neutral) -> list[float]:
    face = frame.face
    if face is None:
        return [np.nan] * len(AGREEMENT)
    # The mean of all landmarks stands stiller than the box, whose edges jump from one of them to another.
    width = face.box.width * neutral.scale_px / face.scale_px
    x, y = (float(value) / width for value in face.landmarks[:468, :2].mean(axis=0))
    pose, expression = face.pose, face.expression
    return [
        pose.yaw_degrees,
        pose.pitch_degrees,
        pose.roll_degrees,
        x,
        y,
        float(np.log(face.scale_px)),
        expression.eyes_closed,
        expression.smile,
        expression.jaw_open,
        float(np.log(max(face.photometry.luma, 1.0))),
    ]


def natural_change(looks: Looks, at_rest: NDArray[np.bool_], frames_per_second: float) -> NDArray[np.float64]:
    """How much this person changes in 100 ms at rest, by the columns of `Looks`."""
    step = max(1, round(frames_per_second / 10))
    both = at_rest[step:] & at_rest[:-step]
    if not both.any():
        return SLOWEST
    changes = np.abs(looks[step:] - looks[:-step])[both]
    return np.asarray(np.clip(np.nanpercentile(changes, 95, axis=0), SLOWEST, FASTEST))


def _at_rest(clip: SeenClip, neutral: Neutral) -> NDArray[np.bool_]:
    rest = np.array([frame.face is not None for frame in clip.frames])
    for kind in ChallengeKind:
        moved = np.array(values_of(clip.frames, kind, neutral)) >= REST_SHARE * LIMITS[kind].onset
        if kind is ChallengeKind.BLINK:
            moved = _longer_than(moved, LONGEST_BLINK_MS * clip.frames_per_second / 1_000)
        rest &= ~moved
    return rest


def _longer_than(flags: NDArray[np.bool_], frames: float) -> NDArray[np.bool_]:
    """Only those runs of true that last longer."""
    kept, start = flags.copy(), None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            kept[start:place] = place - start > frames
            start = None
    return kept


def _thumbnails(frames: Sequence[SeenFrame]) -> NDArray[np.float32]:
    """Frames × 36 × 48 in grey, each less its mean."""
    grey = np.array([frame.thumbnail for frame in frames], dtype=np.float32)
    return np.asarray(grey - grey.mean(axis=(1, 2), keepdims=True), dtype=np.float32)
