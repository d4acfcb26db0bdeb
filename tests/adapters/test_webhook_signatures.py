"""Receivers verify what is signed here with the official library, and by hand."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.adapters.db.unit_of_work import SqlStore
from app.adapters.encryption import DataKeys
from app.adapters.webhook_secrets import DerivedWebhookSecrets
from app.adapters.webhook_signatures import (
    DerivedWebhookSignatures,
    is_secret,
    standard_signature,
    verification_problem,
)
from app.domain.settings import OrganizationSettings, SettingsVersion, with_webhook_secret, without_webhook_secret
from app.domain.webhook import Delivery, WebhookEndpoint
from tests.adapters.test_encryption import OLD, MemoryWrappedKeys
from tests.builders import Builder
from tests.fakes import FakeClock, SeededRandomness

BODY = '{"event":"biometric.session_approved","payload":{"name":"Åsa ☃"}}'.encode()
OVERLAP = timedelta(hours=24)
STANDARD = {"webhook-id", "webhook-timestamp", "webhook-signature"}


@dataclass
class Desk:
    """Signs for one organization. The clock begins at the real time: the official library asks the system's."""

    clock: FakeClock
    secrets: DerivedWebhookSecrets
    signatures: DerivedWebhookSignatures
    delivery: Delivery
    endpoint: WebhookEndpoint

    @property
    def organization_id(self) -> str:
        return self.delivery.organization_id

    def of_endpoint(self, version: int) -> str:
        return self.secrets.of_endpoint(self.organization_id, self.endpoint.endpoint_id)(version)

    def headers(self, endpoint: WebhookEndpoint | None) -> Mapping[str, str]:
        return self.signatures.headers(self.delivery, endpoint, BODY)


def make_desk(store: SqlStore, settings: OrganizationSettings | None = None) -> Desk:
    clock = FakeClock(datetime.now(UTC))
    organization = Builder(SeededRandomness(), clock.now()).organization()
    organization = replace(organization, settings=settings or organization.settings)
    with store.begin() as uow:
        uow.organizations.add(organization)
        uow.settings.add(SettingsVersion(organization.organization_id, organization.settings, clock.now(), "test"))
        uow.commit()
    secrets = DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD))
    of_whom = (organization.organization_id, False)
    delivery = Delivery("delivery", "event", *of_whom, "endpoint", "https://a.example/", clock.now(), clock.now())
    endpoint = WebhookEndpoint("endpoint", *of_whom, "https://a.example/", ("*",), clock.now(), clock.now())
    return Desk(clock, secrets, DerivedWebhookSignatures(secrets, store, clock), delivery, endpoint)


@pytest.fixture
def desk(sqlite_store: SqlStore) -> Desk:
    return make_desk(sqlite_store)


def is_verified(secret: str, headers: Mapping[str, str], body: bytes = BODY) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


def by_hand(secret: str) -> str:
    return hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()


def test_an_endpoint_verifies_with_its_own_secret_and_no_other(desk: Desk) -> None:
    headers = desk.headers(desk.endpoint)
    assert is_verified(desk.of_endpoint(1), headers)
    assert headers["X-Webhook-Signature"] == by_hand(desk.of_endpoint(1))
    others = (
        desk.of_endpoint(2),
        desk.secrets.of(desk.organization_id)(1),
        desk.secrets.of_endpoint(desk.organization_id, "another")(1),
        desk.secrets.of_endpoint("another", "endpoint")(1),
    )
    assert not any(is_verified(secret, headers) for secret in others)


def test_another_body_id_or_time_is_not_verified(desk: Desk) -> None:
    headers = desk.headers(desk.endpoint)
    secret = desk.of_endpoint(1)
    assert not is_verified(secret, headers, BODY.replace(b"approved", b"rejected"))
    assert not is_verified(secret, {**headers, "webhook-id": "other"})
    later = str(int(headers["webhook-timestamp"]) + 1)
    assert not is_verified(secret, {**headers, "webhook-timestamp": later})


def test_the_id_is_the_events_and_the_time_that_of_the_attempt(desk: Desk) -> None:
    first = desk.headers(desk.endpoint)
    desk.clock.advance(minutes=2)
    second = desk.headers(replace(desk.endpoint, endpoint_id="another"))
    assert first["webhook-id"] == second["webhook-id"] == "event"
    assert int(second["webhook-timestamp"]) == int(first["webhook-timestamp"]) + 120
    assert first["Content-Type"] == "application/json"
    assert first["User-Agent"].isascii()


def test_both_secrets_sign_in_a_rotation_and_the_old_one_alone_where_one_fits(desk: Desk) -> None:
    until = desk.clock.now() + OVERLAP
    rotated = replace(desk.endpoint, secret_version=2, previous_secret_version=1, previous_until=until)
    headers = desk.headers(rotated)
    assert is_verified(desk.of_endpoint(1), headers)
    assert is_verified(desk.of_endpoint(2), headers)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert headers["X-Webhook-Signature"] == by_hand(desk.of_endpoint(1))


def test_the_old_secret_signs_no_more_when_the_overlap_is_over(desk: Desk) -> None:
    rotated = replace(desk.endpoint, secret_version=2, previous_secret_version=1, previous_until=desk.clock.now())
    headers = desk.headers(rotated)
    assert is_verified(desk.of_endpoint(2), headers)
    assert not is_verified(desk.of_endpoint(1), headers)
    assert headers["X-Webhook-Signature"] == by_hand(desk.of_endpoint(2))


def test_a_sessions_own_address_is_signed_with_the_kyc_webhook_secret(desk: Desk) -> None:
    headers = desk.headers(None)
    secret = desk.secrets.of(desk.organization_id)(1)
    assert is_verified(secret, headers)
    assert headers["X-Webhook-Signature"] == by_hand(secret)


def test_the_kyc_webhook_secret_rotates_with_an_overlap_too(sqlite_store: SqlStore) -> None:
    rotated = with_webhook_secret(OrganizationSettings(), 7, datetime.now(UTC), OVERLAP)
    desk = make_desk(sqlite_store, rotated)
    old, new = map(desk.secrets.of(desk.organization_id), (1, 7))
    during = desk.headers(None)
    assert is_verified(old, during)
    assert is_verified(new, during)
    assert during["X-Webhook-Signature"] == by_hand(old)
    desk.clock.advance(hours=25)
    after = desk.headers(None)
    assert after["X-Webhook-Signature"] == by_hand(new)
    assert after["webhook-signature"] == standard_signature(new, "event", after["webhook-timestamp"], BODY)


def test_without_a_kyc_webhook_secret_it_goes_unsigned(sqlite_store: SqlStore) -> None:
    desk = make_desk(sqlite_store, without_webhook_secret(OrganizationSettings()))
    headers = desk.headers(None)
    assert set(headers) == {"Content-Type", "User-Agent", "webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"webhook-signature": "v1,AAAA {}"}, None),
        ({"webhook-signature": ""}, "not signed"),
        ({"webhook-signature": "v1,AAAA"}, "no signature"),
        ({"webhook-signature": "v2{}"}, "no signature"),
        ({"webhook-signature": "\udcff \xff"}, "no signature"),
        ({"webhook-id": "other"}, "no signature"),
        ({"webhook-timestamp": ""}, "no time"),
        ({"webhook-timestamp": "soon"}, "no time"),
        ({"webhook-timestamp": "9" * 400}, "no time"),
        ({"webhook-timestamp": "9" * 12}, "five minutes"),
        ({"webhook-timestamp": "0"}, "five minutes"),
    ],
)
def test_a_receiver_of_ours_says_why_it_does_not_trust(
    desk: Desk, changes: Mapping[str, str], problem: str | None
) -> None:
    headers = desk.headers(desk.endpoint)
    changed = {name: value.replace("{}", headers["webhook-signature"]) for name, value in changes.items()}
    secrets = ["whsec_" + "A" * 32, desk.of_endpoint(1)]
    found = verification_problem(secrets, {**headers, **changed}, BODY, desk.clock.now())
    assert problem in (found or "") if problem else found is None


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_be_apart_a_little(desk: Desk, minutes: int) -> None:
    headers = desk.headers(desk.endpoint)
    desk.clock.advance(minutes=minutes)
    assert verification_problem([desk.of_endpoint(1)], headers, BODY, desk.clock.now()) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("whsec_" + "A" * 44, True),
        ("whsec_", False),
        ("A" * 44, False),
        ("whsec_not base64", False),
        ("whsec_\xe9", False),
        ("", False),
    ],
)
def test_what_has_the_form_of_a_secret(text: str, is_one: bool) -> None:
    assert is_secret(text) == is_one


def test_a_secret_is_derived_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = desk.headers(desk.endpoint)
    monkeypatch.delattr(DerivedWebhookSecrets, "of_endpoint")
    assert desk.headers(desk.endpoint) == before
    assert set(before) >= STANDARD
