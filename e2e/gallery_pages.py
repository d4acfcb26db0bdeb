"""Pages that are no capture page, for the gallery: links that do not work, the phone's first, the embed check."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import Page

from e2e.capture_page import CapturePage
from tests.live_server import Api, LiveServer

A_WHILE = timedelta(days=3)
HANDOFF_LINK = re.compile(r'http[^"\s]+/handoff/[^"\s]+')


@dataclass(frozen=True)
class Site:
    """A server, and somebody enrolled there."""

    server: LiveServer
    api: Api
    portrait: bytes

    def new_session_url(self, language: str) -> str:
        """A link of a person of its own, to a session that nobody has opened."""
        return str(self.new_session(language)["sessionUrl"])

    def new_session(self, language: str, **fields: object) -> Mapping[str, str]:
        entity_id = self.api.enrol("Ada Example", self.portrait)
        return self.api.open_session(entity_id, language=language, **fields)


def _unknown(page: Page, site: Site, _language: str) -> None:
    page.goto(f"{site.server.url}/session/nothing-of-ours")


def _expired(page: Page, site: Site, language: str) -> None:
    session = site.new_session(language)
    site.server.age_session(session["id"], by=A_WHILE)
    page.goto(session["sessionUrl"])


def _unavailable(page: Page, site: Site, language: str) -> None:
    url = site.new_session_url(language)
    with _store_away(site.server):
        page.goto(url)


@contextmanager
def _store_away(server: LiveServer) -> Iterator[None]:
    """A table under another name is as good as a store that does not answer."""
    with closing(sqlite3.connect(server.data_dir / "bonafide.sqlite3", timeout=10)) as database:
        database.execute("ALTER TABLE hosted_sessions RENAME TO hosted_sessions_away")
        try:
            yield
        finally:
            database.execute("ALTER TABLE hosted_sessions_away RENAME TO hosted_sessions")


def _handoff(page: Page, site: Site, language: str) -> None:
    """As the phone sees it. The link is in what the computer's page is sent, and in its code."""
    links: list[str] = []

    def note(frame: str | bytes) -> None:
        links.extend(HANDOFF_LINK.findall(frame if isinstance(frame, str) else ""))

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    page.goto(site.new_session_url(language))
    capture = CapturePage(page)
    capture.accept_consent()
    capture.expect_screen("precheck")
    capture.button("handoff_pressed").click()
    capture.within.locator(".handoff").wait_for()
    page.goto(links[-1])


def _handoff_refused(page: Page, site: Site, language: str) -> None:
    _handoff(page, site, language)
    page.locator('button[name="number"]').last.click()
    page.locator('[data-screen="handoff_problem"]').wait_for()


def _handoff_unknown(page: Page, site: Site, _language: str) -> None:
    page.goto(f"{site.server.url}/handoff/nothing-of-ours")


def _embed_check(page: Page, site: Site, _language: str) -> None:
    """Alone in a tab, and in English, whatever the browser speaks."""
    page.goto(f"{site.server.url}/embed-check")
    page.locator("#body > *").first.wait_for()


OpenPage = Callable[[Page, Site, str], None]
PAGES: Mapping[str, OpenPage] = {
    "link-unknown": _unknown,
    "link-expired": _expired,
    "link-unavailable": _unavailable,
    "handoff-link": _handoff,
    "handoff-link-refused": _handoff_refused,
    "handoff-link-unknown": _handoff_unknown,
    "embed-check": _embed_check,
}
"""Name of a look → how to come there, in a browser that speaks the language."""
