"""Browsers that lack what the page would like: it does without, or says so. Taken from the browser at hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from e2e.capture_page import CapturePage
from e2e.conftest import OpenPage
from tests.live_server import Api
from tests.portrait import close_up, jpeg

WITHOUT_DIALOGS = 'for (const name of ["show", "showModal", "close"]) delete HTMLDialogElement.prototype[name];'
WITHOUT_OWN = "delete Object.hasOwn;"
TOO_OLD = "delete Element.prototype.replaceChildren;"


@pytest.fixture
def session_url(api: Api) -> str:
    return str(api.open_session(api.enrol("Somebody", jpeg(close_up())))["sessionUrl"])


def opened(page: Page, session_url: str, script: str) -> CapturePage:
    page.add_init_script(script)
    page.goto(session_url)
    return CapturePage(page)


def test_without_dialogs_questions_are_asked_all_the_same(open_page: OpenPage, session_url: str) -> None:
    capture = opened(open_page(None), session_url, WITHOUT_DIALOGS + WITHOUT_OWN)
    capture.expect_screen("consent")
    question = capture.within.locator("dialog")
    for key in ("Enter", "Escape"):
        capture.button("decline").click()
        expect(question).to_be_visible()
        expect(question).to_be_in_viewport(ratio=1)
        expect(question.locator("h2")).to_be_focused()
        capture.button("dialog_closed").press(key)
        expect(question).to_be_hidden()
    capture.button("decline").click()
    capture.button("decline_confirmed").click()
    capture.expect_screen("outcome")


def test_too_old_a_browser_is_told_so_and_shown_no_spinner(open_page: OpenPage, session_url: str) -> None:
    capture = opened(open_page(None, is_conduct_checked=False), session_url, TOO_OLD)
    expect(capture.heading).to_have_text("This browser is too old for this check")
    expect(capture.within.locator(".spinner")).to_be_hidden()
    capture.shoot("too-old")
