"""The organization's looks in a real browser: its policy lets them in, and every word can still be read."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.domain.contrast import TEXT_RATIO, contrast
from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.conftest import PHONE, OpenPage
from tests.live_server import Api, LiveServer

PALE = "#fdda24"
PARAGRAPH = "نقارن وجهك بصورتك لصالح {organization} ولا نستخدمه لغير ذلك."
COLOURS_SHOWN = """(button) => {
    const part = (number) => (+number).toString(16).padStart(2, "0");
    const hex = (colour) => "#" + colour.match(/\\d+/g).slice(0, 3).map(part).join("");
    const style = getComputedStyle(button);
    return [style.backgroundColor, style.color, getComputedStyle(document.querySelector("summary")).color,
            getComputedStyle(document.querySelector(".shell")).backgroundColor].map(hex);
}"""


COLOURS_SETTLED = """Promise.all(
    document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)
)"""


def logo() -> str:
    file = io.BytesIO()
    Image.new("RGB", (96, 96), "navy").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def branded(server: LiveServer) -> Iterator[Api]:
    """An organization of its own: the others keep their looks."""
    server.bonafide("org", "create", "branded")
    key = server.key_for("branded")
    branding = {
        "name": "Aurora & Söhne",
        "logo": logo(),
        "colors": {"accent": PALE},
        "radius": 0,
        "consent": {"ar": {"version": "2026-1", "text": PARAGRAPH}},
    }
    headers = {"Authorization": f"Bearer {key}"}
    changed = httpx.patch(f"{server.url}/api/kyc/settings", json={"branding": branding}, headers=headers)
    assert changed.status_code == 200, changed.text
    client = Api(server.url, key)
    yield client
    client.close()


def test_page_wears_the_organizations_looks(open_page: OpenPage, branded: Api, performer: Performance) -> None:
    session = branded.open_session(branded.enrol(performer.name, performer.portrait), language="ar")
    page = open_page(None, viewport=PHONE, reduced_motion="reduce")
    page.goto(session["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    assert page.locator("html").get_attribute("dir") == "rtl"
    expect(page.get_by_role("banner")).to_contain_text("Aurora & Söhne")
    assert page.locator(".header__logo").evaluate("(image) => image.naturalWidth") > 0
    surfaces = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(COLOURS_SETTLED)
        ground, text, link, surface = capture.button("consent_accepted").evaluate(COLOURS_SHOWN)
        assert ground == PALE
        assert contrast(text, ground) >= TEXT_RATIO
        assert contrast(link, surface) >= TEXT_RATIO
        surfaces.add(surface)
        capture.shoot(f"branded-ar-{scheme}")
    assert len(surfaces) == 2
    page.locator("summary").click()
    expect(page.get_by_text(PARAGRAPH.replace("{organization}", "Aurora & Söhne"))).to_be_visible()
    capture.button("consent_accepted").click()
    capture.expect_screen("precheck")
