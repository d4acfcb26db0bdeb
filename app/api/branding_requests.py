"""What callers may send about how the capture page looks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from app.domain.branding import (
    AUTO,
    CONSENT_MAX,
    CONSENT_VERSION,
    LOGO_MAX_BYTES,
    NAME_MAX,
    RADIUS_MAX,
    BrandingChange,
    OwnConsent,
    consent_problem,
    line_problem,
)
from app.domain.contrast import colour_problem
from app.domain.errors import InvalidRequest
from app.domain.language import LANGUAGES
from app.domain.palette import BrandColours, colour_problems
from app.web.images import image_from_text
from app.web.requests import Body, no_problem

LOGO_TEXT_MAX = 16 * LOGO_MAX_BYTES
"""Characters. Enough that somebody with too large a file is told how large it may be."""

SchemeName = Literal["auto", "light", "dark"]


def _version_problem(text: str) -> str | None:
    good = CONSENT_VERSION.fullmatch(text)
    return None if good else "must be 1 to 40 letters, digits, dots, hyphens and underscores"


def _language_problem(text: str) -> str | None:
    return None if text in LANGUAGES else f"must be one of {', '.join(LANGUAGES)}"


Colour = Annotated[str, no_problem(colour_problem), Field(json_schema_extra={"pattern": "^#[0-9a-fA-F]{6}$"})]
Name = Annotated[str, no_problem(lambda text: line_problem(text, NAME_MAX)), Field(max_length=NAME_MAX)]
LanguageName = Annotated[str, no_problem(_language_problem)]
LogoText = Annotated[str, Field(max_length=LOGO_TEXT_MAX, json_schema_extra={"contentEncoding": "base64"})]


class ColorsBody(Body):
    """The whole of them: what is left out or null is made out of `accent`, so that it can be read.

    `onAccent` is what is written on the accent; a colour that cannot be read on it is refused.
    """

    accent: Colour
    on_accent: Colour | None = None
    accent_dark: Colour | None = None
    on_accent_dark: Colour | None = None

    def to_domain(self) -> BrandColours:
        """In small letters, so that the same colour is no change."""
        named = {name: None if value is None else str(value).lower() for name, value in self.model_dump().items()}
        return BrandColours(**named)  # type: ignore[arg-type]

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        problems = colour_problems(self.to_domain())
        if problems:
            raise ValueError("; ".join(f"{name} {problem}" for name, problem in problems.items()))
        return self


class OwnConsentBody(Body):
    """The full text in one language: plain text, a paragraph a line; `{organization}` stands for the name."""

    version: Annotated[str, no_problem(_version_problem)]
    text: Annotated[str, no_problem(consent_problem), Field(max_length=CONSENT_MAX)]


class BrandingBody(Body):
    """How the capture page looks. What is left out stays, null is as it comes with Bonafide.

    `logo` is a PNG, JPEG or WebP in base64 (64 KiB, 512 pixels a side), or the address that it is read as.
    `consent` has own texts by language; a language that is null has the one that comes with Bonafide again.
    """

    name: Name | None = None
    logo: LogoText | None = None
    colors: ColorsBody | None = None
    radius: Annotated[StrictInt, Field(ge=0, le=RADIUS_MAX)] | None = None
    scheme: SchemeName | None = None
    consent: Annotated[dict[LanguageName, OwnConsentBody | None], Field(max_length=len(LANGUAGES))] | None = None

    def to_domain(self) -> BrandingChange:
        """`InvalidRequest` for a logo that is no base64."""
        sent = self.model_fields_set
        values: dict[str, object] = {}
        if "name" in sent:
            values["name"] = None if self.name is None else self.name.strip()
        if "colors" in sent:
            values["colours"] = None if self.colors is None else self.colors.to_domain()
        if "radius" in sent:
            values["radius"] = self.radius
        if "scheme" in sent:
            values["scheme"] = self.scheme or AUTO
        if "logo" in sent:
            values["logo"] = self.logo if self.logo is None or _is_address(self.logo) else _logo_bytes(self.logo)
        return BrandingChange(values, self._consents() if "consent" in sent else {})

    def _consents(self) -> dict[str, OwnConsent | None] | None:
        if self.consent is None:
            return None
        return {
            language: None if body is None else OwnConsent(language, body.version, body.text.strip())
            for language, body in self.consent.items()
        }


def _is_address(logo: str) -> bool:
    """Whether the logo is sent back as it was read: the one that stands stays."""
    return logo.startswith(("https://", "http://"))


def _logo_bytes(text: str) -> bytes:
    try:
        data = image_from_text(text)
    except ValueError as error:
        raise InvalidRequest("The logo cannot be used.", {"branding.logo": "is no base64"}) from error
    if not data:
        raise InvalidRequest("The logo cannot be used.", {"branding.logo": "is empty"})
    return data
