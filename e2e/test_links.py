"""Links that are broken, over, or somebody else's."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from e2e.capture_page import CapturePage
from e2e.conftest import OpenPage
from tests.live_server import Api, LiveServer


def changed(token: str) -> str:
    """The same token with one character of its signature exchanged."""
    place = len(token) - 5
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_forged_link_says_so_in_the_browsers_language(
    open_page: OpenPage, api: Api, entity_id: str, language: str
) -> None:
    created = api.open_session(entity_id)
    # Chromium itself notes the 404 on the console.
    page = open_page(None, locale=language, is_conduct_checked=False)
    answer = page.goto(changed(created["sessionUrl"]))
    assert answer is not None
    assert answer.status == 404
    title = {
        "en": "This link does not work",
        "es": "Este enlace no funciona",
        "pt": "Este link não funciona",
    }
    expect(page.get_by_role("heading", level=1)).to_have_text(title[language])
    assert page.locator("html").get_attribute("lang") == language
    CapturePage(page).shoot(f"link-forged-{language}")
    assert api.session(created["id"])["status"] == "pending"


def test_expired_link_is_gone(open_page: OpenPage, api: Api, server: LiveServer, entity_id: str) -> None:
    created = api.open_session(entity_id)
    server.age_session(created["id"], timedelta(days=2))
    page = open_page(None, is_conduct_checked=False)
    answer = page.goto(created["sessionUrl"])
    assert answer is not None
    assert answer.status == 410
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    CapturePage(page).shoot("link-expired")
    assert api.session(created["id"])["status"] == "expired"


def test_link_preview_begins_nothing_and_page_keeps_to_itself(api: Api, entity_id: str) -> None:
    created = api.open_session(entity_id)
    answer = httpx.get(created["sessionUrl"])
    assert answer.status_code == 200
    assert api.session(created["id"])["status"] == "pending"
    assert "https://" not in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_key_of_another_organization_finds_nothing(server: LiveServer, api: Api, entity_id: str) -> None:
    created = api.open_session(entity_id)
    server.bonafide("org", "create", "stranger")
    stranger = Api(server.url, server.key_for("stranger"))
    paths = (
        f"/api/kyc/biometric/sessions/{created['id']}",
        f"/api/kyc/biometric/entities/{entity_id}/current",
        f"/api/entities/{entity_id}",
    )
    for path in paths:
        answer = stranger.http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    cancel = stranger.http.post(f"/api/kyc/biometric/sessions/{created['id']}/cancel")
    assert cancel.status_code == 404
    create = stranger.http.post("/api/kyc/biometric/sessions", json={"entityId": entity_id})
    assert create.status_code == 404
    stranger.close()
    assert api.session(created["id"])["status"] == "pending"
