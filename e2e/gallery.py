"""The hosted page in every look it can have, without socket or camera: drawn by its own view, examined by axe.

A real server sends the page; in the place of `main.js` the browser gets `tests/js/gallery_main.js`, which draws
the looks of `tests/js/gallery_states.js`. Nothing of it is in production code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

PROJECT = Path(__file__).resolve().parents[1]
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
MODULES = "gallery"
"""Under this path the browser finds the project's own modules, with the tests' beside them."""

SERVED = ("static/js", "tests/js")
ENTRY = f"/{MODULES}/tests/js/gallery_main.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"resultTypes": ["violations"], "elementRef": False, "preload": False}


@dataclass(frozen=True)
class Violation:
    """What axe holds against a page. `where` are the selectors and what is wrong there."""

    rule: str
    help: str
    where: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} ({self.help}): {'; '.join(self.where)}"


def hang_gallery(page: Page) -> None:
    """Every capture page that this page opens from now on is the gallery instead."""

    def serve_main(route: Route) -> None:
        route.fulfill(body=f'import "{ENTRY}";', content_type="text/javascript")

    page.route("**/static/**/js/main.js", serve_main)
    page.route("**/static/js/main.js", serve_main)
    page.route(f"**/{MODULES}/**", _serve_module)


def _serve_module(route: Route) -> None:
    path = urlsplit(route.request.url).path.removeprefix(f"/{MODULES}/")
    if not path.startswith(SERVED):
        route.abort()
        return
    route.fulfill(path=PROJECT / path, content_type="text/javascript")


def open_gallery(page: Page, session_url: str) -> list[str]:
    """Names of all looks, once the page can draw them."""
    page.goto(session_url)
    page.locator("html[data-gallery=hung]").wait_for(state="attached")
    names: list[str] = page.evaluate("window.gallery.names")
    return names


def show(page: Page, name: str) -> None:
    """Draw one look."""
    page.evaluate("name => window.gallery.show(name)", name)


def unseen_texts(page: Page) -> list[str]:
    """Keys of the page's texts that none of the looks drawn so far has used."""
    unseen: list[str] = page.evaluate(
        "(() => { const shown = new Set(window.gallery.shownKeys());"
        " return window.gallery.messages.filter((key) => !shown.has(key)); })()"
    )
    return unseen


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


def examine(page: Page, rules: Sequence[str] = ()) -> list[Violation]:
    """What axe finds on the page as it stands; by these rules only, where any are named."""
    if page.evaluate("window.axe === undefined"):
        page.evaluate(_axe())
    by = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    options = {**OPTIONS, "runOnly": by}
    found: dict[str, Any] = page.evaluate("options => window.axe.run(document, options)", options)
    return [
        Violation(
            rule=one["id"],
            help=one["help"],
            where=tuple(f"{node['target']}: {_reason(node)}" for node in one["nodes"]),
        )
        for one in found["violations"]
    ]


def _reason(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for check in [*node["any"], *node["all"], *node["none"]])
