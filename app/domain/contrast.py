"""Colours as WCAG 2.2 sees them: relative luminance, contrast, and what can be read on what."""

from __future__ import annotations

import re
from collections.abc import Iterable

TEXT_RATIO = 4.5
"""WCAG 2.2, 1.4.3: text and what it stands on."""
EDGE_RATIO = 3.0
"""WCAG 2.2, 1.4.11: the edge of what is pressed, the ring, and what they stand on."""

BLACK, WHITE = "#000000", "#ffffff"
INK = "#0a0e16"
"""Softer than black where it is dark enough."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS = 50
_LINEAR_UP_TO = 0.04045


def colour_problem(text: str) -> str | None:
    """Why it is no colour, None where it is one: six hexadecimal digits, no names, no transparency."""
    return None if _HEX.fullmatch(text) else "must be a colour such as #1a56db"


def luminance(colour: str) -> float:
    """Relative luminance, 0 (black) to 1 (white)."""
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black and white)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """`share` of the other in the colour, 0 to 1."""
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(mine + (its - mine) * share):02x}" for mine, its in parts)


def on_colour(ground: str) -> str:
    """What text on it is written in: white where that can be read, else dark. One of both always can."""
    return next((one for one in (WHITE, INK) if contrast(one, ground) >= TEXT_RATIO), BLACK)


def readable(colour: str, towards: str, grounds: Iterable[str], ratio: float = TEXT_RATIO) -> str:
    """The colour, mixed with as little of `towards` as it takes to stand out from every ground."""
    grounds = tuple(grounds)
    shades = (mixed(colour, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next((one for one in shades if all(contrast(one, ground) >= ratio for ground in grounds)), towards)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(value: float) -> float:
    return value / 12.92 if value <= _LINEAR_UP_TO else float(((value + 0.055) / 1.055) ** 2.4)
