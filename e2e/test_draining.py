"""A server that is restarted while people are before their cameras."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import PHONE
from e2e.performer import Act, put_before_camera
from tests.live_server import Api, running_server


def test_a_page_outlives_the_restart_of_its_server_and_nobody_has_to_press_anything(
    browser: Browser, performer: Performance, tmp_path: Path
) -> None:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    put_before_camera(context, Act(performer))
    page = context.new_page()
    capture = CapturePage(page)
    with running_server(tmp_path) as server:
        api = Api(server.url, server.demo_key())
        entity_id = api.enrol(performer.name, performer.portrait)
        created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
        page.goto(created["sessionUrl"])
        capture.start_camera()
        capture.expect_screen("challenge")
        assert server.terminate() == 0
        capture.expect_screen("draining")
        expect(capture.heading).to_have_text("Back in a moment")
        capture.shoot("draining")
    with running_server(tmp_path, port=urlsplit(server.url).port):
        capture.expect_screen("align", "challenge", timeout_ms=30_000)
        capture.expect_screen("challenge")
        session = api.session(created["id"])
        assert (session["status"], session["attempts"]) == ("in_progress", 1), "a restart costs no attempt"
    api.close()
    context.close()
