"""What the API needs, handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from app.services.administer_keys import AdministerKeys
from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.change_settings import ChangeSettings, ReadSettings
from app.services.check_biometric import CheckBiometric
from app.services.idempotency import Idempotency
from app.services.import_validation import ImportValidation
from app.services.limit_requests import LimitGuesses, LimitRequests
from app.services.list_sessions import ListSessions
from app.services.manage_deliveries import ManageDeliveries
from app.services.manage_webhooks import ManageWebhooks
from app.services.match_faces import MatchFaces
from app.services.open_session import OpenSession
from app.services.ports import Randomness, ResultSigner, SessionLinks
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

_EXTENSION = "bonafide-api"


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Use cases behind the routes. `public_url` has no trailing slash."""

    authenticate: Authenticate
    limit_requests: LimitRequests
    limit_guesses: LimitGuesses
    require_quota: RequireQuota
    administer_keys: AdministerKeys
    idempotency: Idempotency
    register_entity: RegisterEntity
    find_entity: FindEntity
    import_validation: ImportValidation
    read_validations: ReadValidations
    review_validation: ReviewValidation
    open_session: OpenSession
    read_session: ReadSession
    list_sessions: ListSessions
    sync_session: SyncSession
    review_session: ReviewSession
    cancel_session: CancelSession
    read_media: ReadMedia
    check_biometric: CheckBiometric
    match_faces: MatchFaces
    read_face_matches: ReadFaceMatches
    read_settings: ReadSettings
    change_settings: ChangeSettings
    renew_webhook_secret: RenewWebhookSecret
    manage_webhooks: ManageWebhooks
    manage_deliveries: ManageDeliveries
    read_events: ReadEvents
    check_readiness: CheckReadiness
    links: SessionLinks
    signer: ResultSigner
    randomness: Randomness
    public_url: str
    max_body_bytes: int


def attach(app: Flask, services: ApiServices) -> None:
    """Make the services those of this application."""
    app.extensions[_EXTENSION] = services


def api_services() -> ApiServices:
    """The services of the application that handles this request."""
    return cast("ApiServices", current_app.extensions[_EXTENSION])
