"""The page on other screens, in other languages, by keyboard, and with a camera that is not to be had."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import DESKTOP, PHONE, OpenPage
from e2e.integrator import Integrator
from e2e.performer import Act, empty_room
from e2e.test_approved import framed_by
from tests.live_server import Api

CONSENT_WORDS = {
    "es": ("Confirma que eres tú", "Aceptar y continuar"),
    "pt": ("Confirme que é você", "Aceitar e continuar"),
    "fr": ("Confirmez que c’est vous", "Accepter et continuer"),
    "ar": ("أكّد أنك أنت", "أوافق وأتابع"),
    "zh": ("确认是您本人", "同意并继续"),
}
VIEWPORTS = {"dark": PHONE, "light": DESKTOP}


@pytest.mark.parametrize(
    ("language", "scheme"), [("es", "dark"), ("pt", "light"), ("ar", "dark"), ("zh", "light"), ("fr", "dark")]
)
def test_page_speaks_the_sessions_language(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance, language: str, scheme: str
) -> None:
    title, accept = CONSENT_WORDS[language]
    created = api.open_session(entity_id, language=language)
    page = open_page(Act(empty_room(performer)), color_scheme=scheme, viewport=VIEWPORTS[scheme], locale="en-GB")
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    expect(capture.heading).to_have_text(title)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    capture.shoot(f"consent-{language}-{scheme}")
    page.get_by_role("button", name=accept).click()
    capture.expect_screen("precheck")
    capture.button("start_pressed").click()
    capture.expect_hint("no_face")
    capture.shoot(f"align-{language}-{scheme}")
    width, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner


@pytest.mark.parametrize(
    ("refusal", "title"),
    [
        ("NotAllowedError", "The camera is not allowed"),
        ("NotReadableError", "The camera is busy"),
        ("NotFoundError", "No camera was found"),
    ],
)
def test_camera_trouble_has_its_own_words_and_a_way_on(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance, refusal: str, title: str
) -> None:
    created = api.open_session(entity_id)
    page = open_page(Act(empty_room(performer), refusal=refusal))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("blocked")
    expect(capture.heading).to_have_text(title)
    expect(capture.button("start_pressed")).to_be_enabled()
    capture.shoot(f"blocked-{refusal}")
    assert api.session(created["id"])["status"] == "in_progress"


def test_frame_without_permission_shows_the_integrator_what_to_write(
    open_page: OpenPage, api: Api, entity_id: str, integrator: Integrator
) -> None:
    created = api.open_session(entity_id)
    page = open_page(None, viewport=DESKTOP)
    page.goto(integrator.embed(created["sessionUrl"], allow="fullscreen"))
    capture = CapturePage(page, framed_by(page))
    capture.start_camera()
    capture.expect_screen("blocked")
    expect(capture.within.get_by_text('allow="camera"')).to_be_visible()
    capture.shoot("blocked-policy")
    errors = [item["data"] for item in page.evaluate("window.messages") if item["type"] == "error"]
    assert errors == [{"code": "policy"}]
