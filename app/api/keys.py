"""API keys: a key with the scope `admin` makes, rotates and revokes those of its organization and mode."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_keys import KeyAnswer, KeysAnswer, NewKeyAnswer, key_answer, new_key_answer
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.keys_requests import KeyBody, RotateKeyBody
from app.api.requests import PageQuery, path_id
from app.api.services import api_services
from app.domain.organization import ApiKey, Scope
from app.services.manage_keys import IssuedKey
from app.web.openapi import JSON, Operation, Returns
from app.web.requests import read_json, read_query

keys = Blueprint("keys", __name__, url_prefix="/keys")

OPERATIONS = (
    Operation(
        method="post",
        path="/api/keys",
        operation_id="createKey",
        summary="Make an API key",
        description="Of the caller's mode: asking for the other is 403 `FORBIDDEN`. The key is shown this once.",
        scope=Scope.ADMIN,
        is_idempotent=True,
        request={JSON: KeyBody},
        answers={201: Returns("The key.", NewKeyAnswer)},
    ),
    Operation(
        method="get",
        path="/api/keys",
        operation_id="listKeys",
        summary="List the API keys of the caller's mode",
        description="Revoked and expired ones too, newest first, without their secrets.",
        scope=Scope.ADMIN,
        query=PageQuery,
        answers={200: Returns("A page of keys.", KeysAnswer)},
    ),
    Operation(
        method="get",
        path="/api/keys/{keyId}",
        operation_id="getKey",
        summary="Read an API key",
        scope=Scope.ADMIN,
        answers={200: Returns("The key without its secret.", KeyAnswer)},
    ),
    Operation(
        method="post",
        path="/api/keys/{keyId}/rotate",
        operation_id="rotateKey",
        summary="Put another key in the place of an API key",
        description=(
            "Of the same name, mode and scopes. The old one works for `overlapSeconds` (24 h by default, 0 for not"
            " at all), and never beyond its own end. A key is rotated once; after that its successor is."
        ),
        scope=Scope.ADMIN,
        is_idempotent=True,
        request={JSON: RotateKeyBody},
        is_body_optional=True,
        answers={201: Returns("The new key.", NewKeyAnswer)},
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="delete",
        path="/api/keys/{keyId}",
        operation_id="revokeKey",
        summary="Revoke an API key",
        description="It is refused from the next request on. A key may revoke itself.",
        scope=Scope.ADMIN,
        answers={200: Returns("The key as it stands now.", KeyAnswer)},
        errors=("INVALID_STATE",),
    ),
)


@keys.post("")
@requires(Scope.ADMIN)
@idempotent
def create_key() -> ResponseReturnValue:
    body = read_json(KeyBody)
    issued = api_services().administer_keys.issue(
        caller(),
        body.scopes,
        is_test=None if body.mode is None else body.mode == "test",
        name=body.name,
        lifetime=body.lifetime,
    )
    return _new(issued)


@keys.get("")
@requires(Scope.ADMIN)
def list_keys() -> ResponseReturnValue:
    query = read_query(PageQuery)
    found, total = api_services().administer_keys.page(caller(), query.limit, query.offset)
    pagination = Pagination(limit=query.limit, offset=query.offset, total=total)
    return reply(KeysAnswer(keys=tuple(_answer(key) for key in found), pagination=pagination))


@keys.get("/<key_id>")
@requires(Scope.ADMIN)
def get_key(key_id: str) -> ResponseReturnValue:
    return reply(_answer(api_services().administer_keys.by_id(caller(), path_id(key_id))))


@keys.post("/<key_id>/rotate")
@requires(Scope.ADMIN)
@idempotent
def rotate_key(key_id: str) -> ResponseReturnValue:
    body = read_json(RotateKeyBody, may_be_absent=True)
    issued = api_services().administer_keys.rotate(
        caller(), path_id(key_id), overlap=body.overlap, lifetime=body.lifetime
    )
    return _new(issued)


@keys.delete("/<key_id>")
@requires(Scope.ADMIN)
def revoke_key(key_id: str) -> ResponseReturnValue:
    return reply(_answer(api_services().administer_keys.revoke(caller(), path_id(key_id))))


def _answer(key: ApiKey) -> KeyAnswer:
    return key_answer(key, api_services().administer_keys.state(key))


def _new(issued: IssuedKey) -> ResponseReturnValue:
    return reply(new_key_answer(issued, api_services().administer_keys.state(issued.key)), 201)
