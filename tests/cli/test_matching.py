"""`bonafide matching serve`, as a process of its own, and a server that leaves the comparison to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from app.cli import cli
from app.cli import matching as matching_module
from app.config import Settings
from app.main import build_application, prepare_development, prepare_store
from app.main.matching import make_remote_core
from app.matching.remote import RemoteMatchingCore
from tests.live_server import START_SECONDS, STOP_SECONDS, free_port
from tests.portrait import astronaut, jpeg

PROJECT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-matching-service-0001"


@dataclass(frozen=True)
class Served:
    """A running matching service, and the settings that it printed for the other side."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def environ(self) -> dict[str, str]:
        return dict(re.findall(r"(BONAFIDE_MATCHING_\w+)=(\S+)", self.log.read_text()))


def start(folder: Path, *arguments: str, **variables: str) -> Served:
    command = [sys.executable, "-m", "app", "matching", "serve", *arguments]
    log = folder / "matching.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | variables, stdout=output, stderr=subprocess.STDOUT
        )
    return Served(process, log)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    served = start(tmp_path_factory.mktemp("matching"), "--dev", "--port", str(port))
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline and served.process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            raise AssertionError(f"the service is not ready:\n{served.log.read_text()}")
        yield served
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(STOP_SECONDS) == 0, served.log.read_text()
        assert "Traceback" not in served.log.read_text()
    finally:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait(STOP_SECONDS)


def settings_of(environ: dict[str, str], folder: Path) -> Settings:
    """Of a development server without models."""
    own = {"BONAFIDE_DATA_DIR": str(folder / "data"), "BONAFIDE_MODELS_DIR": str(folder / "models")}
    return Settings.from_env(environ | own, dev=True)


def test_what_it_prints_is_all_that_the_other_side_needs(served: Served, tmp_path: Path) -> None:
    core = make_remote_core(settings_of(served.environ, tmp_path))
    face = core.create_template(jpeg(astronaut()))
    assert face is not None
    assert core.compare(face.template, [face.template])[0].value == 100
    core.close()


def test_a_server_with_a_remote_core_needs_no_model_of_it(served: Served, tmp_path: Path) -> None:
    settings = settings_of(served.environ, tmp_path)
    prepare_store(settings)
    prepare_development(settings)
    application = build_application(settings)
    try:
        assert isinstance(application.core, RemoteMatchingCore)
        with httpx.Client(
            transport=httpx.WSGITransport(app=application.wsgi), base_url=settings.public_url
        ) as http:
            problems = http.get("/readyz").json()["problems"]
    finally:
        application.close()
    assert problems.keys() == {"models"}, "the landmarker is this process's own"
    assert problems["models"].startswith("face_landmarker (missing);")


def test_the_doctor_asks_it(served: Served, tmp_path: Path) -> None:
    own = {"BONAFIDE_DATA_DIR": str(tmp_path / "data"), "BONAFIDE_MODELS_DIR": str(tmp_path / "models")}
    well = CliRunner().invoke(cli, ["doctor", "--dev"], env=served.environ | own).output
    assert re.search(r"^ok +matching core: ready, templates of sface@", well, re.MULTILINE)
    assert "model sface" not in well
    assert "model yunet" not in well
    refused = served.environ | own | {"BONAFIDE_MATCHING_TOKENS": TOKEN}
    ill = CliRunner().invoke(cli, ["doctor", "--dev"], env=refused).output
    assert re.search(r"^PROBLEM +matching core: .* refuses our token", ill, re.MULTILINE)


def test_readiness_names_a_remote_core_that_is_away(tmp_path: Path) -> None:
    environ = {
        "BONAFIDE_MATCHING_URL": f"http://127.0.0.1:{free_port()}",
        "BONAFIDE_MATCHING_TOKENS": TOKEN,
    }
    settings = settings_of(environ, tmp_path)
    prepare_store(settings)
    prepare_development(settings)
    application = build_application(settings)
    try:
        with httpx.Client(
            transport=httpx.WSGITransport(app=application.wsgi), base_url=settings.public_url
        ) as http:
            answer = http.get("/readyz")
    finally:
        application.close()
    assert answer.status_code == 503
    assert answer.json()["problems"]["matching"] == "remote matching core: out of reach"


def test_nobody_is_served_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_module, "GunicornServer", None)
    result = CliRunner().invoke(cli, ["matching", "serve"])
    assert result.exit_code == 1
    assert "BONAFIDE_MATCHING_TOKENS: is required" in result.output


def test_a_core_is_not_served_where_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_module, "GunicornServer", None)
    env = {"BONAFIDE_MATCHING_URL": "https://matching.example.com", "BONAFIDE_MATCHING_TOKENS": TOKEN}
    result = CliRunner().invoke(cli, ["matching", "serve"], env=env)
    assert result.exit_code == 2
    assert "BONAFIDE_MATCHING_URL names another core" in result.output


def test_a_token_of_the_settings_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def __init__(self, *_: object) -> None: ...
        def run(self) -> None: ...

    monkeypatch.setattr(matching_module, "GunicornServer", Nothing)
    for options in ([], ["--dev"], ["--host", "0.0.0.0"]):  # noqa: S104 (what is printed is looked at)
        result = CliRunner().invoke(cli, ["matching", "serve", *options], env={"BONAFIDE_MATCHING_TOKENS": TOKEN})
        assert result.exit_code == 0, result.output
        assert "BONAFIDE_MATCHING_URL=http" in result.output
        assert TOKEN not in result.output
