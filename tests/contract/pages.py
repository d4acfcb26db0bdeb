"""What the pages of the contract show: their JSON, their curl commands, and the addresses they name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.shared_media import shared_path

PAGES = (
    "gu1-biometric-check.txt",
    "gu1-current-biometric-session.txt",
    "gu1-embedded-biometric-session.txt",
    "gu1-face-match.txt",
)

_BLOCK = re.compile(r"^(?:\{\n.*?^\}|null)$", re.DOTALL | re.MULTILINE)
_CURL = re.compile(
    r"^curl --request ([A-Z]+) \\\n  --url https?://[^/]+(\S+)((?: \\\n  --header '[^']+')+)", re.MULTILINE
)
_ERROR = re.compile(r"^([A-Z_]{6,}?)(\d{3})[A-Z]", re.MULTILINE)
_ADDRESS = re.compile(r"\b(GET|POST)\s+(?:https://api\.gu1\.ai)?(/api/[\w/{}:-]+)")


@dataclass(frozen=True)
class Curl:
    """A command of a page without its body, which is among the JSON examples."""

    method: str
    path: str
    headers: dict[str, str]


def text_of(page: str) -> str:
    """The page; the test is skipped where there are no pages."""
    return shared_path("spec", page).read_text(encoding="utf-8")


def json_examples(page: str) -> list[object]:
    """In the order of the page, the body of its curl command among them."""
    return [json.loads(block) for block in _BLOCK.findall(text_of(page))]


def curl_of(page: str) -> Curl:
    """The one command that each page begins with."""
    ((method, path, headers),) = _CURL.findall(text_of(page))
    pairs = (header.split(": ", 1) for header in re.findall(r"--header '([^']+)'", headers))
    return Curl(method, path, dict(pairs))


def addresses(page: str) -> set[tuple[str, str]]:
    """Method and path of every call that is named, parameters as `{}`. Twice the text runs into the next word."""
    text = text_of(page).replace("/currentcurrent ", "/current ").replace("/biometricPOST ", "/biometric POST ")
    return {(method, re.sub(r"\{\w+\}|:\w+", "{}", path)) for method, path in _ADDRESS.findall(text)}


def errors_of(page: str) -> dict[str, int]:
    """The page's table of error codes and their status."""
    return {code: int(status) for code, status in _ERROR.findall(text_of(page))}
