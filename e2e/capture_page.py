"""The capture page as a test sees it: roles, names and `data-` states, never style classes."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Frame, Locator, Page, expect

SCREEN_MS = 15_000
SESSION_MS = 90_000
"""Eight challenges at 15 s would take longer; a cooperative performer needs about 20 s."""

FREE_RETRIES = 3


class CapturePage:
    """The hosted page in a tab, or in a frame of an integrator's page."""

    def __init__(self, page: Page, frame: Frame | None = None) -> None:
        self.page = page
        self.within = frame or page.main_frame

    @property
    def shell(self) -> Locator:
        """Carries the present screen in `data-screen`."""
        return self.within.locator("#shell")

    @property
    def stage(self) -> Locator:
        """The camera screen, with `data-hint` and `data-challenge`."""
        return self.within.locator("section.stage")

    @property
    def heading(self) -> Locator:
        """The one heading of the screen."""
        return self.within.get_by_role("heading", level=1)

    def button(self, name: str) -> Locator:
        """A button by what it does (`data-action`), in any language."""
        return self.within.locator(f'button[data-action="{name}"]:visible')

    def expect_screen(self, *names: str, timeout_ms: int = SCREEN_MS) -> str:
        """Wait for one of the screens; which it is."""
        any_of = ", ".join(f'#shell[data-screen="{name}"]' for name in names)
        expect(self.within.locator(any_of)).to_be_attached(timeout=timeout_ms)
        return str(self.shell.get_attribute("data-screen"))

    def expect_hint(self, *codes: str) -> None:
        """Wait until the stage shows one of these hints."""
        any_of = ", ".join(f'section.stage[data-hint="{code}"]' for code in codes)
        expect(self.within.locator(any_of)).to_be_attached(timeout=SCREEN_MS)

    def accept_consent(self) -> None:
        self.expect_screen("consent")
        self.button("consent_accepted").click()

    def start_camera(self) -> None:
        """From the link to the live camera."""
        self.accept_consent()
        self.expect_screen("precheck")
        self.button("start_pressed").click()

    def expect_outcome(self, title: str) -> None:
        """Wait for the end, which must be the one with this heading.

        A machine that is busy with other things may interrupt the stream of frames, which costs no
        attempt; then one tries again, as a person would. No other reason to try again is accepted.
        """
        for _ in range(FREE_RETRIES):
            if self.expect_screen("outcome", "retry", timeout_ms=SESSION_MS) == "outcome":
                break
            expect(self.within.get_by_text("The check was interrupted.", exact=True)).to_be_visible()
            self.button("retry_pressed").click()
            self.expect_screen("align", "challenge")
        self.expect_screen("outcome", timeout_ms=SESSION_MS)
        expect(self.heading).to_have_text(title)

    def shoot(self, name: str) -> None:
        """A screenshot into the folder `BONAFIDE_SHOTS`, where that is set."""
        folder = os.environ.get("BONAFIDE_SHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")
