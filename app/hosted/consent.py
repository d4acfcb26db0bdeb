"""Which consent text a page shows: its version, its hash, and its language are kept with the answer."""

from __future__ import annotations

from flask_babel import get_locale, gettext

from app.hosted.copy import CONSENT_VERSION, consent_hash
from app.hosted.languages import speak
from app.services.record_consent import ConsentText


def shown_consent(language: str, organization_name: str) -> ConsentText:
    """The text that a page in this language shows for the organization."""
    speak(language, language)
    return ConsentText(
        version=CONSENT_VERSION,
        sha256=consent_hash(gettext, organization_name),
        language=str(get_locale()),
    )
