"""The whole, wired."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, redirect
from flask_babel import Babel

from app.adapters.trusted_proxies import Wsgi, behind_proxies
from app.api.app import install_api
from app.config import ConfigurationError, Settings
from app.demo.routes import DemoSettings, create_demo_blueprint
from app.hosted.app import HostedPart, install_hosted
from app.hosted.languages import select_language
from app.jobs.background import Background
from app.main.api import make_api_services
from app.main.capture import make_capture_services
from app.main.delivery import WebhookDelivery, make_delivery
from app.main.gallery import make_search_probe
from app.main.infrastructure import Infrastructure, development_key, make_blob_store, open_infrastructure
from app.main.jobs import Pages, make_background
from app.main.matching import Core, make_matching_core
from app.main.models import Analyzer, LoadedModels, load_models, make_analyzer, make_images
from app.web.static_files import install_static

DEMO_PATH = "/demo"
LAN_CERTIFICATE = "lan/lan-certificate.pem"
PROJECT_FOLDER = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Application:
    """A built application, to be served."""

    flask: Flask
    infrastructure: Infrastructure
    hosted: HostedPart
    analyzer: Analyzer
    core: Core
    wsgi: Wsgi
    background: Background
    delivery: WebhookDelivery | None

    def start(self) -> None:
        """What runs beside the requests. In the process that serves: threads do not survive a fork."""
        self.background.start()
        if self.delivery:
            self.delivery.start()

    def drain(self) -> None:
        """Say goodbye to open pages, so that the process can end."""
        self.background.ask_to_stop()
        if self.delivery:
            self.delivery.ask_to_stop()
        self.hosted.drain()

    def close(self) -> None:
        """Give back connections and landmarkers, whose threads would otherwise hold up the process's end."""
        if self.delivery:
            self.delivery.stop()
        self.background.stop()
        self.core.close()
        self.analyzer.close()
        self.infrastructure.store.close()


def build_application(settings: Settings) -> Application:
    """Everything, wired. Call it in the process that serves: models have threads of their own.

    `ConfigurationError` where the strict profile lacks a model.
    """
    infrastructure = open_infrastructure(settings)
    models = load_models(settings, with_matching=settings.matching_url is None)
    check_profile(settings, models)
    images = make_images(settings)
    core = make_matching_core(settings, models, images)
    blobs = make_blob_store(settings, infrastructure)
    flask = Flask("bonafide", static_folder=None, template_folder=str(PROJECT_FOLDER / "templates"))
    install_static(flask, PROJECT_FOLDER / "static", follows_changes=settings.is_dev)
    flask.config["BABEL_TRANSLATION_DIRECTORIES"] = str(PROJECT_FOLDER / "app" / "translations")
    Babel(flask, locale_selector=select_language)
    analyzer = make_analyzer(settings, models)
    search = make_search_probe(settings, infrastructure, models, core, blobs)
    capture = make_capture_services(settings, infrastructure, models, images, analyzer, core, blobs, search)

    def tell(hosted_session_id: str) -> None:
        """The socket is installed after the API, whose name for each request comes first."""
        hosted.namespace.announce(hosted_session_id)

    decide_capture = capture.decide_capture
    api_services = make_api_services(settings, infrastructure, models, core, blobs, decide_capture, search, tell)
    install_api(flask, api_services)
    hosted = install_hosted(flask, capture)
    if settings.is_dev:
        flask.register_blueprint(create_demo_blueprint(make_demo_settings(settings)))
        flask.add_url_rule("/", "home", lambda: redirect(DEMO_PATH))
    wsgi = behind_proxies(flask.wsgi_app, settings.trusted_proxies)
    pages = Pages(hosted.namespace.open_pages, tell, capture.live.drop)
    background = make_background(settings, infrastructure, core, blobs, decide_capture, pages)
    delivery = make_delivery(settings, infrastructure) if settings.runs_worker else None
    return Application(flask, infrastructure, hosted, analyzer, core, wsgi, background, delivery)


def check_profile(settings: Settings, models: LoadedModels) -> None:
    """`ConfigurationError` where the strict profile lacks a model: it must not run with less."""
    if models.all_missing and settings.liveness_profile == "strict":
        raise ConfigurationError([f"the strict profile needs every model, but: {', '.join(models.all_missing)}"])


def make_demo_settings(settings: Settings) -> DemoSettings:
    """The demo integrator calls the API from outside, as anybody would; in the LAN it trusts our certificate."""
    certificate = settings.data_dir / LAN_CERTIFICATE
    is_lan = settings.public_url.startswith("https://") and certificate.is_file()
    verify = ssl.create_default_context(cafile=str(certificate)) if is_lan else True
    return DemoSettings(settings.public_url, development_key(settings), verify)
