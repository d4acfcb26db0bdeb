"""Continue: the result is signed when the person goes on, however long the final screen was looked at."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import StoreUnavailable
from tests.hosted.conftest import BuildSite, Site
from tests.hosted.test_handoff import computer, taken

BACK = "https://shop.example/back?x=1"


def over(build_site: BuildSite, **given: Any) -> Site:
    """A site whose session was left."""
    site = build_site(**{"session": {"callback": BACK}, **given})
    site.studio.hello()
    site.studio.withdraw(site.studio.hosted_id)
    return site


def go_on(site: Site, **more: Any) -> TestResponse:
    return site.get(f"/session/{site.token}?continue", **more)


def test_the_result_is_signed_when_it_is_asked_for(build_site: BuildSite) -> None:
    site = over(build_site)
    for _ in range(2):
        site.studio.clock.advance(hours=1)
        response = go_on(site)
        assert response.status_code == 303
        query = parse_qs(urlsplit(response.headers["Location"]).query)
        session = site.studio.stored()[0]
        signed_at = int(site.studio.clock.now().timestamp())
        assert query == {
            "x": ["1"],
            "sessionId": [session.session_id],
            "status": ["abandoned"],
            "result": [f"{session.organization_id}.{session.session_id}.abandoned.{signed_at}"],
        }


def test_it_leads_to_the_sessions_own_callback_whatever_is_asked(build_site: BuildSite) -> None:
    site = over(build_site)
    for wish in (
        "continue=https://evil.example",
        "continue&callback=https://evil.example",
        "continue=//evil.example",
    ):
        location = site.get(f"/session/{site.token}?{wish}").headers["Location"]
        assert location.startswith("https://shop.example/back?x=1&sessionId=")
        assert "evil" not in location


def test_callback_of_another_script_is_written_as_headers_need_it(build_site: BuildSite) -> None:
    site = over(build_site, session={"callback": "https://shop.example/zurück?ä=ö#ende"})
    location = go_on(site).headers["Location"]
    assert location.startswith("https://shop.example/zur%C3%BCck?%C3%A4=%C3%B6&sessionId=")
    assert location.endswith("#ende")


def test_it_is_not_kept_and_lets_no_address_slip(build_site: BuildSite) -> None:
    response = go_on(over(build_site))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in response.headers
    assert response.text == ""


def test_expired_session_leads_there_too(build_site: BuildSite) -> None:
    site = build_site(session={"callback": BACK})
    site.studio.clock.advance(hours=25)
    response = go_on(site)
    assert response.status_code == 303
    assert "&status=expired&" in response.headers["Location"]


def test_session_that_runs_goes_nowhere(build_site: BuildSite) -> None:
    site = build_site(session={"callback": BACK})
    response = go_on(site)
    assert response.status_code == 200
    assert "Location" not in response.headers


def test_without_a_callback_the_final_screen_is_shown(build_site: BuildSite) -> None:
    response = go_on(over(build_site, session={}))
    assert response.status_code == 200
    assert '"state": "over"' in response.text


@pytest.mark.parametrize("method", ["initiator", "completer"])
def test_only_the_device_that_is_sent_on_goes_on(build_site: BuildSite, method: str) -> None:
    site = build_site(session={"callback": BACK}, settings={"callback_method": method})
    token = taken(site, computer(site).ask("handoff", {}))
    page = site.page(token)
    page.hello("phone-0001")
    page.ask("cancel", {})
    on_phone = site.get(f"/session/{token}?continue").status_code
    on_computer = go_on(site).status_code
    assert (on_phone, on_computer) == {"completer": (303, 200), "initiator": (200, 303)}[method]


def test_forged_link_and_absent_store_have_their_pages(build_site: BuildSite) -> None:
    site = over(build_site)
    assert site.get("/session/forged?continue").status_code == 404
    site.replace(read_capture=_away)
    response = go_on(site)
    assert response.status_code == 503
    assert 'href=""' in response.text, "tries just this again"


def _away(*_: object) -> None:
    raise StoreUnavailable("the store is out of reach")
