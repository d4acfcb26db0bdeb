"""Which consent text a page shows: its version, its hash, and its language are kept with the answer."""

from __future__ import annotations

from flask_babel import get_locale, gettext

from app.hosted.consent_reviews import is_draft
from app.hosted.copy import CONSENT_VERSION, consent_hash
from app.hosted.languages import speak
from app.hosted.wire import Json
from app.services.record_consent import ConsentText
from app.services.start_capture import LoadedSession

STANDARD, OWN = "standard", "organization"


def shown_consent(language: str, loaded: LoadedSession) -> ConsentText:
    """The text that a page in this language shows for the organization."""
    speak(language, language)
    spoken = str(get_locale())
    own = loaded.settings.branding.consent_in(spoken)
    return ConsentText(
        version=own.version if own else CONSENT_VERSION,
        sha256=consent_hash(gettext, loaded.organization_name, own.paragraphs if own else None),
        language=spoken,
        source=OWN if own else STANDARD,
        is_draft=own is None and is_draft(spoken, gettext),
    )


def consent_boot(language: str, loaded: LoadedSession) -> Json:
    """For the boot data: the version, and the organization's own full text where it has one in this language."""
    own = loaded.settings.branding.consent_in(language)
    if own is None:
        return {"version": CONSENT_VERSION, "paragraphs": None}
    name = loaded.organization_name
    return {
        "version": own.version,
        "paragraphs": [paragraph.replace("{organization}", name) for paragraph in own.paragraphs],
    }
