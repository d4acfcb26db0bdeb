"""What is public: liveness and readiness of the server, and the keys that verify results."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.api.services import api_services
from app.web.errors import RETRY_AFTER_SECONDS

health = Blueprint("health", __name__)

JWKS_MAX_AGE_SECONDS = 300


@health.get("/livez")
def livez() -> ResponseReturnValue:
    """The process answers; says nothing about what it needs."""
    return jsonify({"status": "alive"})


@health.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Whether everything that is needed is there; optional models that are missing are only named."""
    readiness = api_services().check_readiness()
    body = {
        "status": "ready" if readiness.is_ready else "not_ready",
        "problems": readiness.problems,
        "missingOptionalModels": list(readiness.missing_models),
    }
    if readiness.is_ready:
        return jsonify(body)
    return jsonify(body), 503, {"Retry-After": str(RETRY_AFTER_SECONDS)}


@health.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    """Public keys of the `result` JWT (RFC 7517)."""
    response = jsonify({"keys": list(api_services().signer.public_keys())})
    response.headers["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE_SECONDS}"
    return response
