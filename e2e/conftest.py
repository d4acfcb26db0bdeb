"""One server, one browser and one performer for all browser tests; a context of its own for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from app.simulation.performance import Performance
from e2e.integrator import Integrator, running_integrator
from e2e.performer import Act, put_before_camera
from tests.clip_performer import clip_performer
from tests.live_server import Api, LiveServer, running_server
from tests.shared_media import SHARED, shared_path
from tests.synthetic_performer import synthetic_performer

CLIP = SHARED / "media" / "video" / "dev" / "headpose_alaa.mp4"
CHROMIUM_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-first-run",
    # As root, in a container, there is no sandbox to be had.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """All of them drive a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def api(server: LiveServer) -> Iterator[Api]:
    """The integrator's side, with the key of organization `demo`."""
    client = Api(server.url, server.demo_key())
    yield client
    client.close()


@pytest.fixture
def shared_media() -> Path:
    """The folder of shared media; skips the test where there is none."""
    return shared_path("media")


@pytest.fixture(scope="session")
def performer() -> Performance:
    """A real person where the shared clips are, else the synthetic performer, who is refused in the end."""
    return clip_performer(CLIP) if CLIP.exists() else synthetic_performer()


@pytest.fixture(scope="session")
def person() -> Path:
    """For what only a person's clip can show: a portrait that a program bends is refused. Skips without clips."""
    return shared_path("media", "video", "dev", "headpose_alaa.mp4")


@pytest.fixture
def entity_id(api: Api, performer: Performance) -> str:
    """The performer, enrolled anew: no test sees another's sessions."""
    return api.enrol(performer.name, performer.portrait)


@pytest.fixture(scope="session")
def integrator() -> Iterator[Integrator]:
    with running_integrator() as site:
        yield site


LaunchBrowser = Callable[..., Browser]


@pytest.fixture(scope="session")
def launch_browser() -> Iterator[LaunchBrowser]:
    """Launch Chromium with flags of a test's own; all are closed in the end."""
    with sync_playwright() as playwright:
        launched: list[Browser] = []

        def launch(*flags: str) -> Browser:
            path = os.environ.get("BONAFIDE_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS, *flags])
            launched.append(browser)
            return browser

        yield launch
        for browser in launched:
            browser.close()


@pytest.fixture(scope="session")
def browser(launch_browser: LaunchBrowser) -> Browser:
    return launch_browser()


@dataclass
class Conduct:
    """What no page of ours may do: ask another origin, set a cookie, complain on the console."""

    allowed_origins: set[str]
    complaints: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self._on_request)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme in ("http", "https") and origin not in self.allowed_origins:
            self.complaints.append(f"request to {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def check(self, context: BrowserContext) -> None:
        cookies = [f"cookie {cookie['name']}" for cookie in context.cookies()]
        assert [*self.complaints, *cookies] == []


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: LiveServer, integrator: Integrator) -> Iterator[OpenPage]:
    """A page in a context of its own, with the act before its camera; its conduct is checked at the end."""
    opened: list[tuple[Conduct, BrowserContext]] = []

    def open_one(act: Act | None, *, is_conduct_checked: bool = True, **options: object) -> Page:
        context = browser.new_context(**{"viewport": PHONE, **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        conduct = Conduct({server.url, integrator.origin})
        if is_conduct_checked:
            conduct.watch(context)
        if act is not None:
            put_before_camera(context, act)
        opened.append((conduct, context))
        return context.new_page()

    yield open_one
    failures: list[AssertionError] = []
    for conduct, context in opened:
        try:
            conduct.check(context)
        except AssertionError as failure:
            failures.append(failure)
        context.close()
    if failures:
        raise failures[0]
