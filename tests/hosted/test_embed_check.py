"""The embed check as it is served: what the server saw of whoever frames it, and nothing begun."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import StoreUnavailable
from app.domain.session import SessionStatus
from tests.hosted.conftest import BuildSite, Site


def boot_of(response: TestResponse) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', response.text, re.DOTALL)
    assert found, response.text[:500]
    boot: dict[str, Any] = json.loads(found[1])
    return boot


def test_without_a_session_it_knows_who_asked_and_the_rule_for_all(site: Site) -> None:
    response = site.get("/embed-check", headers={"Referer": "https://shop.example/pay?card=1"})
    assert response.status_code == 200
    assert boot_of(response) == {
        "session": "none",
        "allowed": [],
        "referrer": "https://shop.example",
        "bound": "https://shop.example",
    }


def test_in_the_place_of_a_session_it_knows_who_may_frame_that_one(build_site: BuildSite) -> None:
    site = build_site(settings={"allowed_frame_origins": ("https://shop.example",)})
    before = site.studio.stored()
    response = site.get(f"/embed-check/{site.token}", headers={"Referer": "https://other.example/"})
    boot = boot_of(response)
    assert (boot["session"], boot["allowed"]) == ("open", ["https://shop.example"])
    assert (boot["referrer"], boot["bound"]) == ("https://other.example", None)
    assert site.token not in response.text
    assert (site.studio.stored(), site.studio.live.count()) == (before, 0)


@pytest.mark.parametrize("path", ["/embed-check", "/embed-check/forged"])
def test_anybody_may_frame_it_and_it_loads_nothing_from_elsewhere(site: Site, path: str) -> None:
    response = site.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("frame-ancestors *")
    assert "X-Frame-Options" not in response.headers
    assert response.headers["Permissions-Policy"].startswith("camera=(self)")
    assert (response.headers["Cache-Control"], response.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert not re.search(r"""(src|href)="(?!/static/|data:,)""", response.text)
    assert not re.search(r"\s(style|on\w+)=", response.text)


@pytest.mark.parametrize("token", ["forged", "a/b", "x" * 3_000, "%00", "%ff"])
def test_a_link_that_does_not_work_is_said(site: Site, token: str) -> None:
    response = site.get(f"/embed-check/{token}")
    assert (response.status_code, boot_of(response)["session"]) == (200, "unknown")


def test_a_session_that_is_over_and_a_store_that_is_away_are_said(build_site: BuildSite) -> None:
    site = build_site()
    site.studio.clock.advance(hours=25)
    assert boot_of(site.get(f"/embed-check/{site.token}"))["session"] == "over"
    assert site.studio.stored()[0].status is SessionStatus.EXPIRED
    site.replace(read_capture=_away)
    assert boot_of(site.get(f"/embed-check/{site.token}"))["session"] == "unavailable"


def _away(*_: object) -> None:
    raise StoreUnavailable("the store is out of reach")


@pytest.mark.parametrize("referer", ["", "about:blank", "https://a.example\"'</script>", "\xff", "x" * 9_000])
def test_odd_referers_are_nobody(site: Site, referer: str) -> None:
    response = site.get("/embed-check", environ_overrides={"HTTP_REFERER": referer})
    assert (response.status_code, boot_of(response)["referrer"]) == (200, None)
