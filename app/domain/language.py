"""Languages of the hosted page."""

from __future__ import annotations

LANGUAGES = ("en", "es", "pt", "fr", "ar", "zh")


def choose_language(*wishes: str | None) -> str:
    """The first wish that is spoken, by its main part (`es-AR` is `es`), else English. Never an error."""
    for wish in wishes:
        main = (wish or "").strip().replace("_", "-").partition("-")[0].lower()
        if main in LANGUAGES:
            return main
    return LANGUAGES[0]
