"""The hosted part over the use cases of a studio: real routes, real tokens, a socket without a network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_babel import Babel
from werkzeug.test import TestResponse

from app.adapters.db.unit_of_work import SqlStore
from app.adapters.signed_tokens import SignedTokens
from app.hosted import capture_socket
from app.hosted.allowance import Allowance
from app.hosted.app import install_hosted
from app.hosted.bounded_websocket import close_quietly
from app.hosted.languages import select_language
from app.hosted.protocol import NAMESPACE
from app.hosted.services import HostedServices
from app.hosted.socket_server import SocketServer
from app.services.capture_view import OutcomePresenter
from app.services.handoff import make_handoffs
from app.services.keep_logo import ReadLogo
from app.services.observe_frame import FrameLimits
from app.web.errors import install_error_handlers
from app.web.static_files import install_static
from tests.fakes import FakeSigner
from tests.services.studio import Studio, make_studio
from tests.store_fixtures import sqlite_store, sqlite_template

__all__ = ["sqlite_store", "sqlite_template"]

ROOT = Path(__file__).resolve().parents[2]
PUBLIC_ORIGIN = "https://verify.example"
IMAGE_MAX_BYTES = 5 * 1024 * 1024
BODY_MAX_BYTES = 16 * 1024 * 1024
TICKET_SECONDS = 60
Json = dict[str, Any]


@dataclass(eq=False)
class FakeSocket:
    """A websocket whose other end is the test."""

    allowance: Allowance
    connected: bool = True
    has_joined: bool = False
    event: threading.Event = field(default_factory=threading.Event)
    farewells: list[object] = field(default_factory=list)

    @property
    def sock(self) -> FakeSocket:
        return self

    def close(self, reason: object) -> None:
        self.farewells.append(reason)

    def shutdown(self, how: int) -> None:
        self.connected = False


class Page:
    """One page's socket. What it was told is in `heard`."""

    def __init__(self, site: Site, token: str | None = None) -> None:
        self.site = site
        auth = {"token": site.token if token is None else token}
        self.client = site.part.socketio.test_client(site.app, namespace=NAMESPACE, auth=auth)
        self.socket = site.opened[-1]

    @property
    def is_connected(self) -> bool:
        return bool(self.client.is_connected(NAMESPACE))

    def ask(self, event: str, *payload: object) -> Json:
        answer: Json = self.client.emit(event, *payload, namespace=NAMESPACE, callback=True)
        return answer

    def hello(self, page_id: str = "page-0001", **fields: object) -> Json:
        return self.ask("hello", {"page_id": page_id, **fields})

    def heard(self) -> list[tuple[str, Json]]:
        """Messages since the last look."""
        return [(item["name"], item["args"][0]) for item in self.client.get_received(NAMESPACE)]

    def leave(self) -> None:
        self.client.disconnect(NAMESPACE)


@dataclass
class Site:
    """The hosted part, one session, and whoever knocks."""

    app: Flask
    studio: Studio
    part: SocketServer
    links: SignedTokens
    services: HostedServices
    opened: list[FakeSocket]

    @property
    def token(self) -> str:
        session = self.studio.stored()[0]
        return self.links.session_token(session.hosted_session_id, session.created_at)

    def page(self, token: str | None = None) -> Page:
        return Page(self, token)

    def get(self, path: str | None = None, **more: Any) -> TestResponse:
        return self.app.test_client().get(path or f"/session/{self.token}", base_url=PUBLIC_ORIGIN, **more)

    def ticket(self, attempt: int | None = None, nonce: str | None = None) -> str:
        """The ticket of the running capture, unless something else is named."""
        live = self.studio.live_capture()
        return self.links.upload_ticket(
            self.studio.hosted_id,
            live.attempts_used if attempt is None else attempt,
            live.run.nonce if nonce is None else nonce,
        )

    def replace(self, **services: object) -> None:
        """Put other use cases in the place of those that the page and the socket share."""
        for name, service in services.items():
            object.__setattr__(self.services, name, service)

    def upload(self, body: bytes | None = b"still", ticket: str | None = None, **more: Any) -> TestResponse:
        headers = {} if ticket is None else {"Authorization": f"Ticket {ticket}"}
        return self.app.test_client().post("/capture", data=body, headers=headers, **more)


BuildSite = Callable[..., Site]


def make_site(studio: Studio, opened: list[FakeSocket], **changes: Any) -> Site:
    """`changes` are fields of `HostedServices` that differ."""
    links = SignedTokens(["s" * 40], studio.clock, TICKET_SECONDS)
    fields: dict[str, Any] = {
        "read_capture": studio.read_capture,
        "start_capture": studio.start_capture,
        "record_consent": studio.record_consent,
        "begin_alignment": studio.begin_alignment,
        "interrupt_capture": studio.interrupt_capture,
        "observe_frame": studio.observe_frame,
        "swap_challenge": studio.swap_challenge,
        "answer_light": studio.answer_light,
        "keep_capture": studio.keep_capture,
        "decide_capture": studio.decide_capture,
        "withdraw": studio.withdraw,
        "handoffs": make_handoffs(
            studio.store, studio.clock, studio.randomness, studio.read_capture, timedelta(hours=1)
        ),
        "public_url": PUBLIC_ORIGIN,
        "presenter": OutcomePresenter(signer=FakeSigner(), clock=studio.clock),
        "read_logo": ReadLogo(store=studio.store, blobs=studio.blobs),
        "links": links,
        "live": studio.live,
        "clock": studio.clock,
        "frame_limits": FrameLimits(),
        "traffic": studio.traffic,
        "max_sockets": 6,
        "image_max_bytes": IMAGE_MAX_BYTES,
        "public_origin": PUBLIC_ORIGIN,
        "is_development": False,
    }
    app = Flask("hosted-under-test", static_folder=None, template_folder=str(ROOT / "templates"))
    install_static(app, ROOT / "static")
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "app" / "translations")
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    Babel(app, locale_selector=select_language)
    install_error_handlers(app)
    services = HostedServices(**{**fields, **changes})
    return Site(app, studio, install_hosted(app, services), links, services, opened)


@pytest.fixture
def build_site(sqlite_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> BuildSite:
    """A site; `settings` are the organization's, `session` what the integrator asked for."""
    opened: list[FakeSocket] = []
    by_environ: dict[int, FakeSocket] = {}

    def build(
        *, settings: dict[str, Any] | None = None, session: dict[str, Any] | None = None, **changes: Any
    ) -> Site:
        studio = make_studio(sqlite_store, settings=settings, **(session or {}))

        def socket_of_request() -> FakeSocket:
            environ = id(request.environ)
            if environ not in by_environ:
                by_environ[environ] = FakeSocket(Allowance(studio.clock.monotonic_ms))
                opened.append(by_environ[environ])
            return by_environ[environ]

        monkeypatch.setattr(capture_socket, "_socket", socket_of_request)
        monkeypatch.setattr(capture_socket, "_close_soon", close_quietly)
        return make_site(studio, opened, **changes)

    return build


@pytest.fixture
def site(build_site: BuildSite) -> Site:
    return build_site()
