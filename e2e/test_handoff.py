"""From a computer to a phone, and back: two devices, one session."""

from __future__ import annotations

import cv2
import numpy as np
from playwright.sync_api import Page, expect

from app.domain.face import BgrImage
from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import DESKTOP, OpenPage
from e2e.integrator import Integrator
from e2e.performer import Act, empty_room
from tests.live_server import Api

TOUCH = {"is_mobile": True, "has_touch": True}


def ask_for_phone(capture: CapturePage) -> tuple[str, str]:
    """The link as a camera reads it off the screen, and the number beside it."""
    capture.button("handoff_pressed").click()
    capture.expect_screen("handoff")
    code = capture.within.get_by_role("img", name="QR code")
    expect(code).to_be_visible()
    picture = cv2.imdecode(np.frombuffer(code.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return read_code(picture.astype(np.uint8)), capture.within.locator(".number__digits").inner_text()


def read_code(picture: BgrImage) -> str:
    """OpenCV's readers miss some codes at any one size; a phone's camera tries many."""
    for reader in (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()):
        for scale in (1, 2, 3):
            larger = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            text, _, _ = reader.detectAndDecode(larger)
            if text:
                return text
    raise AssertionError("no code can be read off the screen")


def expect_no_link(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_phone_takes_over_while_the_computer_follows_and_ends_both(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance, integrator: Integrator
) -> None:
    created = api.open_session(entity_id, callback=integrator.callback)
    computer = CapturePage(open_page(None, viewport=DESKTOP, color_scheme="dark"))
    computer.page.goto(created["sessionUrl"])
    computer.accept_consent()
    computer.expect_screen("precheck")
    link, number = ask_for_phone(computer)
    computer.shoot("handoff")
    phone = CapturePage(open_page(Act(empty_room(performer)), **TOUCH))
    phone.page.goto(link)
    expect(phone.page.get_by_text("from Chrome on Linux")).to_be_visible()
    phone.shoot("handoff-choice")
    phone.page.get_by_role("button", name=number, exact=True).click()
    computer.expect_screen("waiting_phone")
    phone.expect_screen("precheck")
    expect(phone.button("handoff_pressed")).to_have_count(0)
    phone.button("start_pressed").click()
    phone.expect_hint("no_face")
    expect(computer.within.get_by_text("Put your face in the oval on your phone.", exact=True)).to_be_visible()
    computer.shoot("waiting-phone")
    # Loaded anew the computer still only follows.
    computer.page.reload()
    computer.expect_screen("waiting_phone")
    phone.expect_screen("align")
    computer.page.keyboard.press("Escape")
    computer.button("leave_confirmed").click()
    for device in (computer, phone):
        device.expect_screen("outcome")
    expect(phone.page.get_by_text("Go back to your computer")).to_be_visible()
    phone.shoot("continue-on-computer")
    assert api.session(created["id"])["status"] == "abandoned"
    computer.page.get_by_role("link", name="Continue").click()
    computer.page.wait_for_url(f"{integrator.origin}/done**")


def test_links_work_once_and_the_computer_can_take_the_session_back(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id)
    computer = CapturePage(open_page(Act(empty_room(performer)), viewport=DESKTOP))
    computer.page.goto(created["sessionUrl"])
    computer.accept_consent()
    computer.expect_screen("precheck")
    link, _ = ask_for_phone(computer)
    # A link that is gone is an error of loading on the console.
    phone = CapturePage(open_page(None, is_conduct_checked=False, **TOUCH))
    phone.page.goto(link)
    phone.page.get_by_role("button", name="None of these").click()
    expect_no_link(phone.page, "The numbers did not match")
    phone.shoot("handoff-refused")
    expect(computer.heading).to_have_text("The numbers did not match")
    computer.shoot("handoff-refused-computer")
    link, number = ask_for_phone(computer)
    phone.page.goto(link)
    phone.page.get_by_role("button", name=number, exact=True).click()
    phone.expect_screen("precheck")
    session_page = phone.page.url
    phone.page.goto(link)
    expect_no_link(phone.page, "This link was used")
    computer.expect_screen("waiting_phone")
    computer.button("here_pressed").click()
    computer.expect_screen("precheck")
    phone.page.goto(session_page)
    expect_no_link(phone.page, "The check continues on your computer")
    computer.button("start_pressed").click()
    computer.expect_hint("no_face")
