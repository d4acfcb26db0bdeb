"""The DET plot: FNMR against FMR, both axes by the normal distribution's quantiles (Martin et al. 1997).

Imported by `bonafide calibrate` and bench/ only: matplotlib takes a second to load. Figures are drawn without
pyplot, so nothing asks for a display and nothing is shared between threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FMR_TICKS = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5)
FNMR_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
COLOURS = ("#1f4e8c", "#b3541e", "#2f7d4f", "#7a3e8e", "#8a6d1b", "#3b3b3b")
COMPARISON = ("False match rate (FMR)", "False non-match rate (FNMR)")
INK, GRID = "#222222", "#dddddd"


@dataclass(frozen=True)
class DetCurve:
    """`points` are (FMR, FNMR); `marked` is the operating point and what it is called, None for no mark."""

    name: str
    points: Sequence[tuple[float, float]]
    marked: tuple[float, float, str] | None


def draw_det(
    path: Path, title: str, curves: Sequence[DetCurve], caption: str, names: tuple[str, str] = COMPARISON
) -> None:
    """Write a PNG of 1600 × 1400 pixels; `names` are those of the two rates.

    A rate of 0 lies at infinity: a curve ends before it, a mark is drawn on the frame, and the caption says so.
    """
    figure = Figure(figsize=(8, 7), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = [point for curve in curves for point in _finite(curve)]
    ticks_fmr = _ticks(FMR_TICKS, min((fmr for fmr, _ in shown), default=0.001))
    ticks_fnmr = _ticks(FNMR_TICKS, min((fnmr for _, fnmr in shown), default=0.001))
    for curve, colour in zip(curves, _cycle(len(curves)), strict=True):
        _draw_curve(axes, curve, colour, (ticks_fmr, ticks_fnmr))
    _set_axis(axes, ticks_fmr, ticks_fnmr)
    axes.set_xlabel(names[0], color=INK)
    axes.set_ylabel(names[1], color=INK)
    axes.set_title(title, loc="left", color=INK, fontsize=12, pad=10)
    if len(curves) > 1 or any(curve.marked for curve in curves):
        axes.legend(loc="upper right", frameon=True, edgecolor=GRID, fontsize=9)
    if any(0 in curve.marked[:2] for curve in curves if curve.marked):
        caption += "\nA mark on the frame: no error at this threshold"
    figure.supxlabel(caption, fontsize=8, color=INK, x=0.02, ha="left")
    figure.savefig(path, format="png")


def _draw_curve(axes: Axes, curve: DetCurve, colour: str, ticks: tuple[Sequence[float], Sequence[float]]) -> None:
    ticks_fmr, ticks_fnmr = ticks
    columns = [NormalDist().inv_cdf(fmr) for fmr, _ in _finite(curve)]
    rows = [NormalDist().inv_cdf(fnmr) for _, fnmr in _finite(curve)]
    axes.plot(columns, rows, color=colour, linewidth=1.8, label=curve.name)
    if curve.marked is not None:
        fmr, fnmr, name = curve.marked
        axes.plot(
            [_quantile(fmr, ticks_fmr)],
            [_quantile(fnmr, ticks_fnmr)],
            marker="o",
            markersize=8,
            color=colour,
            markeredgecolor="white",
            linestyle="none",
            label=name,
            clip_on=False,
            zorder=5,
        )


def _set_axis(axes: Axes, ticks_fmr: Sequence[float], ticks_fnmr: Sequence[float]) -> None:
    for axis, ticks in ((axes.xaxis, ticks_fmr), (axes.yaxis, ticks_fnmr)):
        axis.set_ticks([NormalDist().inv_cdf(tick) for tick in ticks], [f"{100 * tick:g} %" for tick in ticks])
    axes.set_xlim(*(NormalDist().inv_cdf(limit) for limit in (ticks_fmr[0], ticks_fmr[-1])))
    axes.set_ylim(*(NormalDist().inv_cdf(limit) for limit in (ticks_fnmr[0], ticks_fnmr[-1])))
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def _finite(curve: DetCurve) -> Sequence[tuple[float, float]]:
    return [(fmr, fnmr) for fmr, fnmr in curve.points if 0 < fmr < 1 and 0 < fnmr < 1]


def _ticks(ticks: Sequence[float], smallest: float) -> Sequence[float]:
    """From the last tick at or below the smallest rate that occurs."""
    below = [number for number, tick in enumerate(ticks) if tick <= smallest]
    return ticks[below[-1] if below else 0 :] if smallest < ticks[-2] else ticks[-3:]


def _quantile(rate: float, ticks: Sequence[float]) -> float:
    """Where a rate stands on an axis; on the frame where it is beyond."""
    return NormalDist().inv_cdf(min(max(rate, ticks[0]), ticks[-1]))


def _cycle(count: int) -> Sequence[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]
