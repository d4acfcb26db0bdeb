"""Colours: contrast as WCAG computes it, and a palette that can be read whatever the organization names."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from app.domain.contrast import EDGE_RATIO, TEXT_RATIO, colour_problem, contrast, mixed, on_colour
from app.domain.palette import (
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    SCRIM_OVER_WHITE,
    STAGE,
    BrandColours,
    Palette,
    colour_problems,
    dark_palette,
    light_palette,
    ring_colour,
)

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
STEPS = ("00", "33", "66", "99", "cc", "ff")
ACCENTS = ["#" + "".join(parts) for parts in itertools.product(STEPS, repeat=3)]
"""216 colours all over the cube, black, white, greys and full ones among them."""


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#123456", "#123456", 1.0),
        ("#777777", "#ffffff", 4.478),
        ("#767676", "#ffffff", 4.542),
        ("#ff0000", "#ffffff", 3.998),
        ("#0000ff", "#ffffff", 8.592),
        ("#FFFF00", "#ffffff", 1.074),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.001)


@pytest.mark.parametrize(
    "text",
    ["", "#fff", "1a56db", "#1a56dg", "#1a56db ", "#1a56db;}", "red", "#1a56dbff", "#\uff11a56db"],
)
def test_what_is_no_colour_is_told(text: str) -> None:
    assert colour_problem(text) == "must be a colour such as #1a56db"


def test_mixing_goes_from_one_to_the_other() -> None:
    assert [mixed("#000000", "#ff8000", share) for share in (0, 0.5, 1)] == ["#000000", "#804000", "#ff8000"]


def test_one_of_light_and_dark_can_be_read_on_every_colour() -> None:
    assert [one for one in ACCENTS if contrast(on_colour(one), one) < TEXT_RATIO] == []
    assert on_colour("#2152d9") == "#ffffff"
    assert on_colour("#fdda24") == "#0a0e16"


def unreadable(palette: Palette, grounds: tuple[str, ...]) -> list[str]:
    pairs = {
        "on accent": (palette.on_accent, palette.accent, TEXT_RATIO),
        "on pressed": (palette.on_accent, palette.pressed, TEXT_RATIO),
        "text on soft": (palette.text, palette.soft, TEXT_RATIO),
        **{f"text on {ground}": (palette.text, ground, TEXT_RATIO) for ground in grounds},
        "edge": (palette.edge or palette.accent, grounds[0], EDGE_RATIO),
    }
    return [name for name, (text, ground, least) in pairs.items() if contrast(text, ground) < least]


@pytest.mark.parametrize("accent", ACCENTS)
def test_whatever_is_named_can_be_read_in_both_schemes(accent: str) -> None:
    colours = BrandColours(accent)
    assert unreadable(light_palette(colours), LIGHT_GROUNDS) == []
    assert unreadable(dark_palette(colours), DARK_GROUNDS) == []
    ring = ring_colour(colours)
    assert contrast(ring, STAGE) >= TEXT_RATIO
    assert contrast(ring, SCRIM_OVER_WHITE) >= EDGE_RATIO


def test_an_accent_that_can_be_read_stays_as_it_is() -> None:
    light = light_palette(BrandColours("#2152d9"))
    assert (light.accent, light.text, light.edge) == ("#2152d9", "#2152d9", None)
    dark = dark_palette(BrandColours("#2152d9", accent_dark="#8fb1ff"))
    assert (dark.accent, dark.text) == ("#8fb1ff", "#8fb1ff")


def test_a_pale_accent_keeps_its_colour_and_gets_an_edge() -> None:
    light = light_palette(BrandColours("#fdda24"))
    assert light.accent == "#fdda24"
    assert light.edge == light.text


@pytest.mark.parametrize(
    ("colours", "problem"),
    [
        (BrandColours("#fdda24", on_accent="#ffffff"), ("onAccent", "1.37:1 with #fdda24")),
        (BrandColours("#777777", on_accent="#ffffff"), ("onAccent", "4.47:1 with #777777")),
        (BrandColours("#000000", accent_dark="#8fb1ff", on_accent_dark="#ffffff"), ("onAccentDark", "2.1")),
    ],
)
def test_named_colours_that_cannot_be_read_are_refused_with_the_ratio(
    colours: BrandColours, problem: tuple[str, str]
) -> None:
    name, words = problem
    assert words in colour_problems(colours)[name]
    assert "4.5:1 is needed" in colour_problems(colours)[name]


def test_grounds_are_those_of_the_style_sheets() -> None:
    def token(sheet: str, name: str) -> str:
        found = re.search(rf"--{name}: (#[0-9a-f]{{6}});", (CSS / sheet).read_text("utf-8"))
        assert found
        return found[1]

    names = ("surface", "surface-sunken", "page")
    assert tuple(token("tokens.css", name) for name in names) == LIGHT_GROUNDS
    assert tuple(token("tokens_dark.css", name) for name in names) == DARK_GROUNDS
    assert token("tokens.css", "stage") == STAGE
    # stage.css: the scrim at its thinnest lets 0.3 of what is behind it through.
    assert mixed(STAGE, "#ffffff", 0.3) == SCRIM_OVER_WHITE
