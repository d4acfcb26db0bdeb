"""The organization's looks, as the page wears them: custom properties over those of tokens.css, and its logo."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g

from app.domain.branding import AUTO, DARK, LIGHT, Branding, Logo, logo_path
from app.domain.palette import Palette, dark_palette, light_palette, ring_colour

LOGO_HEIGHT = 28
"""Of the page's pixels."""
LOGO_MAX_WIDTH = 120
_LARGE_RADIUS = 5 / 3
"""Cards to buttons, as in tokens.css."""
_THEME = "bonafide_theme"


@dataclass(frozen=True)
class Theme:
    """What the templates need. `css` is made of checked colours and numbers alone."""

    scheme: str
    css: str
    logo_address: str | None
    logo_width: int
    logo_height: int
    is_wordmark: bool


def wear(organization_id: str, branding: Branding) -> None:
    """From here on this request's page is the organization's."""
    g.setdefault(_THEME, theme_of(organization_id, branding))


def install_theme(blueprint: Blueprint) -> None:
    """Give every template what the request wears, or nothing."""
    blueprint.app_context_processor(lambda: {"brand": g.get(_THEME)})


def theme_of(organization_id: str, branding: Branding) -> Theme:
    """The branding in the page's terms."""
    width, height = _logo_size(branding.logo)
    return Theme(
        scheme=branding.scheme,
        css=_css(branding),
        logo_address=logo_path(organization_id, branding.logo) if branding.logo else None,
        logo_width=width,
        logo_height=height,
        is_wordmark=branding.logo is not None and branding.logo.is_wordmark,
    )


def _logo_size(logo: Logo | None) -> tuple[int, int]:
    """Within the header's room, in its own proportions; no side vanishes."""
    if logo is None:
        return 0, 0
    scale = min(LOGO_HEIGHT / logo.height, LOGO_MAX_WIDTH / logo.width)
    return max(1, round(logo.width * scale)), max(1, round(logo.height * scale))


def _css(branding: Branding) -> str:
    """Empty where everything is as it comes."""
    common: dict[str, str] = {}
    if branding.scheme != AUTO:
        common["color-scheme"] = branding.scheme
    if branding.radius is not None:
        common["--radius"] = f"{branding.radius}px"
        common["--radius-large"] = f"{round(branding.radius * _LARGE_RADIUS)}px"
    if branding.colours is None:
        return _root(common)
    light, dark = _tokens(light_palette(branding.colours)), _tokens(dark_palette(branding.colours))
    common["--ring-fill"] = ring_colour(branding.colours)
    if branding.scheme == LIGHT:
        return _root(common | light)
    if branding.scheme == DARK:
        return _root(common | dark)
    return _root(common | light) + f"@media(prefers-color-scheme:dark){{{_root(dark)}}}"


def _tokens(palette: Palette) -> dict[str, str]:
    return {
        "--accent": palette.accent,
        "--accent-pressed": palette.pressed,
        "--accent-soft": palette.soft,
        "--accent-text": palette.text,
        "--accent-edge": palette.edge or "transparent",
        "--on-accent": palette.on_accent,
    }


def _root(properties: dict[str, str]) -> str:
    return ":root{" + ";".join(f"{name}:{value}" for name, value in properties.items()) + "}" if properties else ""
