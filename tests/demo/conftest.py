from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import Settings
from app.demo.client import BonafideClient
from app.demo.routes import demo_blueprint
from app.main import Application, build_application, prepare_development, prepare_store
from app.web.static_files import install_static

BASE_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class DemoSite:
    """The demo before the real application, called in-process instead of over a socket."""

    application: Application
    api_key: str
    api: BonafideClient
    browser: FlaskClient


def api_client(application: Application, api_key: str) -> BonafideClient:
    return BonafideClient(BASE_URL, api_key, transport=httpx.WSGITransport(app=application.wsgi))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSite]:
    folder = tmp_path_factory.mktemp("demo")
    # Nobody sits before a camera here, so the landmarker's file may as well be missing.
    environ = {
        "BONAFIDE_DATA_DIR": str(folder),
        "BONAFIDE_MODEL_OVERRIDE_FACE_LANDMARKER": f"{folder / 'none'}:{'0' * 64}",
        "BONAFIDE_LANDMARKER_POOL_SIZE": "1",
    }
    if "BONAFIDE_MODELS_DIR" in os.environ:
        environ["BONAFIDE_MODELS_DIR"] = os.environ["BONAFIDE_MODELS_DIR"]
    settings = Settings.from_env(environ, dev=True)
    prepare_store(settings)
    api_key = prepare_development(settings)
    application = build_application(settings)
    client = api_client(application, api_key)
    # A server of its own: the application may carry the demo already, over a socket.
    project = Path(__file__).resolve().parents[2]
    flask = Flask("demo", static_folder=None, template_folder=str(project / "templates"))
    install_static(flask, project / "static")
    flask.register_blueprint(demo_blueprint(client, BASE_URL))
    browser = flask.test_client()
    browser.environ_base["HTTP_ORIGIN"] = "http://localhost"
    yield DemoSite(application, api_key, client, browser)
    application.close()
