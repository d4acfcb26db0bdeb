"""How much is loaded until the camera can be asked for: the answers of the server, as a browser gets them."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from werkzeug.test import TestResponse

from tests.hosted.conftest import Site

MAX_COMPRESSED_BYTES = 100_000
LOADED = re.compile(r'<(?:link rel="(?:stylesheet|modulepreload)" href|script(?: type="module")? src)="([^"]+)"')
IMPORTED = re.compile(r'\b(?:from|import)\s*\(?"(\.[^"]+)"')
COMPRESSED = {"Accept-Encoding": "gzip, deflate, br"}


def text_of(site: Site, address: str) -> str:
    return site.get(address).get_data(as_text=True)


def everything_loaded(site: Site) -> dict[str, TestResponse]:
    """Address → answer, of the page and of all it brings along; dynamic imports count too."""
    page = f"/session/{site.token}"
    answers: dict[str, TestResponse] = {page: site.get(page, headers=COMPRESSED)}
    waiting = set(LOADED.findall(text_of(site, page)))
    while waiting:
        address = waiting.pop()
        answers[address] = site.get(address, headers=COMPRESSED)
        assert answers[address].status_code == 200, address
        if address.endswith(".js"):
            found = {urljoin(address, one) for one in IMPORTED.findall(text_of(site, address))}
            waiting |= found - answers.keys()
    return answers


def test_page_is_light_until_the_camera_is_asked_for(site: Site) -> None:
    answers = everything_loaded(site)
    assert len(answers) > 20
    sizes = {address: len(answer.data) for address, answer in answers.items()}
    assert sum(sizes.values()) <= MAX_COMPRESSED_BYTES, sorted(sizes.items(), key=lambda item: -item[1])[:8]


def test_all_of_it_comes_compressed_and_all_but_the_page_is_kept_for_ever(site: Site) -> None:
    page, *files = everything_loaded(site).values()
    assert (page.content_encoding, page.headers["Cache-Control"]) == ("gzip", "no-store")
    assert {answer.content_encoding for answer in files} == {"gzip"}
    assert {answer.headers["Cache-Control"] for answer in files} == {"public, max-age=31536000, immutable"}


def test_relative_imports_stay_within_the_hash_and_need_no_import_map(site: Site) -> None:
    page, *files = everything_loaded(site)
    assert "importmap" not in text_of(site, page)
    assert len({address.split("/")[2] for address in files}) == 1
