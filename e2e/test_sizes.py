"""From the smallest phone to a desk: what is to be read and pressed is there, whole, and nothing lies over it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from e2e.capture_page import CapturePage
from e2e.conftest import OpenPage
from e2e.gallery import hang_gallery, open_gallery, show
from tests.live_server import Api
from tests.portrait import close_up, jpeg

Sizes = Sequence[tuple[int, int]]
WINDOWS: Sizes = ((320, 568), (768, 1024), (1440, 900), (640, 450))
"""The last one is 1280 × 900 at a zoom of 200 %."""
FRAMES: Sizes = ((360, 600), (1000, 700), (1000, 900))
LOOKS = (
    "consent",
    "precheck",
    "align",
    "hint-off_centre-left",
    "hint-too_far-escalated",
    "challenge-head_turn-left",
    "challenge-look-up",
    "blocked-denied",
    "busy",
    "retry",
    "light_notice",
    "handoff",
    "outcome-approved-redirect",
    "outcome-rejected-attempts_exhausted",
)

FAULTS = """() => {
  const faults = [];
  const inside = ({ left, top, right, bottom }) =>
    left >= -0.5 && top >= -0.5 && right <= innerWidth + 0.5 && bottom <= innerHeight + 0.5;
  const meet = (one, other) =>
    one.left < other.right - 1 && other.left < one.right - 1 &&
    one.top < other.bottom - 1 && other.top < one.bottom - 1;
  const rect = (element) => element.getBoundingClientRect();
  const isShown = (one) =>
    one.checkVisibility() && getComputedStyle(one).visibility === "visible" && !one.closest("[inert]");
  const shown = (selector) => [...document.querySelectorAll(selector)].filter(isShown);
  const screen = document.getElementById("screen");
  for (const one of [document.documentElement, screen])
    if (one.scrollWidth > one.clientWidth) faults.push(`${one.id || "page"} scrolls sideways`);
  const buttons = shown("button, a.button, summary");
  for (const button of buttons) {
    const name = button.dataset.action ?? button.textContent;
    button.scrollIntoView({ block: "nearest" });
    const { left, top, width, height } = rect(button);
    const over = document.elementFromPoint(left + width / 2, top + height / 2);
    if (!inside(rect(button))) faults.push(`${name} is out of sight`);
    else if (!button.contains(over)) faults.push(`${name} lies under ${over?.className || over?.tagName}`);
    if (width < 24 || height < 24) faults.push(`${name} is ${width} x ${height}`);
    if (button.scrollWidth > button.clientWidth + 1) faults.push(`${name} is cut`);
  }
  const words = shown(".stage__prompt, .stage__hint").filter((one) => one.textContent !== "");
  for (const one of words) {
    if (!inside(rect(one))) faults.push(`${one.className} is out of sight`);
    if (one.scrollHeight > one.clientHeight + 1) faults.push(`${one.className} is cut`);
    for (const other of [...words, ...buttons])
      if (one !== other && meet(rect(one), rect(other))) faults.push(`${one.className} meets ${other.className}`);
  }
  screen.scrollTop = screen.scrollHeight;
  const last = screen.querySelector(".card__body")?.lastElementChild;
  const actions = screen.querySelector(".card__actions");
  if (last && actions && rect(last).bottom > rect(actions).top + 1) faults.push("the end cannot be read");
  screen.scrollTop = 0;
  const title = screen.querySelector("h1");
  const topOf = ({ left, top, width }) => document.elementFromPoint(left + width / 2, top + 8);
  const isSeen = (one) => inside(rect(one)) && one.contains(topOf(rect(one)));
  if (title && !isSeen(title)) faults.push("the title is not seen first");
  return faults;
}"""


@pytest.fixture
def gallery(browser: Browser) -> Iterator[Page]:
    """A page that draws any look."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    hang_gallery(page)
    yield page
    context.close()


def session_url(api: Api, language: str) -> str:
    entity_id = api.enrol("Somebody", jpeg(close_up()))
    return str(api.open_session(entity_id, language=language)["sessionUrl"])


# French has the longest texts, Arabic runs the other way; English lies between them.
@pytest.mark.parametrize(
    ("language", "windows", "frames"), [("fr", WINDOWS, FRAMES), ("ar", WINDOWS[:1], FRAMES[:1])]
)
def test_every_size_shows_all_that_is_to_be_read_and_pressed(
    gallery: Page, api: Api, language: str, windows: Sizes, frames: Sizes
) -> None:
    assert set(LOOKS) <= set(open_gallery(gallery, session_url(api, language)))
    found = []
    for sizes, framed in ((windows, ""), (frames, "document.documentElement.dataset.framed = ''")):
        for width, height in sizes:
            gallery.set_viewport_size({"width": width, "height": height})
            gallery.evaluate(framed)
            for name in LOOKS:
                show(gallery, name)
                shoot(gallery, f"{language}-{width}x{height}-{name}")
                found += [f"{width}x{height} {name}: {fault}" for fault in gallery.evaluate(FAULTS)]
    assert found == []


def shoot(page: Page, name: str) -> None:
    """A screenshot into the folder `BONAFIDE_SHOTS`, where that is set."""
    folder = os.environ.get("BONAFIDE_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


FROM_THE_TITLE = """async (title) => {
  for (let left = 2; left > 0; left -= 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  title.focus();
  document.getElementById("screen").scrollTop = 0;
}"""
"""Once the page has been drawn in its new size."""

FOCUSED = """() => {
  const { left, top, width, bottom } = document.activeElement.getBoundingClientRect();
  const at = (y) => document.activeElement.contains(document.elementFromPoint(left + width / 2, y));
  return [document.activeElement.tagName, at(top + 3) && at(bottom - 3)];
}"""


def test_focus_is_never_under_the_buttons(open_page: OpenPage, api: Api) -> None:
    """WCAG 2.2, 2.4.11: wherever the window ends."""
    page = open_page(None, viewport={"width": 320, "height": 568})
    page.goto(session_url(api, "en"))
    CapturePage(page).expect_screen("consent")
    for height in range(380, 720, 20):
        page.set_viewport_size({"width": 320, "height": height})
        page.locator(".card h1").evaluate(FROM_THE_TITLE)
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == ["SUMMARY", True], height
