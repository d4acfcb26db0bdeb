"""How an organization's capture page looks, and what its people agree to there."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.palette import BrandColours

NAME_MAX = 80
RADIUS_MAX = 24
LOGO_MAX_BYTES = 64 * 1024
LOGO_MAX_SIDE = 512
"""Of the file that is sent; what is kept is made from it, and smaller."""
CONSENT_MIN, CONSENT_MAX = 40, 6_000
"""Characters of an own consent text, in one language."""
CONSENT_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")
AUTO, LIGHT, DARK = "auto", "light", "dark"
WORDMARK_RATIO = 2.0
"""A logo as many times as wide as high shows the name itself."""

_ALLOWED_CONTROLS = "\n\r\t"
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates: what follows them would read another way round."""


@dataclass(frozen=True)
class Logo:
    """A picture of ours, made from the organization's: `sha256` is that of the PNG that is served."""

    sha256: str
    blob_id: str
    width: int
    height: int

    @property
    def file_name(self) -> str:
        """The last part of its address: another picture has another."""
        return f"{self.sha256}.png"

    @property
    def is_wordmark(self) -> bool:
        """Whether it is taken for the name as it is written."""
        return self.width >= WORDMARK_RATIO * self.height


@dataclass(frozen=True)
class OwnConsent:
    """The organization's own full text in one language, in place of the one that comes with Bonafide."""

    language: str
    version: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text itself, as it was sent."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """Lines that hold something."""
        return tuple(line.strip() for line in self.text.splitlines() if line.strip())


@dataclass(frozen=True)
class Branding:
    """What is None is as it comes with Bonafide; the name is then the organization's."""

    name: str | None = None
    logo: Logo | None = None
    colours: BrandColours | None = None
    radius: int | None = None
    scheme: str = AUTO
    consents: tuple[OwnConsent, ...] = ()

    def consent_in(self, language: str) -> OwnConsent | None:
        """The own text in this language."""
        return next((one for one in self.consents if one.language == language), None)


UNBRANDED = Branding()


@dataclass(frozen=True)
class BrandingChange:
    """New values by their names (`name`, `colours`, `radius`, `scheme`, `logo`), and new texts by language.

    `logo` is a `Logo`, None, or the address that the one in force is read as: it stays.

    `consents` None: all go; a language whose text is None goes.
    """

    values: Mapping[str, object]
    consents: Mapping[str, OwnConsent | None] | None

    def apply(self, before: Branding) -> Branding:
        """The branding with it."""
        if self.consents is None:
            texts: dict[str, OwnConsent] = {}
        else:
            texts = {one.language: one for one in before.consents} | {
                language: text for language, text in self.consents.items() if text is not None
            }
            for language in [name for name, text in self.consents.items() if text is None]:
                texts.pop(language, None)
        values = {name: value for name, value in self.values.items() if not _is_address(name, value)}
        changed = replace(before, **values)  # type: ignore[arg-type]
        return replace(changed, consents=tuple(texts[language] for language in sorted(texts)))

    def problems(self, before: Branding) -> dict[str, str]:
        """Another text under a version that stands would make two of what people agreed to."""
        logo = self.values.get("logo")
        is_foreign = isinstance(logo, str) and not (before.logo and logo.endswith(before.logo.file_name))
        foreign = {"branding.logo": "is neither base64 nor the address of the logo in force"} if is_foreign else {}
        return foreign | {
            f"branding.consent.{language}.version": "names another text already: this one needs its own version"
            for language, text in (self.consents or {}).items()
            if text is not None
            and (standing := before.consent_in(language)) is not None
            and standing.version == text.version
            and standing.text != text.text
        }


def logo_path(organization_id: str, logo: Logo) -> str:
    """Where it is served: named by its content, so it can be kept for ever."""
    return f"/brand/{organization_id}/{logo.file_name}"


def _is_address(name: str, value: object) -> bool:
    return name == "logo" and isinstance(value, str)


def line_problem(text: str, most: int) -> str | None:
    """Why it is no name: a line of text that shows what it is, and does not turn what stands around it."""
    if not text.strip():
        return "must not be empty"
    if len(text) > most:
        return f"must have at most {most} characters"
    return None if _is_plain(text, "") else "must not hold control characters"


def consent_problem(text: str) -> str | None:
    """Why it cannot be shown as a consent text: plain text in paragraphs, neither nothing nor a book."""
    if not CONSENT_MIN <= len(text.strip()) <= CONSENT_MAX:
        return f"must have {CONSENT_MIN} to {CONSENT_MAX} characters"
    return None if _is_plain(text, _ALLOWED_CONTROLS) else "must be plain text: lines without control characters"


def _is_plain(text: str, allowed: str) -> bool:
    return all(
        one in allowed or (unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp") and one not in _TURNING)
        for one in text
    )
