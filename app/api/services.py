"""What the API needs, handed in by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.import_validation import ImportValidation
from app.services.open_session import OpenSession
from app.services.ports import Randomness, ResultSigner, SessionLinks
from app.services.read_session import ReadSession
from app.services.readiness import CheckReadiness
from app.services.register_entity import FindEntity, RegisterEntity

_EXTENSION = "bonafide-api"


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Use cases behind the routes. `public_url` has no trailing slash."""

    authenticate: Authenticate
    register_entity: RegisterEntity
    find_entity: FindEntity
    import_validation: ImportValidation
    open_session: OpenSession
    read_session: ReadSession
    cancel_session: CancelSession
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
