"""`bonafide webhooks listen`: what arrives is verified and shown; an organization's endpoint comes and goes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from app.adapters.webhook_signatures import DerivedWebhookSignatures, standard_signature
from app.cli import cli
from app.cli.webhook_listener import BODY_MAX_BYTES, Listener
from app.cli.webhooks import _remove_left_over
from app.config import Settings
from app.domain.organization import Caller, Scope
from app.domain.webhook import Delivery, WebhookEndpoint
from app.main import ensure_demo_organization, open_infrastructure, prepare_store
from app.main.infrastructure import make_webhook_secrets
from app.main.webhooks import make_manage_webhooks
from app.services.ports import WebhookOutcome, WebhookRequest
from tests.adapters.receivers import sending

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "whsec_" + "QUJD" * 8
NOW = datetime.now(UTC)
BODY = json.dumps({"event": "biometric.session_approved", "sequence": 7, "payload": {"name": "Åsa"}}).encode()


def signed(body: bytes, secret: str = SECRET, message_id: str = "one") -> Mapping[str, str]:
    timestamp = str(int(datetime.now(UTC).timestamp()))
    signature = standard_signature(secret, message_id, timestamp, body)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


@contextmanager
def listening(*secrets: str) -> Iterator[tuple[Listener, list[Sequence[str]]]]:
    shown: list[Sequence[str]] = []
    with Listener(0, secrets, lambda: datetime.now(UTC), shown.append) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield listener, shown
        finally:
            listener.shutdown()
            thread.join()


def send(url: str, headers: Mapping[str, str], body: bytes = BODY) -> WebhookOutcome:
    with sending() as sender:
        return sender.send(WebhookRequest(url, headers, body))


def test_a_verified_delivery_is_shown_with_its_payload() -> None:
    with listening("whsec_" + "A" * 32, SECRET) as (listener, shown):
        assert send(listener.url, signed(BODY)).status_code == 204
        assert send(listener.url, signed(BODY)).status_code == 204
    assert shown[0][0] == "biometric.session_approved  sequence 7  one  verified"
    assert '    "name": "Åsa"' in shown[0]
    assert shown[1][0].endswith("verified, came before")


def test_what_is_not_verified_is_refused_and_does_not_count_as_seen() -> None:
    with listening(SECRET) as (listener, shown):
        assert send(listener.url, signed(b"other")).status_code == 401
        assert send(listener.url, {}).status_code == 401
        assert send(listener.url, signed(BODY)).status_code == 204
    assert [lines[0].partition("  one  ")[2] for lines in (shown[0], shown[2])] == [
        "NOT VERIFIED: no signature was made with this secret",
        "verified",
    ]
    assert shown[1][0].endswith("no webhook-id  NOT VERIFIED: it is not signed")


def test_without_a_secret_it_says_that_nothing_is_checked() -> None:
    with listening() as (listener, shown):
        assert send(listener.url, {}).status_code == 204
    assert shown[0][0].endswith("not checked")


@pytest.mark.parametrize(
    "body", [b"\xff\x00 not JSON", b'"\x1b[31m"', b'{"event": "\\u001b[2J"}', b"[" * 9000, b""]
)
def test_nothing_that_arrives_is_a_command_to_the_terminal(body: bytes) -> None:
    with listening() as (listener, shown):
        assert listener.take({"webhook-id": "\x9b31m\x1b[2J"}, body) == 204
    assert all(line.isprintable() for line in shown[0])


def test_bodies_are_bounded_and_only_deliveries_are_taken() -> None:
    with listening() as (listener, shown):
        assert send(listener.url, {}, b"x" * (BODY_MAX_BYTES + 1)).status_code in {413, None}
        with pytest.raises(OSError, match="501"):
            urlopen(listener.url)  # noqa: S310 (our own)
    assert shown == []


@pytest.mark.parametrize("arguments", [["--secret", "whsec_?"], ["--secret", "x"], ["--events", "nothing.*"]])
def test_what_cannot_be_meant_is_told(arguments: Sequence[str]) -> None:
    result = CliRunner().invoke(cli, ["webhooks", "listen", "--port", "0", *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_a_port_that_is_taken_is_told() -> None:
    with listening() as (listener, _):
        result = CliRunner().invoke(cli, ["webhooks", "listen", "--port", str(listener.server_port)])
    assert result.exit_code == 1
    assert "cannot be listened on" in result.output


def _hear_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(environ: Mapping[str, str], *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command itself, as far as the line that says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "webhooks", "listen", "--port", "0", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 (no thread runs yet)
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line + process.stdout.read()
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_with_an_organization_it_has_an_endpoint_while_it_runs(tmp_path: Path, end: signal.Signals) -> None:
    environ = {"BONAFIDE_DATA_DIR": str(tmp_path)}
    settings = Settings.from_env(environ, dev=True)
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    demo = ensure_demo_organization(infrastructure)
    caller = Caller(demo, is_test=True, actor="test", scopes=frozenset({Scope.ADMIN}))
    webhooks = make_manage_webhooks(settings, infrastructure, is_development=True)
    secrets = make_webhook_secrets(settings, infrastructure)
    signatures = DerivedWebhookSignatures(secrets, infrastructure.store, infrastructure.clock)

    def headers_for(endpoint: WebhookEndpoint | None) -> Mapping[str, str]:
        delivery = Delivery("d", "event", demo.organization_id, True, None, "", NOW, NOW)
        return signatures.headers(delivery, endpoint, BODY)

    with running(environ, "--org", "demo", "--events", "biometric.*") as (url, process):
        (endpoint,), _ = webhooks.page(caller, 10, 0)
        assert (endpoint.url, endpoint.patterns, endpoint.is_listener) == (url, ("biometric.*",), True)
        assert send(url, headers_for(endpoint)).status_code == 204
        assert send(url, headers_for(None)).status_code == 204
        assert send(url, headers_for(replace(endpoint, secret_version=2))).status_code == 401
        process.send_signal(end)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert output.count("  verified") == 2
    assert webhooks.page(caller, 10, 0) == ([], 0)
    infrastructure.store.close()


def test_what_a_killed_listener_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    environ = {"BONAFIDE_DATA_DIR": str(tmp_path)}
    settings = Settings.from_env(environ, dev=True)
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    caller = Caller(ensure_demo_organization(infrastructure), True, "test", frozenset({Scope.ADMIN}))
    webhooks = make_manage_webhooks(settings, infrastructure, is_development=True)
    url = "http://127.0.0.1:9000/"
    own = webhooks.create(caller, url, ["*"]).endpoint
    left_over = webhooks.create(caller, url, ["*"], is_listener=True).endpoint
    elsewhere = webhooks.create(caller, "http://127.0.0.1:9001/", ["*"], is_listener=True).endpoint
    _remove_left_over(webhooks, caller, url)
    endpoints, _ = webhooks.page(caller, 10, 0)
    kept = {endpoint.endpoint_id for endpoint in endpoints}
    infrastructure.store.close()
    assert kept == {own.endpoint_id, elsewhere.endpoint_id}
    assert left_over.endpoint_id not in kept


def test_an_organization_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)}, dev=True)
    prepare_store(settings)
    arguments = ["webhooks", "listen", "--port", "0", "--org", "acme"]
    result = CliRunner().invoke(cli, arguments, env={"BONAFIDE_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 1
    assert "no organization acme" in result.output
