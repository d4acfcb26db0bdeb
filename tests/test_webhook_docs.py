"""docs/webhooks.md is true: its snippets verify what is really sent, and its tables say what the code says."""

from __future__ import annotations

import base64
import json
import random
import re
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import WebhookVerificationError

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.adapters.encryption import DataKeys
from app.adapters.webhook_connections import Trouble
from app.adapters.webhook_secrets import DerivedWebhookSecrets
from app.adapters.webhook_signatures import DerivedWebhookSignatures
from app.api.event_payloads import EventRendering
from app.cli import cli
from app.domain.delivery_schedule import ATTEMPTS_MAX, PAUSES
from app.domain.event import PER_REQUEST_EVENTS, Event, EventName
from app.domain.session import SessionStatus
from app.domain.webhook import ENDPOINT_DISABLED, ENDPOINT_REMOVED, Delivery, WebhookEndpoint
from app.limits import Limits, read_limits
from app.services.deliver_webhooks import INTERNAL_ERROR
from tests.adapters.test_encryption import OLD, MemoryWrappedKeys
from tests.builders import Builder
from tests.fakes import FakeClock, FakeLinks, SeededRandomness

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docs" / "webhooks.md").read_text("utf-8")
RUN_JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { readWebhook } from "./webhooks.mjs";

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
try {
  console.log(JSON.stringify(readWebhook(secret, headers, Buffer.from(body, "base64"))));
} catch (error) {
  console.log(error.message);
}
"""


def block(name: str) -> str:
    (found,) = re.findall(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def python(name: str) -> Mapping[str, Any]:
    names: dict[str, Any] = {}
    exec(block(name), names)  # noqa: S102 (this is what the test is about)
    return names


@dataclass(frozen=True)
class Sent:
    """A delivery as it goes over the line."""

    headers: Mapping[str, str]
    body: bytes
    old_secret: str
    secret: str
    other_secret: str


def make_body() -> bytes:
    builder = Builder(SeededRandomness())
    entity = builder.entity(builder.organization(), name="Åsa ☃ \N{ROCKET}")
    session, _ = builder.session(entity, status=SessionStatus.APPROVED)
    event = Event(
        builder.randomness.object_id(),
        entity.organization_id,
        True,
        EventName.SESSION_APPROVED,
        session.session_id,
        builder.now,
        entity,
        session,
        sequence=12,
    )
    return EventRendering(FakeLinks(), "https://verify.example").body(event)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """In the middle of a rotation, now."""
    now, body = datetime.now(UTC), make_body()
    secrets = DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD))
    endpoint = WebhookEndpoint(
        "endpoint",
        "acme",
        True,
        "https://a.example/",
        ("*",),
        now,
        now,
        secret_version=2,
        previous_secret_version=1,
        previous_until=now + timedelta(hours=1),
    )
    store = SqlStore(make_engine(f"sqlite:///{tmp_path_factory.mktemp('store')}/never-opened.sqlite3"))
    delivery = Delivery("delivery", "event", "acme", True, "endpoint", endpoint.url, now, now)
    headers = DerivedWebhookSignatures(secrets, store, FakeClock(now)).headers(delivery, endpoint, body)
    store.close()
    secret_of = secrets.of_endpoint("acme", "endpoint")
    return Sent(headers, body, secret_of(1), secret_of(2), secret_of(3))


def tampered(body: bytes) -> bytes:
    changed = body.replace(b'"approved"', b'"rejected"')
    assert changed != body
    return changed


def refuses(read: Callable[..., object], *arguments: object) -> bool:
    try:
        read(*arguments)
    except (WebhookVerificationError, ValueError):
        return True
    return False


def test_the_official_library_reads_a_delivery_and_refuses_a_tampered_one(sent: Sent) -> None:
    read = python("python-standard")["read_webhook"]
    for secret in (sent.secret, sent.old_secret):
        assert read(secret, sent.headers, sent.body) == json.loads(sent.body)
        assert refuses(read, secret, sent.headers, tampered(sent.body))
    assert refuses(read, sent.other_secret, sent.headers, sent.body)


def test_the_older_header_is_verified_by_hand_with_the_old_secret(sent: Sent) -> None:
    read = python("python-by-hand")["read_webhook"]
    assert read(sent.old_secret, sent.headers, sent.body) == json.loads(sent.body)
    assert refuses(read, sent.old_secret, sent.headers, tampered(sent.body))
    assert refuses(read, sent.secret, sent.headers, sent.body)
    assert refuses(read, sent.old_secret, {}, sent.body)
    assert refuses(read, sent.old_secret, {"X-Webhook-Signature": "\xff"}, sent.body)


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Mapping[str, str], bytes], str]:
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "webhooks.mjs").write_text(block("javascript"), "utf-8")
    (folder / "run.mjs").write_text(RUN_JAVASCRIPT, "utf-8")

    def run(secret: str, headers: Mapping[str, str], body: bytes) -> str:
        lower = {name.lower(): value for name, value in headers.items()}
        given = {"secret": secret, "headers": lower, "body": base64.b64encode(body).decode("ascii")}
        done = subprocess.run(
            [PROJECT / "scripts" / "node", "node", folder / "run.mjs"],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return run


def test_javascript_reads_a_delivery_and_refuses_a_tampered_one(
    sent: Sent, javascript: Callable[[str, Mapping[str, str], bytes], str]
) -> None:
    for secret in (sent.secret, sent.old_secret):
        assert json.loads(javascript(secret, sent.headers, sent.body)) == json.loads(sent.body)
    not_signed = "no signature is that of this secret"
    assert javascript(sent.secret, sent.headers, tampered(sent.body)) == not_signed
    assert javascript(sent.other_secret, sent.headers, sent.body) == not_signed
    unsigned = {name: value for name, value in sent.headers.items() if name != "webhook-signature"}
    assert javascript(sent.secret, unsigned, sent.body) == not_signed
    late = {**sent.headers, "webhook-timestamp": "1000000000"}
    assert "five minutes" in javascript(sent.secret, late, sent.body)
    assert "five minutes" in javascript(sent.secret, {}, sent.body)


Deliveries = list[tuple[str, dict[str, Any]]]


@st.composite
def disorder(draw: st.DrawFn) -> tuple[Deliveries, Mapping[str, str]]:
    """Events of some objects, each once or more and in any order; and how the objects ended."""
    objects = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=20))
    statuses = st.sampled_from([status.value for status in SessionStatus])
    events: Deliveries = []
    ended = {}
    for sequence, object_id in enumerate(objects, start=1):
        ended[object_id] = draw(statuses)
        payload = {"id": object_id, "status": ended[object_id]}
        events.append((f"event-{sequence}", {"sequence": sequence, "payload": payload}))
    again = draw(st.lists(st.sampled_from(events), max_size=20))
    arriving = events + again
    random.Random(draw(st.integers())).shuffle(arriving)  # noqa: S311 (reproducible on purpose)
    return arriving, ended


@given(disorder())
def test_a_consumer_ends_in_the_right_state_whatever_comes_twice_and_in_whichever_order(
    arriving: tuple[Deliveries, Mapping[str, str]],
) -> None:
    events, ended = arriving
    consumer = python("consumer")
    db = sqlite3.connect(":memory:")
    db.executescript(consumer["TABLES"])
    news = [webhook_id for webhook_id, event in events if consumer["take"](db, webhook_id, event)]
    assert dict(db.execute("SELECT id, status FROM verifications")) == ended
    assert len(set(news)) == len(news)
    db.close()


def test_the_example_of_an_envelope_has_the_fields_of_one() -> None:
    example, real = json.loads(block("envelope")), json.loads(make_body())
    assert list(example) == list(real)
    assert example["event"] == real["event"]
    assert example["payload"].keys() <= real["payload"].keys()
    assert example["payload"]["entity"].keys() <= real["payload"]["entity"].keys()
    assert re.sub(r"\d", "0", example["timestamp"]) == re.sub(r"\d", "0", real["timestamp"])


def test_the_example_of_listening_is_a_command() -> None:
    program, *arguments = block("listen").split()
    assert program == ".venv/bin/bonafide"
    assert CliRunner().invoke(cli, [*arguments, "--help"]).exit_code == 0
    assert CliRunner().invoke(cli, [*arguments, "--no-such-option", "--help"]).exit_code == 2


def test_every_event_is_named() -> None:
    assert set(re.findall(r"`((?:biometric|kyc)\.\w+_\w+)`", TEXT)) == {name.value for name in EventName}
    (row,) = re.findall(r"^\| `webhookUrl` of a session \| (.*?) \|", TEXT, re.MULTILINE)
    named = {f"biometric.session{ending}" for ending in re.findall(r"(_\w+)`", row.replace("session_", "_"))}
    assert named == {name.value for name in PER_REQUEST_EVENTS}


def test_every_word_for_trouble_is_explained() -> None:
    table = TEXT.partition("| `lastError` | means |")[2].partition("\n\n")[0]
    words = {
        word for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for word in re.findall(r"\w+", row)
    }
    assert words == {*(trouble.value for trouble in Trouble), ENDPOINT_REMOVED, ENDPOINT_DISABLED, INTERNAL_ERROR}


def test_the_schedule_and_the_limits_are_those_of_the_code() -> None:
    units = {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}
    (listed,) = re.findall(r"again after (.*?), each longer", TEXT)
    assert tuple(int(n) * units[unit] for n, unit in re.findall(r"(\d+) (\w+)", listed)) == PAUSES
    assert ATTEMPTS_MAX == 10
    limits: Limits = read_limits(lambda _name, default, _low, _high: default)
    assert f"within {limits.webhook_timeout_seconds} seconds" in TEXT
    assert f"at most {limits.webhook_answer_max_bytes // 1024} kB" in TEXT
