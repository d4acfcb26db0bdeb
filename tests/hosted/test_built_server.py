"""What the composition root and gunicorn's settings make of the hosted part."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.cli.gunicorn_server import GunicornServer, Listen
from app.config import Settings
from app.main import Application, build_application, prepare_development, prepare_store


def test_server_trusts_no_proxy_by_itself_and_logs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    config = GunicornServer(_never, Listen("::1", 8000), 64, 10, "debug").cfg
    assert config.forwarded_allow_ips == []
    assert (config.accesslog, config.loglevel) == (None, "warning")
    assert config.address == [("::1", 8000)]
    assert config.threads > 64


def _never() -> Application:
    raise AssertionError


def test_damaged_model_lets_the_server_start_and_no_session_begin(tmp_path: Path) -> None:
    damaged = tmp_path / "face_landmarker.task"
    damaged.write_bytes(b"one bit is flipped")
    settings = Settings.from_env(
        {
            "BONAFIDE_DATA_DIR": str(tmp_path),
            "BONAFIDE_MODELS_DIR": str(tmp_path / "models"),
            "BONAFIDE_MODEL_OVERRIDE_FACE_LANDMARKER": f"{damaged}:{'0' * 64}",
        },
        dev=True,
    )
    prepare_store(settings)
    prepare_development(settings)
    application = build_application(settings)
    try:
        with httpx.Client(
            transport=httpx.WSGITransport(app=application.wsgi), base_url=settings.public_url
        ) as http:
            ready = http.get("/readyz")
            assert ready.status_code == 503
            assert "face_landmarker (damaged)" in ready.json()["problems"]["models"]
            assert http.get("/livez").status_code == 200
        services = application.hosted.namespace._services
        assert not services.is_able
    finally:
        application.close()
