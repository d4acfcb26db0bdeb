from __future__ import annotations

import base64

from app.adapters.encryption import DataKeys
from app.adapters.webhook_secrets import DerivedWebhookSecrets
from tests.adapters.test_encryption import NEW, OLD, MemoryWrappedKeys


def test_a_secret_is_the_same_for_one_version_and_no_other() -> None:
    secrets = DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD))
    made = [
        secrets.of(organization)(version)
        for organization, version in (("acme", 1), ("acme", 1), ("acme", 2), ("globex", 1))
    ]
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_a_secret_is_what_standard_webhooks_reads() -> None:
    secret = DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD)).of("acme")(1)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_a_new_master_key_changes_no_secret() -> None:
    stored = MemoryWrappedKeys()
    before = DerivedWebhookSecrets(DataKeys(stored, OLD)).of("acme")(1)
    assert DataKeys(stored, NEW | OLD).rewrap_all() == 1
    assert DerivedWebhookSecrets(DataKeys(stored, NEW)).of("acme")(1) == before


def test_two_installations_have_different_secrets() -> None:
    made = {DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD)).of("acme")(1) for _ in range(2)}
    assert len(made) == 2


def test_endpoints_have_secrets_of_their_own_never_those_of_the_organization() -> None:
    secrets = DerivedWebhookSecrets(DataKeys(MemoryWrappedKeys(), OLD))
    made = [
        secrets.of("acme")(1),
        secrets.of_endpoint("acme", "one")(1),
        secrets.of_endpoint("acme", "one")(2),
        secrets.of_endpoint("acme", "two")(1),
        secrets.of_endpoint("globex", "one")(1),
    ]
    assert len(set(made)) == len(made)
    assert secrets.of_endpoint("acme", "one")(2) == made[2]
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32 for secret in made)
