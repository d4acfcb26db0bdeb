"""Plots of a trace as SVG paths: yaw, eyes, mouth over time, with the prompts marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.domain.watch import Trace, TracePoint

WIDTH, HEIGHT = 960.0, 150.0
"""Of the area that is plotted, in units of the SVG."""

GAP_MS = 1_000
"""Frames farther apart than this are not joined by a line."""

Value = Callable[[TracePoint], float | None]


@dataclass(frozen=True)
class Line:
    """One measured quantity: `path` is the SVG path of all its stretches."""

    name: str
    path: str


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Quantities that share an axis. `ticks` lie on the vertical one."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Axis:
    """A vertical axis from `low` to `high`, grown where values go beyond."""

    title: str
    unit: str
    low: float
    high: float
    step: float
    values: Sequence[tuple[str, Value]]


AXES = (
    Axis(
        "Head",
        "degrees",
        -30,
        30,
        15,
        [("yaw", lambda one: one.yaw), ("pitch", lambda one: one.pitch), ("roll", lambda one: one.roll)],
    ),
    Axis(
        "Eyes and mouth",
        "0–1",
        0,
        1,
        0.25,
        [
            ("eyes closed", lambda one: one.eyes_closed),
            ("smile", lambda one: one.smile),
            ("mouth open", lambda one: one.jaw_open),
        ],
    ),
    Axis("Size of the face", "× neutral", 0.8, 1.4, 0.2, [("size", lambda one: one.scale)]),
)


def plots_of(trace: Trace) -> tuple[Plot, ...]:
    """All plots of an attempt, over the same time."""
    return tuple(_plot(trace, axis) for axis in AXES)


def x_of(trace: Trace, at_ms: float) -> float:
    """Where a moment lies."""
    return round(WIDTH * at_ms / _length_ms(trace), 1)


def seconds(trace: Trace) -> tuple[Tick, ...]:
    """Ticks of the time axis, about ten."""
    length = _length_ms(trace) / 1_000
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60) if length / step <= 12), 120)
    return tuple(Tick(x_of(trace, 1_000 * at), f"{at} s") for at in range(0, int(length) + 1, step))


def _length_ms(trace: Trace) -> float:
    return float(max(trace.points[-1].at_ms, 1)) if trace.points else 1.0


def _plot(trace: Trace, axis: Axis) -> Plot:
    found = [number for one in trace.points for _, value in axis.values if (number := value(one)) is not None]
    low, high = min([axis.low, *found]), max([axis.high, *found])

    def y_of(number: float) -> float:
        return round(HEIGHT * (high - number) / (high - low), 1)

    lines = tuple(Line(name, _path(trace, value, y_of)) for name, value in axis.values)
    first = int(low / axis.step) * axis.step
    marks = [first + axis.step * number for number in range(int((high - first) / axis.step) + 1)]
    ticks = tuple(Tick(y_of(mark), f"{mark:g}") for mark in marks if low <= mark <= high)
    return Plot(axis.title, axis.unit, lines, ticks)


def _path(trace: Trace, value: Value, y_of: Callable[[float], float]) -> str:
    """A line through what was measured, broken where nothing was."""
    places: list[tuple[int, str] | None] = [
        None if (number := value(one)) is None else (one.at_ms, f"{x_of(trace, one.at_ms):g} {y_of(number):g}")
        for one in trace.points
    ]
    parts = []
    for before, place in pairwise([None, *places]):
        if place is not None:
            is_joined = before is not None and place[0] - before[0] <= GAP_MS
            parts.append(("L" if is_joined else "M") + place[1])
    return "".join(parts)
