"""Languages of the page: the one asked for on create, else the browser's, else English."""

from __future__ import annotations

from flask import request

from app.domain.language import choose_language

RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur"})
LANGUAGE_KEY = "bonafide.language"
"""Where a view leaves the session's own language for the locale selector."""


def select_language() -> str:
    """Locale selector of Flask-Babel; unknown languages fall back and are never an error."""
    wanted = request.environ.get(LANGUAGE_KEY)
    browsers = [language for language, _ in request.accept_languages]
    return choose_language(wanted if isinstance(wanted, str) else None, *browsers)


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"
