"""Every trouble of camera, browser, frame and network has a screen with a way on, provoked in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from app.domain.challenge import Ability, ChallengeKind, more_after_replacement
from app.simulation.performance import Performance
from e2e.capture_page import FREE_RETRIES, SESSION_MS, CapturePage
from e2e.conftest import DESKTOP, PHONE, LaunchBrowser, OpenPage
from e2e.integrator import Integrator
from e2e.performer import Act, still_photograph
from tests.live_server import Api

CAMERA = Path(__file__).with_name("troubles.js").read_text("utf-8")
INSTAGRAM = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 350"
)
SHIFT_MAX = 0.01
"""Of the layout-shift score in a whole session; browsers call 0.1 good."""

TURNED = """() => new Promise((turned) => {
  const video = document.querySelector("video");
  const look = () => (video.videoWidth === 480 ? turned() : requestAnimationFrame(look));
  look();
})"""
"""Not `wait_for_function`: the page's own policy forbids what that evaluates."""

AWAY_MS = 2_500
"""More than alignment takes: a page that went on would be asked something by then."""

Start = Callable[..., CapturePage]


@pytest.fixture
def start(open_page: OpenPage, api: Api, entity_id: str) -> Start:
    """A session in the camera of `troubles.js`, up to the screen before the camera starts."""

    def start_one(*answers: str, up_to: str = "precheck", **options: object) -> CapturePage:
        page = open_page(None, **options)
        page.add_init_script(CAMERA)
        page.goto(api.open_session(entity_id)["sessionUrl"])
        capture = CapturePage(page)
        capture.expect_screen("consent")
        page.evaluate("answers => window.camera?.answers.push(...answers)", list(answers))
        capture.accept_consent()
        capture.expect_screen("precheck")
        if up_to != "precheck":
            capture.button("start_pressed").click()
            capture.expect_screen(up_to)
        return capture

    return start_one


def expect_title(capture: CapturePage, title: str) -> None:
    expect(capture.heading).to_have_text(title)


def hide(page: Page, *, is_hidden: bool) -> None:
    """As if another tab lay over this one."""
    page.evaluate(
        """isHidden => {
          Object.defineProperty(document, "hidden", {value: isHidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


def test_each_refusal_has_its_words_and_the_next_try_may_succeed(start: Start) -> None:
    capture = start("OverconstrainedError", "AbortError", "SecurityError", "SomethingNew", up_to="blocked")
    for title in ("This camera does not fit", "The camera is busy", "This site does not let us use the camera"):
        expect_title(capture, title)
        again = "start_pressed" if title != "This site does not let us use the camera" else "handoff_pressed"
        expect(capture.button(again)).to_be_enabled()
        capture.shoot(f"blocked-{title[:12]}")
        if again == "start_pressed":
            capture.button(again).click()


def test_question_that_nobody_answers_can_be_asked_again(start: Start) -> None:
    capture = start()
    page = capture.page
    page.clock.install()
    page.evaluate("window.camera.answers.push('never')")
    capture.button("start_pressed").click()
    capture.expect_screen("asking")
    assert "exact" not in page.evaluate("JSON.stringify(window.camera.constraints)")
    page.clock.fast_forward(16_000)
    expect(capture.within.locator("p.lead")).to_contain_text("No answer yet.")
    capture.shoot("asking-slow")
    capture.button("start_pressed").click()
    capture.expect_screen("align")


def test_covered_lens_unplugged_camera_and_turned_phone(start: Start) -> None:
    capture = start(up_to="align")
    page = capture.page
    capture.expect_hint("no_face")
    assert page.evaluate("window.shifted()") < SHIFT_MAX
    page.evaluate("window.camera.turn()")
    page.evaluate(TURNED)
    page.set_viewport_size({"width": PHONE["height"], "height": PHONE["width"]})
    expect(capture.heading).to_be_in_viewport()
    capture.shoot("turned")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    capture.expect_hint("no_face")
    page.evaluate("window.forgetShifts()")
    page.evaluate("window.camera.isBlack = true")
    capture.expect_screen("blocked")
    expect_title(capture, "The camera shows only black")
    capture.button("cameras").click()
    page.get_by_role("dialog").get_by_role("button", name="Back camera").click()
    capture.expect_screen("align")
    assert page.evaluate("window.camera.constraints.video.deviceId.ideal") == "camera-1"
    assert page.evaluate("localStorage.getItem('bonafide.camera')") == "camera-1"
    page.evaluate("window.camera.isBlack = false; window.camera.unplug()")
    capture.expect_screen("blocked")
    expect_title(capture, "The camera has stopped")
    capture.button("start_pressed").click()
    capture.expect_screen("align")
    assert page.evaluate("window.shifted()") < SHIFT_MAX


def test_person_says_what_they_need_and_the_server_is_told(start: Start) -> None:
    capture = start()
    page = capture.page
    capture.button("needs").click()
    form = page.get_by_role("dialog")
    form.get_by_label("More time for each step").check()
    form.get_by_label("close my eyes").check()
    capture.shoot("needs")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    (heard,) = [text for text in page.evaluate("window.sent") if '"hello"' in text and "blink" in text]
    assert '"accessibility":{"avoid":["blink"],"more_time":true}' in heard
    capture.button("start_pressed").click()
    capture.expect_screen("align")
    capture.button("speech_pressed").click()
    expect(capture.button("speech_pressed")).to_have_attribute("aria-pressed", "true")
    capture.button("help").click()
    page.get_by_role("dialog").get_by_role("button", name="I need something different").click()
    expect(form.get_by_label("More time for each step")).to_be_checked()
    expect(form.get_by_label("Read the prompts aloud")).to_be_checked()
    form.get_by_role("button", name="Go back").click()
    capture.expect_hint("no_face")
    assert page.evaluate(
        "[...document.querySelectorAll('button')].every(one => { const box = "
        "one.getBoundingClientRect(); return box.width === 0 || (box.width >= 24 && box.height >= 24); })"
    )


def test_view_of_another_app_offers_the_link(start: Start) -> None:
    capture = start("NotAllowedError", up_to="blocked", user_agent=INSTAGRAM)
    expect_title(capture, "Open this page in your browser")
    page = capture.page
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')); }")
    capture.button("copy_link").click()
    address = page.get_by_role("dialog").get_by_label("Link to this check")
    expect(address).to_have_value(page.url)
    capture.shoot("link")
    page.keyboard.press("Escape")
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    capture.button("copy_link").click()
    expect(page.locator("#polite")).to_have_text("Link copied.")
    assert page.evaluate("window.copied === location.href")


def test_frame_that_is_locked_in_says_so_to_its_developer(
    open_page: OpenPage, api: Api, entity_id: str, integrator: Integrator
) -> None:
    url = api.open_session(entity_id)["sessionUrl"]
    page = open_page(None, viewport=DESKTOP, is_conduct_checked=False)
    page.goto(f"{integrator.origin}/done")
    page.evaluate(
        """url => {
          const frame = Object.assign(document.createElement("iframe"), {src: url, allow: "camera"});
          frame.sandbox = "allow-scripts";
          document.body.append(frame);
        }""",
        url,
    )
    frame = page.frame_locator("iframe")
    expect(frame.locator('#shell[data-screen="blocked"]')).to_be_attached()
    expect(frame.get_by_text("allow-same-origin")).to_be_attached()
    page.wait_for_timeout(300)
    expect(frame.locator('#shell[data-screen="blocked"]')).to_be_attached()


def test_browsers_own_answers(launch_browser: LaunchBrowser, api: Api, entity_id: str) -> None:
    """A refusal by the real Chromium, no camera at all, and an address that is not encrypted."""
    fakes = ("--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream")
    refusing = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
    url = api.open_session(entity_id)["sessionUrl"]
    insecure = re.sub(r"//127\.0\.0\.1", "//insecure.test", url)
    for flags, address, title in (
        (refusing, url, "The camera is not allowed"),
        (fakes, url, "No camera was found"),
        (("--host-resolver-rules=MAP insecure.test 127.0.0.1",), insecure, "This page is not secure"),
    ):
        browser = launch_browser(*flags)
        capture = CapturePage(browser.new_page())
        capture.page.goto(address)
        if address != insecure:
            if capture.expect_screen("consent", "precheck") == "consent":
                capture.accept_consent()
            capture.expect_screen("precheck")
            capture.button("start_pressed").click()
        capture.expect_screen("blocked")
        expect_title(capture, title)
        # Without a connection there is no link for a phone.
        expect(capture.button("handoff_pressed")).to_have_count(0 if address == insecure else 1)
        browser.close()


def start_of_movements(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> tuple[str, CapturePage]:
    """A session whose first movement is asked of somebody who makes none; its id."""
    created = api.open_session(entity_id)
    page = open_page(Act(still_photograph(performer)))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    return created["id"], capture


def standing_movement(capture: CapturePage) -> tuple[str, int]:
    """Which movement is asked for, and how many there are in all."""
    capture.expect_screen("challenge")
    step = capture.stage.locator(".stage__step").inner_text()
    return str(capture.stage.get_attribute("data-challenge")), int(step.split()[-1])


def times_asked(capture: CapturePage) -> int:
    heard: list[str] = capture.page.evaluate("window.performer.heard")
    return heard.count("challenge")


def test_hidden_tab_is_asked_nothing_and_goes_on_with_another_movement(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    """In the same attempt: what stood is void, another is drawn in its place, and there is more to do."""
    session_id, capture = start_of_movements(open_page, api, entity_id, performer)
    asked, total = standing_movement(capture)
    hide(capture.page, is_hidden=True)
    capture.expect_screen("align")
    capture.page.wait_for_timeout(AWAY_MS)
    assert (capture.expect_screen("align"), times_asked(capture)) == ("align", 1)
    hide(capture.page, is_hidden=False)
    another, in_all = standing_movement(capture)
    assert another != asked
    assert in_all == total + more_after_replacement(len(ChallengeKind))
    session = api.session(session_id)
    assert (session["status"], session["attempts"]) == ("in_progress", 1), "it costs no attempt"


def test_help_over_a_movement_stops_its_time_and_leads_to_another(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    session_id, capture = start_of_movements(open_page, api, entity_id, performer)
    asked, _ = standing_movement(capture)
    capture.button("help").click()
    dialog = capture.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    capture.page.wait_for_timeout(AWAY_MS)
    # Another tab over the help changes nothing.
    hide(capture.page, is_hidden=True)
    hide(capture.page, is_hidden=False)
    capture.page.wait_for_timeout(AWAY_MS)
    assert times_asked(capture) == 1
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="I can't do this movement").click()
    expect(dialog).to_be_hidden()
    ability = re.sub("_(left|right|up|down)$", "", asked)
    of_another = f'section.stage:not([data-challenge=""]):not([data-challenge^="{ability}"])'
    capture.within.locator(of_another).wait_for(state="attached")
    session = api.session(session_id)
    assert (session["status"], session["attempts"]) == ("in_progress", 1), "it costs no attempt"


def test_page_that_comes_back_begins_anew(start: Start) -> None:
    capture = start(up_to="align")
    page = capture.page
    capture.expect_hint("no_face")
    with page.expect_navigation():
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    capture.expect_screen("precheck")
    page.goto("about:blank")
    page.go_back()
    capture.expect_screen("precheck")


def test_photo_that_does_not_get_through_is_sent_again(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    """Nothing of the movements is asked for again: the session waits for the photo alone."""
    turns = performer.abilities_to_avoid_but(Ability.HEAD_TURN)
    created = api.open_session(entity_id, accessibility={"avoid": turns})
    page = open_page(Act(performer), is_conduct_checked=False)
    page.route("**/capture", lambda route: route.fulfill(status=503, json={"support_id": "no-photo"}))
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    for _ in range(FREE_RETRIES):
        if capture.expect_screen("failed", "retry", timeout_ms=SESSION_MS) == "failed":
            break
        capture.button("retry_pressed").click()
        capture.expect_screen("align", "challenge")
    expect_title(capture, "The photo did not get through")
    page.unroute("**/capture")
    capture.button("retry_pressed").click()
    capture.expect_screen("processing", "outcome")
    capture.expect_screen("outcome", timeout_ms=SESSION_MS)
    assert api.session(created["id"])["attempts"] == 1


def test_full_server_and_one_that_goes_down(open_page: OpenPage, api: Api, entity_id: str) -> None:
    page = open_page(None)
    doors: list[WebSocketRoute] = []
    is_full = True

    def at_the_door(ws: WebSocketRoute) -> None:
        doors.append(ws)
        if not is_full:
            ws.connect_to_server()
            return
        ws.on_message(lambda _: ws.send('44/capture,{"message":"busy","data":{"code":"busy"}}'))
        ws.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}')

    page.route_web_socket(re.compile("/socket.io/"), at_the_door)
    page.goto(api.open_session(entity_id)["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("busy")
    capture.shoot("busy")
    is_full = False
    capture.button("reconnect_pressed").click()
    capture.expect_screen("consent")
    doors[-1].send('42/capture,["draining",{"retry_in_ms":500}]')
    capture.expect_screen("draining")
    capture.shoot("draining")
    capture.button("reconnect_pressed").click()
    capture.expect_screen("consent")
