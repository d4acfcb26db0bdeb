from __future__ import annotations

import pytest

from app.domain.language import choose_language


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        (("es", "pt"), "es"),
        (("ES-ar", None), "es"),
        (("pt_BR",), "pt"),
        (("tlh", "pt"), "pt"),
        ((None, ""), "en"),
        (("-", "👋", "x" * 300), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_that_is_spoken(wishes: tuple[str | None, ...], chosen: str) -> None:
    assert choose_language(*wishes) == chosen
