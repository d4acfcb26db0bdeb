"""No text that a person reads stands outside the catalogues: neither in a template nor in a script of the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ("base", "capture", "header_name", "problem", "link_problem", "handoff", "handoff_problem")
FOR_INTEGRATORS = ("demo", "embed_")
"""Pages for developers are in English alone."""
SCRIPTS = [
    path for path in sorted((ROOT / "static" / "js").glob("*.js")) if not path.name.startswith(FOR_INTEGRATORS)
]

_COMMENTS = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
_LITERALS = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`|\'((?:[^\'\\\n]|\\.)*)\'')
_FAILURES = re.compile(r"(?:Error|Message)\([^()]*(?:\([^()]*\)[^()]*)*\)")
"""What a bug says goes to the console."""
_READS_AS_TEXT = re.compile(r"^[A-Z][a-z']+[,:]? [A-Za-z]|[a-z]{2,} [a-z]+[.?…]$")
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_SPOKEN_ATTRIBUTES = re.compile(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"')


def texts_in(script: str) -> list[str]:
    code = _FAILURES.sub("", _COMMENTS.sub("", script))
    literals = ("".join(found) for found in _LITERALS.findall(code))
    return [text for text in literals if _READS_AS_TEXT.search(text)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_holds_no_text(path: Path) -> None:
    assert texts_in(path.read_text("utf-8")) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_holds_no_text(name: str) -> None:
    page = _JINJA.sub("", (ROOT / "templates" / f"{name}.html").read_text("utf-8"))
    spoken = [text for text in _SPOKEN_ATTRIBUTES.findall(page) if re.search(r"[A-Za-z]", text)]
    shown = re.sub(r"<[^>]*>", "", page)
    assert re.findall(r"[A-Za-z]{2,}", shown) + spoken == []


def test_a_text_in_a_script_would_be_noticed() -> None:
    assert texts_in('h("p", {}, "Please wait a moment")') == ["Please wait a moment"]
    assert texts_in("const a = `still checking.`; // Not this one.") == ["still checking."]
    assert texts_in('throw new Error("Not for people to read"); class = "button button--primary"') == []
