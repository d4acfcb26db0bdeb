"""The page as it is fetched: who may frame it, what it lets slip, and what a link that leads nowhere shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import StoreUnavailable
from app.domain.session import SessionStatus
from tests.hosted.conftest import BuildSite, Site

ISOLATED = ("require-corp", "cross-origin")
DEFAULT_ANCESTORS = "https: http://localhost:* http://*.localhost:* http://127.0.0.1:*"


def boot_of(response: TestResponse) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="boot"[^>]*>(.*?)</script>', response.text, re.DOTALL)
    assert found, response.text[:500]
    boot: dict[str, Any] = json.loads(found[1])
    return boot


def csp_of(response: TestResponse) -> dict[str, str]:
    policy = response.headers["Content-Security-Policy"]
    return {name: rest for name, _, rest in (part.partition(" ") for part in policy.split("; "))}


def test_policy_lets_nothing_in_but_this_origin(site: Site) -> None:
    response = site.get()
    policy = csp_of(response)
    nonce = re.search(r"'nonce-([\w-]+)'", policy["script-src"])
    assert nonce
    assert len(nonce[1]) >= 20
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce[1]}'",
        "style-src": f"'self' 'nonce-{nonce[1]}'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob:",
        "connect-src": "'self' wss://verify.example",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": DEFAULT_ANCESTORS,
    }
    assert f'nonce="{nonce[1]}"' in response.text
    assert nonce[1] not in site.get().headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [None, "/session/forged"])
def test_headers_of_every_page(site: Site, path: str | None) -> None:
    headers = site.get(path).headers
    assert headers["Permissions-Policy"] == "camera=(self), microphone=(), geolocation=()"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert (headers["Cross-Origin-Embedder-Policy"], headers["Cross-Origin-Resource-Policy"]) == ISOLATED
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Frame-Options" not in headers
    assert "Set-Cookie" not in headers


def test_own_list_says_who_may_frame(build_site: BuildSite) -> None:
    origins = ("https://shop.example", "https://app.example:8443")
    site = build_site(settings={"allowed_frame_origins": origins})
    assert csp_of(site.get())["frame-ancestors"] == "https://shop.example https://app.example:8443"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "http"}],
)
def test_websocket_of_the_policy_is_the_public_one_whatever_a_caller_says(
    site: Site, headers: dict[str, str]
) -> None:
    response = site.app.test_client().get(f"/session/{site.token}", headers=headers)
    assert csp_of(response)["connect-src"] == "'self' wss://verify.example"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://localhost:8000", "ws://localhost:8000"),
        ("https://192.168.1.7:8443", "wss://192.168.1.7:8443"),
        ("http://[::1]:8000", "ws://[::1]:8000"),
    ],
)
def test_in_development_the_websocket_is_where_the_page_was_asked(
    build_site: BuildSite, base_url: str, expected: str
) -> None:
    site = build_site(is_development=True, public_origin="http://127.0.0.1:8000")
    response = site.app.test_client().get(f"/session/{site.token}", base_url=base_url)
    assert csp_of(response)["connect-src"] == f"'self' {expected}"


@pytest.mark.parametrize(
    ("referer", "origin"),
    [
        ("https://shop.example/checkout?x=1", "https://shop.example"),
        ("https://SHOP.example:443/", "https://shop.example"),
        ("https://shop.example:8443/", "https://shop.example:8443"),
        ("https://user:secret@shop.example/", "https://shop.example"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("http://a.localhost:3000/", "http://a.localhost:3000"),
        ("http://127.0.0.1/", "http://127.0.0.1"),
        ("http://shop.example/", None),
        ("http://127.0.0.1.evil.example/", None),
        ("http://localhost.evil.example/", None),
        ("", None),
        ("about:blank", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//shop.example", None),
        ("https://", None),
        ("https://shop.example:junk/", None),
        ("https://shop.example:99999/", None),
        ("http://[::1", None),
        ("https://[junk]/", None),
        ("https://shop.example\"'<script>/", None),
        ("https://sh op.example/", None),
        ("https://\u212aelvin.example/", None),
        ("\xff\xfe", None),
        ("x" * 10_000, None),
    ],
)
def test_framing_origin_comes_from_the_referer_as_far_as_it_is_one(
    site: Site, referer: str, origin: str | None
) -> None:
    header = referer.encode("utf-8").decode("latin-1")
    response = site.get(environ_overrides={"HTTP_REFERER": header})
    assert (response.status_code, boot_of(response)["frameOrigin"]) == (200, origin)


def test_framing_origin_is_one_of_the_list_where_there_is_one(build_site: BuildSite) -> None:
    site = build_site(settings={"allowed_frame_origins": ("https://shop.example",)})
    asked = ("https://shop.example/x", "https://shop.example:8443/", "https://other.example/", "http://localhost/")
    bound = [boot_of(site.get(headers={"Referer": referer}))["frameOrigin"] for referer in asked]
    assert bound == ["https://shop.example", None, None, None]


AGAIN = re.compile(r'<a href="([^"]*)">Reload the page</a>')


def test_page_that_is_loaded_again_stays_bound_to_the_same_origin(site: Site) -> None:
    """Neither a link of ours nor, in most browsers, a reload sends a Referer."""
    (again,) = AGAIN.findall(site.get(headers={"Referer": "https://shop.example:8443/x"}).text)
    assert again == "?from=https%3A%2F%2Fshop.example%3A8443"
    response = site.get(f"/session/{site.token}{again}")
    assert boot_of(response)["frameOrigin"] == "https://shop.example:8443"
    assert AGAIN.findall(response.text) == [again]
    assert AGAIN.findall(site.get().text) == [""]


@pytest.mark.parametrize(
    "written", ["", "x", "http://shop.example", "https://", "javascript:alert(1)", "\xff", "a" * 9_000]
)
def test_what_somebody_writes_there_is_judged_as_a_referer(site: Site, written: str) -> None:
    response = site.get(f"/session/{site.token}", query_string={"from": written})
    assert (response.status_code, boot_of(response)["frameOrigin"]) == (200, None)


def test_it_is_no_way_around_the_list_nor_past_a_referer(build_site: BuildSite) -> None:
    site = build_site(settings={"allowed_frame_origins": ("https://shop.example",)})
    link = f"/session/{site.token}?from="
    assert boot_of(site.get(f"{link}https://shop.example"))["frameOrigin"] == "https://shop.example"
    assert boot_of(site.get(f"{link}https://other.example"))["frameOrigin"] is None
    framed = site.get(f"{link}https://shop.example", headers={"Referer": "https://other.example/"})
    assert boot_of(framed)["frameOrigin"] is None


def test_boot_data_hold_neither_token_nor_secret(site: Site) -> None:
    response = site.get()
    boot = boot_of(response)
    session, hosted = site.studio.stored()
    assert boot["sessionId"] == session.session_id
    for secret in (site.token, hosted.hosted_session_id, session.entity_id, session.organization_id, "s" * 40):
        assert secret not in response.text
    assert "https://" not in response.text
    assert "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("session_language", "default", "browser", "shown"),
    [
        ("es", "pt", "en", "es"),
        (None, "en", "pt-BR,en;q=0.5", "pt"),
        (None, "en", "it, es;q=0.9, pt;q=0.8", "es"),
        (None, "pt", "it", "pt"),
        (None, "pt", "", "pt"),
        (None, "xx", "yy", "en"),
        ("xx", "es", "", "es"),
        (None, "en", ";q=x,,==, \xff; *;q=-1", "en"),
        (None, "es", "*", "es"),
        (None, "en", "es;q=" + "9" * 500, "en"),
        (None, "es", "../../etc/passwd, en_US.UTF-8" * 50, "en"),
    ],
)
def test_language_is_the_sessions_then_the_browsers_then_the_default(
    build_site: BuildSite, session_language: str | None, default: str, browser: str, shown: str
) -> None:
    site = build_site(settings={"default_language": default}, session={"language": session_language})
    response = site.get(environ_overrides={"HTTP_ACCEPT_LANGUAGE": browser})
    assert response.status_code == 200
    assert boot_of(response)["language"] == shown
    assert f'<html lang="{shown}" dir="ltr">' in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/session/forged",
        "/session/a/b",
        "/session/../x",
        "/session/%00",
        "/session/%ff%fe",
        f"/session/{'x' * 3_000}",
    ],
)
def test_forged_link_is_404_with_a_page_and_a_code(site: Site, path: str) -> None:
    response = site.get(path)
    assert response.status_code == 404
    assert 'data-code="unknown_session"' in response.text


def test_link_with_something_behind_it_is_a_forged_one(site: Site) -> None:
    for path in (f"/session/{site.token}/", f"/session/{site.token}x", f"/session/{site.token}/x"):
        response = site.get(path)
        assert (response.status_code, 'data-code="unknown_session"' in response.text) == (404, True)


def test_ticket_is_no_link(site: Site) -> None:
    site.studio.up_to_still()
    assert site.get(f"/session/{site.ticket()}").status_code == 404


def test_link_of_a_session_that_no_longer_exists_is_404(site: Site) -> None:
    token = site.links.session_token("0190aaaa-0000-7000-8000-000000000000", site.studio.clock.now())
    assert site.get(f"/session/{token}").status_code == 404


def test_expired_link_is_410_in_the_sessions_language_and_for_its_frames(build_site: BuildSite) -> None:
    site = build_site(settings={"allowed_frame_origins": ("https://shop.example",)}, session={"language": "es"})
    site.studio.clock.advance(hours=25)
    response = site.get()
    assert response.status_code == 410
    assert 'data-code="expired"' in response.text
    assert '<html lang="es"' in response.text
    assert csp_of(response)["frame-ancestors"] == "https://shop.example"
    assert site.studio.stored()[0].status is SessionStatus.EXPIRED


def test_session_that_is_over_shows_its_end_again(build_site: BuildSite) -> None:
    site = build_site(session={"callback": "https://shop.example/back?x=1"})
    site.studio.hello()
    site.studio.withdraw(site.studio.hosted_id)
    response = site.get()
    boot = boot_of(response)
    assert (response.status_code, boot["state"], boot["result"]["outcome"]) == (200, "over", "abandoned")
    assert boot["result"]["redirect"]["url"].startswith("https://shop.example/back?x=1&sessionId=")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_fetching_the_page_begins_nothing(site: Site, method: str) -> None:
    before = site.studio.stored()
    response = site.app.test_client().open(f"/session/{site.token}", method=method)
    assert (response.status_code, site.studio.stored()) == (200, before)
    assert (before[0].status, site.studio.live.count()) == (SessionStatus.PENDING, 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_page_takes_no_other_method(site: Site, method: str) -> None:
    assert site.app.test_client().open(f"/session/{site.token}", method=method).status_code == 405


def test_store_that_is_away_gets_a_page_that_says_so(build_site: BuildSite) -> None:
    site = build_site(read_capture=_away)
    response = site.get()
    assert response.status_code == 503
    assert 'data-code="unavailable"' in response.text
    assert "Something went wrong on our side" in response.text
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Cache-Control"] == "no-store"


def _away(*_: object) -> None:
    raise StoreUnavailable("the store is out of reach")


def test_no_log_holds_a_token(build_site: BuildSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    site = build_site(session={"callback": "https://shop.example/back"})
    token = site.token
    page = site.page()
    page.hello()
    page.ask("telemetry", {"events": [{"name": "ready", "at_ms": 1}]})
    page.ask("cancel", {})
    site.get()
    site.replace(read_capture=_away)
    assert page.hello()["code"] == "unavailable"
    assert caplog.text
    assert token not in caplog.text
    assert "result=" not in caplog.text
