"""Use cases behind the API's routes."""

from __future__ import annotations

from datetime import timedelta

from app.adapters.blob_store import EncryptedBlobStore
from app.api.services import ApiServices
from app.config import Settings
from app.main.infrastructure import Infrastructure, make_links, make_signer, make_template_vault
from app.main.models import LoadedModels
from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.import_validation import ImportValidation
from app.services.open_session import OpenSession
from app.services.ports import MatchingCore
from app.services.read_session import ReadSession
from app.services.readiness import CheckReadiness
from app.services.register_entity import FindEntity, RegisterEntity


def make_import_validation(
    settings: Settings,
    infrastructure: Infrastructure,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
) -> ImportValidation:
    """Shared by the API and the command line."""
    return ImportValidation(
        store=infrastructure.store,
        blobs=blobs,
        vault=make_template_vault(settings, infrastructure),
        core=core,
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
) -> ApiServices:
    """Use cases behind the API's routes."""
    store, clock, randomness = infrastructure.store, infrastructure.clock, infrastructure.randomness
    abandon_after = timedelta(seconds=settings.limits.abandon_after_seconds)
    return ApiServices(
        authenticate=Authenticate(store=store, clock=clock),
        register_entity=RegisterEntity(store=store, clock=clock, randomness=randomness),
        find_entity=FindEntity(store=store),
        import_validation=make_import_validation(settings, infrastructure, core, blobs),
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
        cancel_session=CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
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
