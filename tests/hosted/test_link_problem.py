"""The page of a link that leads nowhere: whom it tells, what it offers, and what it keeps to itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import StoreUnavailable
from tests.hosted.conftest import BuildSite, Site

SHOP = "https://shop.example"
REFERER = {"Referer": f"{SHOP}/checkout?x=1"}
TRY_AGAIN, CONTINUE, CLOSE = ">Try again<", ">Continue<", ">Close<"
BOOT = re.compile(r'<script type="application/json" id="boot"[^>]*>(.*?)</script>', re.DOTALL)


def boot_of(response: TestResponse) -> dict[str, Any] | None:
    found = BOOT.search(response.text)
    boot: dict[str, Any] | None = json.loads(found[1]) if found else None
    return boot


def away(*_: object) -> None:
    raise StoreUnavailable("the store is out of reach")


def expired(build_site: BuildSite, **given: Any) -> Site:
    site = build_site(**given)
    site.studio.clock.advance(hours=25)
    return site


def ways_on(response: TestResponse) -> list[str]:
    return [way for way in (TRY_AGAIN, CONTINUE, CLOSE) if way in response.text]


def test_only_what_may_pass_is_tried_again(build_site: BuildSite) -> None:
    site = expired(build_site)
    assert ways_on(site.get("/session/forged")) == []
    assert ways_on(site.get()) == []
    site.replace(read_capture=away)
    assert ways_on(site.get()) == [TRY_AGAIN]


def test_expired_link_tells_the_page_that_frames_it(build_site: BuildSite) -> None:
    site = expired(build_site)
    response = site.get(headers=REFERER)
    assert boot_of(response) == {
        "code": "expired",
        "frameOrigin": SHOP,
        "sessionId": site.studio.stored()[0].session_id,
    }
    assert re.search(
        r'<script type="module" src="/static/[0-9a-f]{20}/js/link_problem\.js" nonce="', response.text
    )
    assert ways_on(response) == [CLOSE]
    assert re.search(r"<button[^>]* data-close hidden>Close</button>", response.text), "a script brings it to life"


def test_server_in_trouble_tells_it_too_but_of_no_session(build_site: BuildSite) -> None:
    response = build_site(read_capture=away).get(headers=REFERER)
    assert boot_of(response) == {"code": "unavailable", "frameOrigin": SHOP, "sessionId": None}
    assert ways_on(response) == [TRY_AGAIN]
    assert '<a class="button button--secondary" href="?from=https%3A%2F%2Fshop.example">' in response.text


def test_unknown_link_tells_nobody(site: Site) -> None:
    response = site.get("/session/forged", headers=REFERER)
    assert response.status_code == 404
    assert "<script" not in response.text


@pytest.mark.parametrize("referer", [None, "http://shop.example/", "about:blank"])
def test_who_is_not_known_is_told_nothing(build_site: BuildSite, referer: str | None) -> None:
    headers = {"Referer": referer} if referer else {}
    site = expired(build_site)
    shown = [site.get(headers=headers)]
    site.replace(read_capture=away)
    shown.append(site.get(headers=headers))
    assert [response.status_code for response in shown] == [410, 503]
    for response in shown:
        assert "<script" not in response.text
        assert CLOSE not in response.text
    assert 'href=""' in shown[1].text


def test_site_outside_the_organizations_list_is_told_nothing(build_site: BuildSite) -> None:
    site = expired(build_site, settings={"allowed_frame_origins": (SHOP,)})
    assert boot_of(site.get(headers=REFERER)) is not None
    response = site.get(headers={"Referer": "https://other.example/"})
    assert "<script" not in response.text
    assert CLOSE not in response.text


def test_expired_link_leads_back_to_where_the_person_came_from(build_site: BuildSite) -> None:
    site = expired(build_site, session={"callback": f"{SHOP}/back"})
    for headers in ({}, REFERER):
        response = site.get(headers=headers)
        assert ways_on(response) == [CONTINUE]
        assert '<a class="button button--primary" href="?continue" target="_top" rel="noopener">' in response.text


def test_its_scripts_carry_the_nonce_and_its_html_no_address_but_the_framing_origin(build_site: BuildSite) -> None:
    site = expired(build_site, session={"callback": f"{SHOP}/back"})
    response = site.get(headers=REFERER)
    (nonce,) = re.findall(r"script-src 'self' 'nonce-([\w-]+)'", response.headers["Content-Security-Policy"])
    assert response.text.count("<script") == response.text.count(f'nonce="{nonce}"') == 2
    assert not re.search(r"\s(style|on\w+)=", response.text)
    assert "https://" not in BOOT.sub("", response.text)
    assert site.token not in response.text
