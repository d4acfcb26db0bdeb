"""What is public: liveness and readiness of the server, and the keys that verify results."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Answer, reply
from app.api.services import api_services
from app.web.errors import RETRY_AFTER_SECONDS
from app.web.openapi import RETRY_AFTER, Operation, Returns

health = Blueprint("health", __name__)

JWKS_MAX_AGE_SECONDS = 300


class AliveAnswer(Answer):
    """The process answers."""

    status: Literal["alive"]


class ReadyAnswer(Answer):
    """`problems` maps what is not ready to the reason."""

    status: Literal["ready", "not_ready"]
    problems: dict[str, str]
    missing_optional_models: tuple[str, ...]


class JwkAnswer(Answer):
    """A public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class JwksAnswer(Answer):
    """Every key whose signatures may still be about (RFC 7517)."""

    keys: tuple[JwkAnswer, ...]


OPERATIONS = (
    Operation(
        method="get",
        path="/livez",
        operation_id="getLiveness",
        summary="Ask whether the process answers",
        description="Says nothing about what it needs.",
        answers={200: Returns("It does.", AliveAnswer)},
        is_public=True,
    ),
    Operation(
        method="get",
        path="/readyz",
        operation_id="getReadiness",
        summary="Ask whether everything needed is there",
        description="Optional models that are missing are only named.",
        answers={
            200: Returns("It is.", ReadyAnswer),
            503: Returns("It is not, and why.", ReadyAnswer, headers=(RETRY_AFTER,)),
        },
        is_public=True,
    ),
    Operation(
        method="get",
        path="/.well-known/jwks.json",
        operation_id="getKeySet",
        summary="Read the keys that sign results",
        description="With them the `result` of a redirect is verified.",
        answers={200: Returns("A JSON Web Key Set.", JwksAnswer)},
        is_public=True,
    ),
)


@health.get("/livez")
def livez() -> ResponseReturnValue:
    """The process answers; says nothing about what it needs."""
    return reply(AliveAnswer(status="alive"))


@health.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Whether everything that is needed is there; optional models that are missing are only named."""
    readiness = api_services().check_readiness()
    answer = ReadyAnswer(
        status="ready" if readiness.is_ready else "not_ready",
        problems=dict(readiness.problems),
        missing_optional_models=tuple(readiness.missing_models),
    )
    if readiness.is_ready:
        return reply(answer)
    return reply(answer, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})


@health.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    """Public keys of the `result` JWT (RFC 7517)."""
    keys = tuple(JwkAnswer.model_validate(key) for key in api_services().signer.public_keys())
    return reply(JwksAnswer(keys=keys), headers={"Cache-Control": f"public, max-age={JWKS_MAX_AGE_SECONDS}"})
