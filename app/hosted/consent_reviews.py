"""Which translations of the consent text somebody who answers for it has reviewed. The others are drafts.

The person on the page is told nothing of it: what they read is what they agree to. The operator is, by
`bonafide doctor` and in the audit trail of every consent (docs/operations.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

from babel.support import Translations

from app.domain.language import LANGUAGES
from app.hosted.copy import CONSENT, CONSENT_PARTS, Translate

ORIGINAL = "en"
"""What the translations are made from. Whether it is right for an organization is still for its own lawyers."""

REVIEWED: Mapping[str, str] = {}
"""Language → `wording_hash` of the translation that was reviewed. Once a word changes it is a draft again."""


def wording_hash(translate: Translate) -> str:
    """SHA-256 (hex) of the consent text before any organization's name stands in it."""
    return hashlib.sha256("\n".join(translate(CONSENT[key]) for key in CONSENT_PARTS).encode()).hexdigest()


def is_draft(language: str, translate: Translate, reviewed: Mapping[str, str] = REVIEWED) -> bool:
    """Whether the text in this language is a translation that nobody has reviewed as it now is."""
    return language != ORIGINAL and reviewed.get(language) != wording_hash(translate)


@cache
def draft_languages(folder: str) -> tuple[str, ...]:
    """Languages whose consent text is a draft, by the compiled catalogues in the folder."""
    catalogues = {language: Translations.load(folder, [language]) for language in LANGUAGES}
    return tuple(language for language, catalogue in catalogues.items() if is_draft(language, catalogue.gettext))
