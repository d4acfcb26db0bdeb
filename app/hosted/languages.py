"""Languages of the page: the one asked for on create, else the browser's, else English."""

from __future__ import annotations

import unicodedata

from flask import request

from app.domain.language import choose_language

RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur"})
_WISHES = "bonafide.languages"
"""Where a view leaves what it knows for the locale selector."""


def speak(session_language: str | None, default: str) -> None:
    """Answer this request in the session's language, else the browser's, else the organization's default."""
    request.environ[_WISHES] = (session_language, default)


def select_language() -> str:
    """Locale selector of Flask-Babel; unknown languages fall back and are never an error."""
    wish, default = request.environ.get(_WISHES, (None, None))
    browsers = [language for language, _ in request.accept_languages]
    return choose_language(wish, *browsers, default)


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"


def set_apart(value: str, language: str) -> str:
    """A name as it stands in a text: isolated where one of both runs from right to left, as in `messages.js`."""
    runs_left = any(unicodedata.bidirectional(one) in ("R", "AL") for one in value)
    is_mixed = runs_left or direction_of(language) == "rtl"
    return f"\u2068{value}\u2069" if is_mixed and value else value
