"""Puts the API onto a Flask application."""

from __future__ import annotations

from flask import Blueprint, Flask

from app.api.biometric_check import biometric_check
from app.api.deliveries import deliveries
from app.api.description import description
from app.api.entities import entities
from app.api.events import events
from app.api.face_match import face_match
from app.api.health import health
from app.api.keys import keys
from app.api.limits import show_standing
from app.api.media import media
from app.api.services import ApiServices, attach
from app.api.sessions import sessions
from app.api.settings import settings
from app.api.validations import validations
from app.api.webhooks import webhooks
from app.web.application import install_web, not_cached

BASE_PATH = "/api"


def install_api(app: Flask, services: ApiServices) -> None:
    """Register everything under `/api`, and the public health and key routes beside it."""
    attach(app, services)
    install_web(app, services.randomness.nonce, services.max_body_bytes)
    app.register_blueprint(create_api_blueprint())
    app.register_blueprint(health)


def create_api_blueprint() -> Blueprint:
    """All routes under `/api`."""
    api = Blueprint("api", __name__, url_prefix=BASE_PATH)
    api.after_request(not_cached)
    api.after_request(show_standing)
    for resource in (
        entities,
        validations,
        sessions,
        media,
        biometric_check,
        face_match,
        settings,
        keys,
        webhooks,
        deliveries,
        events,
        description,
    ):
        api.register_blueprint(resource)
    return api
