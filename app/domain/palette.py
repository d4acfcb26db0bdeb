"""The colours of a page out of the one or two that an organization names. Whatever it names, all can be read."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.contrast import BLACK, EDGE_RATIO, TEXT_RATIO, WHITE, contrast, mixed, on_colour, readable

LIGHT_GROUNDS = ("#ffffff", "#f4f6f9", "#eef0f4")
DARK_GROUNDS = ("#141a24", "#1b2330", "#0b0f16")
"""Surface, sunken surface and page, as tokens.css and tokens_dark.css have them (a test compares)."""
STAGE = "#0a0e16"
"""What surrounds the camera's picture, in both schemes."""
SCRIM_OVER_WHITE = "#54565c"
"""The thinnest scrim (0.7 of the stage) over a white wall: the brightest that the ring is drawn on."""

_SOFT_LIGHT, _SOFT_DARK = 0.1, 0.18
_PRESSED = 0.2


@dataclass(frozen=True)
class Palette:
    """The accent and what goes with it, in one scheme.

    `text` is the accent where it is written on the page itself, `edge` the line around what is filled with it:
    None where the filling stands out by itself.
    """

    accent: str
    on_accent: str
    pressed: str
    soft: str
    text: str
    edge: str | None


@dataclass(frozen=True)
class BrandColours:
    """What an organization names. None: made out of `accent`."""

    accent: str
    on_accent: str | None = None
    accent_dark: str | None = None
    on_accent_dark: str | None = None


def light_palette(colours: BrandColours) -> Palette:
    """In the light scheme."""
    on_accent = colours.on_accent or on_colour(colours.accent)
    return _palette(colours.accent, on_accent, LIGHT_GROUNDS, _SOFT_LIGHT, BLACK)


def dark_palette(colours: BrandColours) -> Palette:
    """In the dark scheme: the accent named for it, else the same one, as much lighter as it takes."""
    accent = colours.accent_dark or readable(colours.accent, WHITE, DARK_GROUNDS)
    on_accent = colours.on_accent_dark or on_colour(accent)
    return _palette(accent, on_accent, DARK_GROUNDS, _SOFT_DARK, WHITE)


def ring_colour(colours: BrandColours) -> str:
    """Of the ring around the face, beside a dark stage and over a bright wall."""
    reads = readable(colours.accent, WHITE, (STAGE,))
    return readable(reads, WHITE, (SCRIM_OVER_WHITE,), EDGE_RATIO)


def colour_problems(colours: BrandColours) -> dict[str, str]:
    """Named colours that cannot be read, with the ratio that was measured. Empty where all can."""
    pairs = {
        "onAccent": (colours.on_accent, colours.accent),
        "onAccentDark": (colours.on_accent_dark, dark_palette(colours).accent),
    }
    return {
        name: f"has a contrast of {_cut(ratio)}:1 with {ground}; at least {TEXT_RATIO}:1 is needed"
        for name, (text, ground) in pairs.items()
        if text is not None and (ratio := contrast(text, ground)) < TEXT_RATIO
    }


def _palette(accent: str, on_accent: str, grounds: tuple[str, ...], soft_share: float, towards: str) -> Palette:
    surface = grounds[0]
    soft = mixed(surface, accent, soft_share)
    text = readable(accent, towards, (*grounds, soft))
    # Away from what is written on it, so that it can only be read better.
    away = BLACK if contrast(on_accent, WHITE) < contrast(on_accent, BLACK) else WHITE
    return Palette(
        accent=accent,
        on_accent=on_accent,
        pressed=mixed(accent, away, _PRESSED),
        soft=soft,
        text=text,
        edge=None if contrast(accent, surface) >= EDGE_RATIO else text,
    )


def _cut(ratio: float) -> str:
    """Two digits, never rounded up to what is needed."""
    return f"{int(ratio * 100) / 100:.2f}"
