"""The light challenge in a real browser: a warning first, a way round it, and colours that are really shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from app.domain.light import LIGHT_COLOURS_SHOWN, LIGHT_RGB, LightColour
from app.simulation.performance import Performance
from e2e.capture_page import FREE_RETRIES, SESSION_MS, CapturePage
from e2e.conftest import PHONE, OpenPage
from e2e.performer import Act
from tests.live_server import Api, Json

SEEN = """() => {
  window.seen = [];
  const stage = document.querySelector("section.stage");
  new MutationObserver(() => {
    const style = getComputedStyle(stage);
    const seen = [stage.dataset.light, style.backgroundColor, style.transitionDuration];
    const last = window.seen.at(-1);
    if (last === undefined || last[0] !== seen[0]) window.seen.push(seen);
  }).observe(stage, {attributeFilter: ["data-light"]});
}"""


@pytest.fixture
def light_is_demanded(api: Api) -> Iterator[None]:
    """Of the sessions of this test only."""
    assert api.http.patch("/api/kyc/settings", json={"lightChallenge": True}).json()["lightChallenge"] is True
    yield
    assert api.http.patch("/api/kyc/settings", json={"lightChallenge": None}).json()["lightChallenge"] is False


def expect_notice(capture: CapturePage) -> None:
    """A busy machine may interrupt the frames, which costs no attempt; then one tries again."""
    for _ in range(FREE_RETRIES):
        if capture.expect_screen("light_notice", "retry", timeout_ms=SESSION_MS) == "light_notice":
            break
        capture.button("retry_pressed").click()
        capture.expect_screen("align", "challenge")
    capture.expect_screen("light_notice")
    expect(capture.heading.first).to_be_visible()


def before_the_lights(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> tuple[Json, CapturePage]:
    """A session whose movements are done, at the notice: but for the lights it would be approved."""
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    page = open_page(Act(performer), viewport=PHONE)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    expect_notice(capture)
    return created, capture


def light_evidence(session: Json) -> Json:
    found = [one for one in session["decision"]["liveness"]["detectors"] if one["name"] == "light_response"]
    assert len(found) == 1
    evidence: Json = found[0]
    return evidence


@pytest.mark.usefixtures("light_is_demanded")
def test_who_skips_the_lights_is_looked_at_by_a_person(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created, capture = before_the_lights(open_page, api, entity_id, performer)
    capture.shoot("light-notice")
    assert capture.stage.get_attribute("data-light") == "off"
    capture.button("light_declined").click()
    capture.expect_screen("outcome", timeout_ms=SESSION_MS)
    session = api.session(created["id"])
    assert light_evidence(session)["reason"] == "declined"
    assert session["status"] != "approved"


@pytest.mark.usefixtures("light_is_demanded")
def test_page_shines_in_each_colour_at_once_and_stops(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    """The performer is a canvas, which no light falls on: nothing answers, and nobody is approved unseen."""
    created, capture = before_the_lights(open_page, api, entity_id, performer)
    page = capture.page
    page.evaluate(SEEN)
    capture.button("light_accepted").click()
    expect(capture.within.locator('section.stage:not([data-light="off"])')).to_be_visible()
    capture.shoot("light-colour")
    capture.expect_screen("outcome", timeout_ms=SESSION_MS)
    shown = [one for one in page.evaluate("window.seen") if one[0] != "off"]
    assert len(shown) == LIGHT_COLOURS_SHOWN
    for name, background, transition in shown:
        red, green, blue = LIGHT_RGB[LightColour(name)]
        assert (background, transition) == (f"rgb({red}, {green}, {blue})", "0s")
    session = api.session(created["id"])
    assert light_evidence(session)["reason"] == "no_response_visible"
    assert session["status"] != "approved"
