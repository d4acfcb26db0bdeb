"""Who sees nothing, who has no mouse: axe on every look, and a whole check by keyboard and by what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from app.domain.challenge import Ability, ChallengeKind
from app.simulation.performance import Performance
from e2e.capture_page import SESSION_MS, CapturePage
from e2e.conftest import DESKTOP, PHONE, OpenPage
from e2e.gallery import examine, hang_gallery, open_gallery, show, unseen_texts
from e2e.gallery_pages import PAGES, Site
from e2e.performer import Act, still_photograph
from tests.live_server import Api, LiveServer

COLOURS_AND_SIZES = ("color-contrast", "link-in-text-block", "target-size", "html-has-lang", "html-lang-valid")
"""Rules on which language, direction and colours can tell; the others judge the structure, which is the same."""

BUT_TURNING = [one.value for one in Ability if one not in (Ability.HEAD_TURN, Ability.FLASH)]
"""What to avoid so that a session asks for two movements, one to each side, and is then reviewed by a person."""

TURNS = (ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT)

FAULTS = """() => {
  const { scrollHeight, scrollWidth, clientHeight, clientWidth } = document.documentElement;
  const headings = [...document.querySelectorAll("h1")]
    .filter((one) => one.checkVisibility() && one.closest("[inert]") === null);
  return [
    ...(headings.length === 1 ? [] : [`${headings.length} headings`]),
    ...(scrollHeight > clientHeight ? [`${scrollHeight} px high in ${clientHeight}`] : []),
    ...(scrollWidth > clientWidth ? [`${scrollWidth} px wide in ${clientWidth}`] : []),
  ];
}"""
"""A page of one title that never scrolls: what is too long scrolls within."""

SAID = """() => {
  window.said = [];
  for (const region of document.querySelectorAll("[role=status], [role=alert]"))
    new MutationObserver(() => region.textContent && window.said.push(region.textContent))
      .observe(region, { childList: true, characterData: true, subtree: true });
}"""
NAMELESS = re.compile(r"^\s*- (button|link|heading|checkbox|textbox|combobox)(?: \[[^]]*\])*:?$", re.MULTILINE)
"""In an aria snapshot a name stands in quotes behind the role."""

TABS = 30


@pytest.fixture
def site(server: LiveServer, api: Api, performer: Performance) -> Site:
    return Site(server, api, performer.portrait)


@pytest.fixture
def gallery(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that draws any look; its options come as parameters."""
    context = browser.new_context(reduced_motion="reduce", **request.param)
    page = context.new_page()
    hang_gallery(page)
    yield page
    context.close()


@pytest.mark.parametrize(
    ("gallery", "language", "rules"),
    [
        ({"viewport": PHONE, "color_scheme": "light", "locale": "en"}, "en", ()),
        ({"viewport": DESKTOP, "color_scheme": "dark", "locale": "ar"}, "ar", COLOURS_AND_SIZES),
    ],
    ids=["en-light-phone", "ar-dark-desktop"],
    indirect=["gallery"],
)
def test_axe_finds_nothing_in_any_look(gallery: Page, site: Site, language: str, rules: tuple[str, ...]) -> None:
    """The names of the looks are those of `make gallery`, which examines them in every language and colour."""
    found: list[str] = []
    for name in open_gallery(gallery, site.new_session_url(language)):
        show(gallery, name)
        found += [f"{name}: {one}" for one in [*examine(gallery, rules), *gallery.evaluate(FAULTS)]]
    unseen = [key for key in unseen_texts(gallery) if not key.startswith("spoken.")]
    gallery.unroute_all()
    for name, come_to in PAGES.items():
        come_to(gallery, site, language)
        found += [f"{name}: {one}" for one in examine(gallery, rules)]
    assert found == []
    assert unseen == [], "texts that no look of the gallery shows"
    gallery.evaluate("document.body.style.cssText = 'color: #777; background: #888'")
    assert examine(gallery, rules) != [], "axe finds nothing anywhere"


PRESSABLE = """() => {
  const within = document.querySelector("dialog[open]") ?? document;
  window.pressable = [...within.querySelectorAll("button, a[href], input, select, summary")]
    .filter((one) => one.checkVisibility() && !one.disabled && one.closest("[inert]") === null);
  window.reached = new Set();
  return window.pressable.length;
}"""
UNREACHED = """() => window.pressable.filter((one) => !window.reached.has(one))
  .map((one) => one.dataset.action ?? one.outerHTML)"""


@pytest.mark.parametrize("gallery", [{"viewport": DESKTOP, "locale": "en"}], ids=["desktop"], indirect=True)
def test_tab_comes_to_all_that_can_be_pressed(gallery: Page, site: Site) -> None:
    """On each screen, and in each dialog over it."""
    for name in open_gallery(gallery, site.new_session_url("en")):
        if "-" in name and not name.startswith("dialog-"):
            continue
        show(gallery, name)
        for _ in range(gallery.evaluate(PRESSABLE) + 1):
            gallery.keyboard.press("Tab")
            gallery.evaluate("window.reached.add(document.activeElement)")
        assert gallery.evaluate(UNREACHED) == [], name


def press_to(page: Page, action: str, key: str = "Enter") -> None:
    """Tab to what does `action` and press it there: nothing else is touched."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.dataset.action") == action:
            page.keyboard.press(key)
            return
    raise AssertionError(f"Tab never comes to {action}")


def tree_of(page: Page) -> str:
    """What a screen reader is given, checked: all that can be pressed has a name, and there is one title."""
    tree = page.locator("body").aria_snapshot()
    assert NAMELESS.findall(tree) == [], tree
    assert len(re.findall(r"- heading .*\[level=1\]", tree)) == 1, tree
    return tree


def test_keyboard_alone_leads_to_the_end_and_what_is_said_is_enough(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id, accessibility={"avoid": BUT_TURNING, "moreTime": True})
    turning = replace(performer, movements={kind: performer.movements[kind] for kind in TURNS})
    page = open_page(Act(turning), viewport=DESKTOP)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    page.evaluate(SAID)
    expect(capture.heading).to_be_focused()
    assert 'button "Agree and continue"' in tree_of(page)
    press_to(page, "consent_accepted")
    capture.expect_screen("precheck")
    expect(capture.heading).to_be_focused()
    tree_of(page)
    press_to(page, "start_pressed", "Space")
    capture.expect_screen("align")
    expect(capture.stage.get_by_role("heading")).to_be_focused()
    tree_of(page)
    capture.expect_screen("challenge")
    expect(capture.stage.get_by_role("heading")).to_be_focused()
    tree_of(page)
    capture.expect_screen("outcome", timeout_ms=SESSION_MS)
    expect(capture.heading).to_be_focused()
    assert 'heading "Thank you, all done"' in tree_of(page)
    assert api.session(created["id"])["inReview"] is True
    expect_in_this_order(
        page.evaluate("window.said"),
        "Get ready for the camera",
        "Allow the camera",
        "Put your face in the oval",
        "Good. Hold still",
        "Step 1 of 2. Turn your head slowly to your",
        "Step 1 done",
        "Step 2 of 2. Turn your head slowly to your",
        "Step 2 done",
        "Look straight at the camera",
        "Thank you, all done",
    )


def expect_in_this_order(said: list[str], *beginnings: str) -> None:
    """Each is said, after the one before; hints may be said in between."""
    place = 0
    for beginning in beginnings:
        later = [at for at, text in enumerate(said) if at >= place and text.startswith(beginning)]
        assert later, f"{beginning!r} is not said after {said[:place]}: {said[place:]}"
        place = later[0] + 1


def test_help_swap_and_leaving_need_no_mouse(
    open_page: OpenPage, api: Api, entity_id: str, performer: Performance
) -> None:
    created = api.open_session(entity_id)
    page = open_page(Act(still_photograph(performer)), viewport=DESKTOP)
    page.goto(created["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("challenge")
    asked = capture.stage.get_attribute("data-challenge")
    press_to(page, "help")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    press_to(page, "swap_pressed")
    other = f'section.stage:not([data-challenge="{asked}"]):not([data-challenge=""])'
    capture.within.locator(other).wait_for(state="attached")
    expect(dialog).to_be_hidden()
    press_to(page, "leave")
    press_to(page, "dialog_closed")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Escape")
    press_to(page, "leave_confirmed")
    capture.expect_screen("outcome")
    expect(capture.heading).to_be_focused()
    assert api.session(created["id"])["status"] == "abandoned"
