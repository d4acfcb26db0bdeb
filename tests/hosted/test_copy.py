"""No text of the page is missing in a language, and none says something else than the English one asks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from app.domain.language import LANGUAGES as SPOKEN
from app.hosted.copy import CONSENT_PARTS, MESSAGES, consent_hash, consent_text, page_messages

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = sorted((ROOT / "app" / "translations").glob("*/LC_MESSAGES/messages.po"))
PROMPT_WORDS = 8
PROMPT_CHARACTERS = 18
"""Where words are not set apart."""
LANGUAGES = [path.parts[-3] for path in CATALOGUES]


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def texts_of(path: Path) -> dict[str, str]:
    return {str(entry.id): str(entry.string) for entry in read_catalogue(path) if entry.id}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every text that the code and the templates of the page hold."""
    template = tmp_path_factory.mktemp("texts") / "messages.pot"
    babel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract"]
    command = [*babel, "--mapping-file", "babel.cfg", "--output-file", str(template), "."]
    subprocess.run(command, cwd=ROOT, check=True)
    return set(texts_of(template))


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_every_language_but_the_original_has_its_catalogue() -> None:
    assert SPOKEN == ("en", "es", "pt", "fr", "ar", "zh")
    assert sorted(LANGUAGES) == sorted(set(SPOKEN) - {"en"})


def test_extraction_finds_every_message_of_the_page(extracted: set[str]) -> None:
    assert set(MESSAGES.values()) <= extracted
    assert len(extracted) > len(set(MESSAGES.values()))


@pytest.mark.parametrize("path", CATALOGUES, ids=LANGUAGES)
def test_catalogue_has_every_text_and_no_other(path: Path, extracted: set[str]) -> None:
    texts = texts_of(path)
    assert set(texts) == extracted
    assert [english for english, text in texts.items() if not text.strip()] == []
    assert [entry.id for entry in read_catalogue(path) if entry.id and entry.fuzzy] == []
    assert read_catalogue(path).obsolete == {}


@pytest.mark.parametrize("path", CATALOGUES, ids=LANGUAGES)
def test_translation_keeps_the_values_that_are_filled_in(path: Path) -> None:
    for english, text in texts_of(path).items():
        assert placeholders(text) == placeholders(english), english


@pytest.mark.parametrize("path", CATALOGUES, ids=LANGUAGES)
def test_translation_speaks_calmly_and_briefly(path: Path) -> None:
    texts = texts_of(path)
    for key, english in MESSAGES.items():
        translated = texts[english]
        assert not set("!¡！") & set(translated)
        assert translated.endswith((".", "。")) == english.endswith("."), (english, translated)
        if key.startswith(("prompt.", "hint.")):
            assert len(translated.split()) <= PROMPT_WORDS, translated
            characters = len(re.sub(r"{\w+}", "0", translated))
            assert translated[0] < "\u4e00" or characters <= PROMPT_CHARACTERS, translated


def test_page_gets_every_message_translated() -> None:
    assert page_messages(str.upper) == {key: text.upper() for key, text in MESSAGES.items()}


def test_consent_names_the_company_and_has_no_placeholder_left() -> None:
    text = consent_text(str, "Banco Aurora")
    assert text.count("\n") == len(CONSENT_PARTS) - 1
    assert "Banco Aurora" in text
    assert placeholders(text) == []


def test_consent_hash_tells_wordings_apart() -> None:
    hashes = {consent_hash(str, "Acme"), consent_hash(str, "Other"), consent_hash(str.upper, "Acme")}
    assert len(hashes) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in hashes)
