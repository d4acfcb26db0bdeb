"""Store, keys, links and signatures: what stands without any model."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from sqlalchemy import Engine

from app.adapters.answer_vault import EncryptedAnswerVault
from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.clock import SystemClock
from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import upgrade
from app.adapters.db.unit_of_work import SqlStore
from app.adapters.db.wrapped_keys import SqlWrappedKeys
from app.adapters.encryption import DataKeys
from app.adapters.fingerprint_vault import EncryptedFingerprintVault
from app.adapters.randomness import SystemRandomness
from app.adapters.result_signer import Ed25519ResultSigner
from app.adapters.signed_tokens import SignedTokens
from app.adapters.template_vault import EncryptedTemplateVault
from app.adapters.webhook_secrets import DerivedWebhookSecrets
from app.config import Settings
from app.domain.organization import Organization, Scope
from app.services.manage_keys import ManageKeys
from app.services.ports import Clock, Randomness
from app.services.provision_organization import provision_organization

DEMO_SLUG = "demo"


@dataclass(frozen=True)
class Infrastructure:
    """What every use case stands on. Needs no secrets. A bench brings a clock of its own."""

    engine: Engine
    store: SqlStore
    clock: Clock
    randomness: Randomness

    @property
    def keys(self) -> ManageKeys:
        """API keys."""
        return ManageKeys(store=self.store, clock=self.clock, randomness=self.randomness)


def open_infrastructure(settings: Settings) -> Infrastructure:
    """Connects lazily."""
    engine = make_engine(settings.database_url)
    return Infrastructure(engine, SqlStore(engine), SystemClock(), SystemRandomness())


def prepare_store(settings: Settings) -> None:
    """The data folder and up-to-date tables. Lets `OSError` and `SQLAlchemyError` through."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)


def prepare_development(settings: Settings) -> str:
    """Organization `demo` and a test key for it: the same at every start, so that what uses it keeps working."""
    infrastructure = open_infrastructure(settings)
    try:
        demo = ensure_demo_organization(infrastructure)
        key = development_key(settings)
        infrastructure.keys.ensure(demo, key, [Scope.ADMIN], is_test=True, name="development")
    finally:
        infrastructure.store.close()
    return key


def ensure_demo_organization(infrastructure: Infrastructure) -> Organization:
    """Organization `demo`, made where there is none."""
    return provision_organization(
        infrastructure.store,
        infrastructure.clock,
        infrastructure.randomness,
        slug=DEMO_SLUG,
        name="Demo organization",
    )


def development_key(settings: Settings) -> str:
    """The test key that a development server prints, derived from its secret."""
    digest = hmac.new(settings.secret_keys[0].encode("utf-8"), b"bonafide.development-key", hashlib.sha256)
    return f"bf_test_{base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode('ascii')}"


def make_blob_store(settings: Settings, infrastructure: Infrastructure) -> EncryptedBlobStore:
    """Needs the master keys."""
    return EncryptedBlobStore(settings.data_dir / "blobs", _data_keys(settings, infrastructure))


def make_template_vault(settings: Settings, infrastructure: Infrastructure) -> EncryptedTemplateVault:
    """Needs the master keys."""
    return EncryptedTemplateVault(_data_keys(settings, infrastructure))


def make_fingerprint_vault(settings: Settings, infrastructure: Infrastructure) -> EncryptedFingerprintVault:
    """Needs the master keys."""
    return EncryptedFingerprintVault(_data_keys(settings, infrastructure))


def make_answer_vault(settings: Settings, infrastructure: Infrastructure) -> EncryptedAnswerVault:
    """Needs the master keys."""
    return EncryptedAnswerVault(_data_keys(settings, infrastructure))


def make_webhook_secrets(settings: Settings, infrastructure: Infrastructure) -> DerivedWebhookSecrets:
    """Needs the master keys."""
    return DerivedWebhookSecrets(_data_keys(settings, infrastructure))


def _data_keys(settings: Settings, infrastructure: Infrastructure) -> DataKeys:
    master_keys = {key.key_id: key.key for key in settings.master_keys}
    return DataKeys(SqlWrappedKeys(infrastructure.engine), master_keys)


def make_links(settings: Settings, clock: Clock) -> SignedTokens:
    """Needs the secret keys."""
    return SignedTokens(settings.secret_keys, clock, settings.limits.upload_ticket_seconds)


def make_signer(settings: Settings) -> Ed25519ResultSigner:
    """Needs the signing keys."""
    return Ed25519ResultSigner({key.key_id: key.key for key in settings.signing_keys}, settings.public_url)
