"""Use cases behind the API's routes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.logo_pictures import PillowLogos
from app.api.services import ApiServices
from app.config import Settings
from app.jobs.background import log_failure
from app.main.infrastructure import (
    Infrastructure,
    make_answer_vault,
    make_links,
    make_signer,
    make_template_vault,
    make_webhook_secrets,
)
from app.main.limits import make_limits
from app.main.models import LoadedModels
from app.main.webhooks import make_manage_webhooks
from app.services.administer_keys import AdministerKeys
from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.change_settings import ChangeSettings, ReadSettings
from app.services.check_biometric import CheckBiometric
from app.services.decide_capture import DecideCapture
from app.services.idempotency import Idempotency
from app.services.import_validation import ImportValidation
from app.services.keep_logo import KeepLogo
from app.services.list_sessions import ListSessions
from app.services.manage_deliveries import ManageDeliveries
from app.services.match_faces import MatchFaces
from app.services.open_session import OpenSession
from app.services.ports import MatchingCore
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
from app.services.search_probe import SearchProbe
from app.services.sync_session import SyncSession
from app.services.webhook_secret import RenewWebhookSecret


def make_import_validation(
    settings: Settings,
    infrastructure: Infrastructure,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
    search: SearchProbe,
) -> ImportValidation:
    """Shared by the API and the command line."""
    return ImportValidation(
        store=infrastructure.store,
        blobs=blobs,
        vault=make_template_vault(settings, infrastructure),
        core=core,
        search=search,
        clock=infrastructure.clock,
        randomness=infrastructure.randomness,
        image_max_bytes=settings.limits.image_max_bytes,
    )


def make_api_services(
    settings: Settings,
    infrastructure: Infrastructure,
    models: LoadedModels,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
    decide_capture: DecideCapture,
    search: SearchProbe,
    tell: Callable[[str], None],
) -> ApiServices:
    """Use cases behind the API's routes. `tell` lets the page of a hosted session know how it stands."""
    store, clock, randomness = infrastructure.store, infrastructure.clock, infrastructure.randomness
    abandon_after = timedelta(seconds=settings.limits.abandon_after_seconds)
    limit_requests, limit_guesses = make_limits(settings, clock)
    change_settings = ChangeSettings(
        store=store,
        clock=clock,
        randomness=randomness,
        is_strict_available=not models.all_missing,
        keep_logo=KeepLogo(maker=PillowLogos(), blobs=blobs),
    )
    return ApiServices(
        authenticate=Authenticate(store=store, clock=clock),
        limit_requests=limit_requests,
        limit_guesses=limit_guesses,
        require_quota=RequireQuota(store=store, clock=clock),
        administer_keys=AdministerKeys(keys=infrastructure.keys),
        idempotency=Idempotency(
            store=store,
            vault=make_answer_vault(settings, infrastructure),
            clock=clock,
            randomness=randomness,
            lifetime=timedelta(seconds=settings.limits.idempotency_seconds),
        ),
        register_entity=RegisterEntity(store=store, clock=clock, randomness=randomness),
        find_entity=FindEntity(store=store),
        import_validation=make_import_validation(settings, infrastructure, core, blobs, search),
        read_validations=ReadValidations(store=store),
        review_validation=ReviewValidation(store=store, clock=clock, randomness=randomness),
        open_session=OpenSession(
            store=store,
            blobs=blobs,
            clock=clock,
            randomness=randomness,
            session_lifetime=timedelta(seconds=settings.limits.session_ttl_seconds),
            abandon_after=abandon_after,
            is_development=settings.is_dev,
        ),
        read_session=ReadSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        list_sessions=ListSessions(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        sync_session=SyncSession(
            store=store,
            clock=clock,
            randomness=randomness,
            abandon_after=abandon_after,
            decide_capture=decide_capture,
            tell=tell,
            note_failure=log_failure,
        ),
        review_session=ReviewSession(store=store, clock=clock, randomness=randomness),
        read_media=ReadMedia(store=store, blobs=blobs, clock=clock, randomness=randomness),
        check_biometric=CheckBiometric(
            store=store,
            blobs=blobs,
            vault=make_template_vault(settings, infrastructure),
            core=core,
            search=search,
            clock=clock,
            randomness=randomness,
            image_max_bytes=settings.limits.image_max_bytes,
        ),
        match_faces=MatchFaces(
            store=store,
            blobs=blobs,
            core=core,
            clock=clock,
            randomness=randomness,
            image_max_bytes=settings.limits.image_max_bytes,
        ),
        read_face_matches=ReadFaceMatches(store=store, blobs=blobs, clock=clock, randomness=randomness),
        cancel_session=CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        read_settings=ReadSettings(store=store),
        change_settings=change_settings,
        renew_webhook_secret=RenewWebhookSecret(
            change_settings=change_settings,
            secrets=make_webhook_secrets(settings, infrastructure),
            clock=clock,
        ),
        manage_webhooks=make_manage_webhooks(settings, infrastructure, is_development=settings.is_dev),
        manage_deliveries=ManageDeliveries(store=store, clock=clock, randomness=randomness),
        read_events=ReadEvents(store=store),
        check_readiness=CheckReadiness(
            store=store,
            blobs=blobs,
            core=core,
            required_missing=models.required_missing,
            optional_missing=models.optional_missing,
        ),
        links=make_links(settings, clock),
        signer=make_signer(settings),
        randomness=randomness,
        public_url=settings.public_url,
        max_body_bytes=settings.limits.max_body_bytes,
    )
