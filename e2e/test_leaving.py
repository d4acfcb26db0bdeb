"""Ways out before the end: the person's, the integrator's, and another tab."""

from __future__ import annotations

from playwright.sync_api import expect

from app.domain.challenge import more_after_replacement
from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import OpenPage
from e2e.integrator import Integrator
from e2e.performer import Act, empty_room
from tests.live_server import Api


def test_person_leaves_with_the_keyboard(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance, integrator: Integrator
) -> None:
    created = api.open_session(entity_id, callback=integrator.callback)
    page = open_page(Act(empty_room(performer)))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_hint("no_face")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_visible()
    capture.shoot("leave")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    capture.button("leave_confirmed").click()
    capture.expect_screen("outcome")
    capture.shoot("left")
    assert page.evaluate("window.performer.track.readyState") == "ended"
    assert api.session(created["id"])["status"] == "abandoned"
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"{integrator.origin}/done**")
    assert integrator.returns[-1]["status"] == "abandoned"


def test_cancel_by_the_integrator_reaches_the_open_page(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id)
    page = open_page(Act(empty_room(performer)))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_hint("no_face")
    assert api.cancel(created["id"])["status"] == "cancelled"
    capture.expect_outcome("The check was ended")
    assert page.evaluate("window.performer.track.readyState") == "ended"


def test_declined_consent_takes_no_picture_and_is_rejected(
    open_page: OpenPage, api: Api, entity_id: str, integrator: Integrator
) -> None:
    created = api.open_session(entity_id, callback=integrator.callback)
    page = open_page(None)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    capture.button("decline").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Decline to be checked?")
    dialog.get_by_role("button", name="Yes, decline").click()
    capture.expect_outcome("You declined")
    capture.shoot("declined")
    session = api.session(created["id"])
    assert (session["status"], session["rejectionCode"]) == ("rejected", "CAPTURE_DECLINED")
    assert "CONSENT_DECLINED" in session["warnings"]
    page.wait_for_url(f"{integrator.origin}/done**")
    assert integrator.returns[-1]["status"] == "rejected"


def test_second_tab_supersedes_the_first_which_can_take_it_back(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id)
    first, second = CapturePage(open_page(Act(performer))), CapturePage(open_page(Act(performer)))
    first.page.goto(created["sessionUrl"])
    first.accept_consent()
    first.expect_screen("precheck")
    second.page.goto(created["sessionUrl"])
    # Consent was given already; the second tab goes on from there.
    second.expect_screen("precheck")
    first.expect_screen("superseded")
    first.shoot("superseded")
    first.button("reconnect_pressed").click()
    first.expect_screen("precheck")
    second.expect_screen("superseded")
    assert api.session(created["id"])["status"] == "in_progress"


def test_lost_connection_goes_on_where_it_was_and_a_reload_begins_anew(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    page = open_page(Act(performer))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("challenge")
    total = int(capture.stage.locator(".stage__step").inner_text().split()[-1])
    page.context.set_offline(True)
    page.evaluate("window.performer.socket.close()")
    capture.expect_screen("offline")
    expect(capture.heading.last).to_have_text("Connection lost")
    capture.shoot("offline")
    page.context.set_offline(False)
    # The same attempt: with another movement in the place of the one that was asked, and more to do.
    capture.expect_screen("align")
    capture.expect_screen("challenge")
    more = more_after_replacement(len(performer.kinds()))
    expect(capture.stage.locator(".stage__step")).to_contain_text(f"of {total + more}")
    page.reload()
    capture.expect_screen("precheck", "retry")
    capture.shoot("reloaded")
    assert api.session(created["id"])["status"] == "in_progress"
