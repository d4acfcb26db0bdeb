"""The API over a real store (both databases), real encryption and real tokens; only the matching core is faked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.datastructures import Headers

from app.adapters.answer_vault import EncryptedAnswerVault
from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.db.unit_of_work import SqlStore
from app.adapters.db.wrapped_keys import SqlWrappedKeys
from app.adapters.encryption import DataKeys
from app.adapters.logo_pictures import PillowLogos
from app.adapters.result_signer import Ed25519ResultSigner
from app.adapters.signed_tokens import SignedTokens
from app.adapters.webhook_secrets import DerivedWebhookSecrets
from app.api.app import install_api
from app.api.services import ApiServices
from app.domain.organization import Capture, Entity, Organization, Scope
from app.services.administer_keys import AdministerKeys
from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.change_settings import ChangeSettings, ReadSettings
from app.services.check_biometric import CheckBiometric
from app.services.decide_capture import DecideCapture
from app.services.idempotency import Idempotency
from app.services.import_validation import ImportValidation
from app.services.keep_logo import KeepLogo
from app.services.limit_requests import LimitGuesses, LimitRequests
from app.services.list_sessions import ListSessions
from app.services.manage_deliveries import ManageDeliveries
from app.services.manage_keys import ManageKeys
from app.services.manage_webhooks import ManageWebhooks
from app.services.match_faces import MatchFaces
from app.services.open_session import OpenSession
from app.services.ports import BlobAddress
from app.services.quota import RequireQuota
from app.services.read_events import ReadEvents
from app.services.read_face_matches import ReadFaceMatches
from app.services.read_media import ReadMedia
from app.services.read_session import ReadSession
from app.services.read_validations import ReadValidations
from app.services.readiness import CheckReadiness
from app.services.register_entity import FindEntity, RegisterEntity
from app.services.review_session import ReviewSession
from app.services.review_validation import ReviewValidation
from app.services.sync_session import SyncSession
from app.services.webhook_secret import RenewWebhookSecret
from app.web.static_files import install_static
from tests.api.described import assert_described
from tests.builders import Builder, add_organization
from tests.fakes import FakeClock, FakeMatchingCore, FakeRateLimiter, FakeTemplateVault, SeededRandomness
from tests.searching import search_probe
from tests.store_fixtures import (
    database_url,
    empty_database_url,
    engine,
    postgres_server,
    postgres_url,
    sqlite_template,
    store,
)

__all__ = [
    "database_url",
    "empty_database_url",
    "engine",
    "postgres_server",
    "postgres_url",
    "sqlite_template",
    "store",
]

FILES = Path(__file__).resolve().parents[2]
PUBLIC_URL = "https://verify.example"
IMAGE_MAX_BYTES = 5 * 1024 * 1024
BODY_MAX_BYTES = 16 * 1024 * 1024
ENDPOINTS_MAX = 20


@dataclass(frozen=True)
class Answer:
    """What came back. `json` is Any: tests say themselves what they expect in it."""

    status_code: int
    json: Any
    headers: Headers


@dataclass
class Api:
    """An API with one organization, and what stands behind it."""

    app: Flask
    store: SqlStore
    blobs: EncryptedBlobStore
    blob_folder: Path
    clock: FakeClock
    core: FakeMatchingCore
    build: Builder
    keys: ManageKeys
    organization: Organization
    key: str

    def new_key(self, *scopes: Scope, organization: Organization | None = None, is_test: bool = True) -> str:
        owner = organization or self.organization
        return self.keys.issue(owner, scopes or [Scope.ADMIN], is_test=is_test, name="").text

    def new_organization(self, slug: str = "globex", **settings: Any) -> Organization:
        return add_organization(self.store, self.build.organization(slug, **settings))

    def enrolled(self, **changes: Any) -> Entity:
        return self.build.enrolled(self.store, self.blobs, self.organization, **changes)

    def open(self, path: str, method: str = "GET", **more: Any) -> Answer:
        """Without a key, unless `headers` has one."""
        response = self.app.test_client().open(path, method=method, **more)
        assert_described(self.app, response)
        return Answer(response.status_code, response.json, response.headers)

    def get(self, path: str, key: str | None = None) -> Answer:
        return self.open(path, headers=self.headers(key))

    def post(self, path: str, json: object = None, key: str | None = None, **more: Any) -> Answer:
        if json is not None:
            more["json"] = json
        return self.open(path, "POST", headers=self.headers(key), **more)

    def open_session(self, entity: Entity, **fields: object) -> Answer:
        return self.post("/api/kyc/biometric/sessions", {"entityId": entity.entity_id, **fields})

    def add_capture(self, session_id: str, kind: str, content: bytes = b"an image") -> None:
        """An image of a session, as a capture leaves it."""
        with self.store.read() as uow:
            session = uow.sessions.get(self.organization.organization_id, True, session_id)
        assert session is not None
        capture_id = self.build.randomness.object_id()
        where = (session.organization_id, session.entity_id)
        blob_id = self.blobs.put(BlobAddress(*where, capture_id, kind), content)
        digest = hashlib.sha256(content).hexdigest()
        capture = Capture(capture_id, *where, session_id, kind, blob_id, "image/jpeg", digest, self.clock.now())
        with self.store.begin() as uow:
            uow.captures.add(capture)
            uow.commit()

    def actions(self) -> list[tuple[str, str]]:
        """Who did what, as the organization's audit trail has it."""
        with self.store.read() as uow:
            entries = uow.audit.of_organization(self.organization.organization_id)
        return [(entry.actor, entry.action) for entry in entries]

    def headers(self, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.key}"}


@pytest.fixture
def api(store: SqlStore, engine: Engine, tmp_path: Path) -> Api:
    return make_api(store, engine, tmp_path / "blobs")


def make_api(store: SqlStore, engine: Engine, folder: Path) -> Api:
    """`folder` is for images."""
    clock, randomness, core = FakeClock(), SeededRandomness(), FakeMatchingCore()
    build = Builder(randomness)
    data_keys = DataKeys(SqlWrappedKeys(engine), {"k": b"k" * 32})
    blobs = EncryptedBlobStore(folder, data_keys)
    keys = ManageKeys(store=store, clock=clock, randomness=randomness)
    organization = add_organization(store, build.organization())
    app = Flask("api-under-test", static_folder=None, template_folder=str(FILES / "templates"))
    install_static(app, FILES / "static")
    install_api(app, make_services(store, blobs, data_keys, core, clock, randomness))
    key = keys.issue(organization, [Scope.ADMIN], is_test=True, name="").text
    return Api(app, store, blobs, folder, clock, core, build, keys, organization, key)


def not_expected(what: str, error: Exception) -> None:
    """Nothing fails beside a request here."""
    raise AssertionError(what) from error


def make_services(
    store: SqlStore,
    blobs: EncryptedBlobStore,
    data_keys: DataKeys,
    core: FakeMatchingCore,
    clock: FakeClock,
    randomness: SeededRandomness,
) -> ApiServices:
    abandon_after = timedelta(minutes=15)
    search = search_probe(store, blobs, core, clock)
    change_settings = ChangeSettings(
        store=store,
        clock=clock,
        randomness=randomness,
        is_strict_available=True,
        keep_logo=KeepLogo(maker=PillowLogos(), blobs=blobs),
    )
    return ApiServices(
        authenticate=Authenticate(store=store, clock=clock),
        limit_requests=LimitRequests(limiter=FakeRateLimiter(clock), creates=None, reads=None),
        limit_guesses=LimitGuesses(limiter=FakeRateLimiter(clock), failures=None),
        require_quota=RequireQuota(store=store, clock=clock),
        administer_keys=AdministerKeys(keys=ManageKeys(store=store, clock=clock, randomness=randomness)),
        idempotency=Idempotency(
            store=store,
            vault=EncryptedAnswerVault(data_keys),
            clock=clock,
            randomness=randomness,
            lifetime=timedelta(hours=24),
        ),
        register_entity=RegisterEntity(store=store, clock=clock, randomness=randomness),
        find_entity=FindEntity(store=store),
        import_validation=ImportValidation(
            store=store,
            blobs=blobs,
            vault=FakeTemplateVault(),
            core=core,
            search=search,
            clock=clock,
            randomness=randomness,
            image_max_bytes=IMAGE_MAX_BYTES,
        ),
        read_validations=ReadValidations(store=store),
        review_validation=ReviewValidation(store=store, clock=clock, randomness=randomness),
        open_session=OpenSession(
            store=store,
            blobs=blobs,
            clock=clock,
            randomness=randomness,
            session_lifetime=timedelta(hours=24),
            abandon_after=abandon_after,
            is_development=False,
        ),
        read_session=ReadSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        list_sessions=ListSessions(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        sync_session=SyncSession(
            store=store,
            clock=clock,
            randomness=randomness,
            abandon_after=abandon_after,
            decide_capture=DecideCapture(
                store=store,
                blobs=blobs,
                vault=FakeTemplateVault(),
                core=core,
                search=search,
                clock=clock,
                randomness=randomness,
            ),
            tell=lambda _: None,
            note_failure=not_expected,
        ),
        review_session=ReviewSession(store=store, clock=clock, randomness=randomness),
        read_media=ReadMedia(store=store, blobs=blobs, clock=clock, randomness=randomness),
        cancel_session=CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        check_biometric=CheckBiometric(
            store=store,
            blobs=blobs,
            vault=FakeTemplateVault(),
            core=core,
            search=search,
            clock=clock,
            randomness=randomness,
            image_max_bytes=IMAGE_MAX_BYTES,
        ),
        match_faces=MatchFaces(
            store=store,
            blobs=blobs,
            core=core,
            clock=clock,
            randomness=randomness,
            image_max_bytes=IMAGE_MAX_BYTES,
        ),
        read_face_matches=ReadFaceMatches(store=store, blobs=blobs, clock=clock, randomness=randomness),
        read_settings=ReadSettings(store=store),
        change_settings=change_settings,
        renew_webhook_secret=RenewWebhookSecret(
            change_settings=change_settings, secrets=DerivedWebhookSecrets(data_keys), clock=clock
        ),
        manage_webhooks=ManageWebhooks(
            store=store,
            clock=clock,
            randomness=randomness,
            secrets=DerivedWebhookSecrets(data_keys),
            endpoints_max=ENDPOINTS_MAX,
            is_development=False,
        ),
        manage_deliveries=ManageDeliveries(store=store, clock=clock, randomness=randomness),
        read_events=ReadEvents(store=store),
        check_readiness=CheckReadiness(
            store=store, blobs=blobs, core=core, optional_missing=("minifasnet_v2 (missing)",)
        ),
        links=SignedTokens(["s" * 40], clock, 60),
        signer=Ed25519ResultSigner({"2026": b"n" * 32}, PUBLIC_URL),
        randomness=randomness,
        public_url=PUBLIC_URL,
        max_body_bytes=BODY_MAX_BYTES,
    )
