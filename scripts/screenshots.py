"""Takes the README's screenshots: a real server and a real Chromium, with a synthetic performer before the camera.

No real person is shown: the face is NASA's portrait of an astronaut (public domain), moved by a program.
Liveness rightly refuses a portrait that a program moves. For the pictures of an approval a session asks for too
little to be decided by itself, goes to review, and is approved there.

    make screenshots
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from app.domain.challenge import Ability
from app.simulation.performance import Performance
from e2e.capture_page import CapturePage
from e2e.performer import Act, put_before_camera
from tests.live_server import Api, Json, LiveServer, running_server
from tests.portrait import astronaut, jpeg
from tests.synthetic_performer import synthetic_performer

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
MAX_BYTES = 150_000
COLOURS = (256, 128, 64)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}
PORTRAIT = jpeg(astronaut(), 95)
SESSION_MS = 120_000
MID_MOVEMENT_MS = 1_300
"""From the prompt to the middle of the performer's movement."""

SETTLED_MS = 600
ALL_BUT_COMING_CLOSER = [one.value for one in Ability if one not in (Ability.APPROACH, Ability.FLASH)]
"""With one movement left, a person reviews the session."""

Scheme = Literal["light", "dark"]


def main() -> None:
    performer = synthetic_performer()
    performer = replace(performer, portrait=PORTRAIT)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder)) as server,
        launched_browser() as browser,
    ):
        api = Api(server.url, server.key_for("demo"))
        _hosted_page(browser, api, performer, "phone", PHONE, "light")
        _hosted_page(browser, api, performer, "desktop", DESKTOP, "dark")
        _demo(browser, server, api, performer)
        api.close()


@contextmanager
def launched_browser() -> Iterator[Browser]:
    path = os.environ.get("BONAFIDE_CHROMIUM") or shutil.which("chromium")
    # As root, in a container, there is no sandbox to be had.
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


def _page(browser: Browser, performer: Performance, viewport: dict[str, int], scheme: Scheme) -> Page:
    size = {"width": viewport["width"], "height": viewport["height"]}
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en")  # type: ignore[arg-type]
    put_before_camera(context, Act(performer))
    return context.new_page()


def _hosted_page(
    browser: Browser, api: Api, performer: Performance, name: str, viewport: dict[str, int], scheme: Scheme
) -> None:
    """Consent, finding the face, a movement; then, of another session, the approval."""
    entity_id = api.enrol("Ada Example", performer.portrait)
    page = _page(browser, performer, viewport, scheme)
    moved = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    _shoot_movements(page, moved, name)
    page.goto("about:blank")
    api.cancel(moved["id"])
    reviewed = api.open_session(entity_id, accessibility={"avoid": ALL_BUT_COMING_CLOSER})
    _shoot_approval(page, api, reviewed, name)
    page.context.close()


def _shoot_movements(page: Page, session: Json, name: str) -> None:
    page.goto(session["sessionUrl"])
    capture = CapturePage(page)
    capture.expect_screen("consent")
    _shoot(page, f"{name}-consent")
    capture.start_camera()
    capture.expect_screen("align")
    page.wait_for_timeout(700)
    _shoot(page, f"{name}-align")
    _wait_for_second_challenge(page)
    page.wait_for_timeout(MID_MOVEMENT_MS)
    _shoot(page, f"{name}-challenge")


def _shoot_approval(page: Page, api: Api, session: Json, name: str) -> None:
    page.goto(session["sessionUrl"])
    capture = CapturePage(page)
    capture.start_camera()
    capture.expect_screen("outcome", timeout_ms=SESSION_MS)
    _approve(api, session["id"])
    page.reload()
    capture.expect_screen("outcome")
    page.wait_for_timeout(SETTLED_MS)
    _shoot(page, f"{name}-approved")


def _approve(api: Api, session_id: str) -> None:
    """As a reviewer does."""
    path = f"/api/kyc/biometric/sessions/{session_id}/approve"
    answer = api.http.post(path, json={"reason": "A picture for the README."})
    if not answer.is_success:
        raise SystemExit(f"the session is not under review: {api.session(session_id)}")


def _wait_for_second_challenge(page: Page) -> None:
    """The second prompt: by then one segment of the ring is passed."""
    asked = 'section.stage:not([data-challenge=""])'
    stage = page.locator(asked)
    stage.wait_for(timeout=SESSION_MS)
    first = stage.get_attribute("data-challenge")
    page.locator(f'{asked}:not([data-challenge="{first}"])').wait_for(timeout=SESSION_MS)


def _demo(browser: Browser, server: LiveServer, api: Api, performer: Performance) -> None:
    """A person enrolled and verified in an iframe, then the decision."""
    for name, viewport in (("desktop-demo", DESKTOP), ("phone-demo", PHONE)):
        page = _page(browser, performer, viewport, "light")
        page.goto(f"{server.url}/demo")
        page.get_by_label("Name").fill("Ada Example")
        portrait = {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": performer.portrait}
        page.get_by_label("Choose a picture").set_input_files(portrait)  # type: ignore[arg-type]
        page.get_by_role("button", name="Enrol").click()
        page.get_by_text("Options").click()
        for ability in ALL_BUT_COMING_CLOSER:
            page.locator(f'input[name="avoid"][value="{ability}"]').check()
        page.get_by_role("button", name="Start the verification").click()
        page.locator("iframe.hosted").wait_for()
        CapturePage(page, page.frames[-1]).start_camera()
        page.locator(".report").wait_for(timeout=SESSION_MS)
        _approve(api, str(page.locator(".report code").first.text_content()))
        page.locator(".report[data-status=approved]").wait_for()
        page.locator("iframe.hosted").wait_for(state="detached")
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate("window.scrollTo(0, 0)")
        if name.startswith("phone"):
            page.locator("#stage").scroll_into_view_if_needed()
            page.evaluate("document.getElementById('stage').scrollIntoView()")
        _shoot(page, name)
        page.context.close()


def _shoot(page: Page, name: str) -> None:
    """Write the picture with as many colours as its size allows."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colours in COLOURS:
        packed = io.BytesIO()
        picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG).save(
            packed, "PNG", optimize=True
        )
        if packed.tell() <= MAX_BYTES:
            break
    (IMAGES / f"{name}.png").write_bytes(packed.getvalue())
    print(f"{name}.png {packed.tell() / 1000:.0f} kB")


if __name__ == "__main__":
    main()
