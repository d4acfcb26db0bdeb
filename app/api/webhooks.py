"""Webhook endpoints: where an organization is told of its events."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_webhooks import WebhookAnswer, WebhooksAnswer, WebhookWithSecretAnswer, webhook_answer
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import PageQuery, path_id
from app.api.services import api_services
from app.api.webhooks_requests import RotateSecretBody, WebhookBody, WebhookChangeBody
from app.domain.organization import Scope
from app.domain.webhook import WebhookEndpoint
from app.services.manage_webhooks import EndpointSecret
from app.web.openapi import JSON, Operation, Returns
from app.web.requests import read_json, read_query

webhooks = Blueprint("webhooks", __name__, url_prefix="/webhooks")

OPERATIONS = (
    Operation(
        method="post",
        path="/api/webhooks",
        operation_id="createWebhook",
        summary="Make a webhook endpoint",
        description=(
            "Of the key's mode: events of the other are not sent there. The secret is shown this once. "
            "`INVALID_STATE` where there are as many as there may be."
        ),
        scope=Scope.WEBHOOKS_WRITE,
        is_idempotent=True,
        request={JSON: WebhookBody},
        answers={201: Returns("The endpoint.", WebhookWithSecretAnswer)},
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="get",
        path="/api/webhooks",
        operation_id="listWebhooks",
        summary="List the webhook endpoints of the key's mode",
        description="Disabled ones too, newest first, without their secrets.",
        scope=Scope.WEBHOOKS_READ,
        query=PageQuery,
        answers={200: Returns("A page of endpoints.", WebhooksAnswer)},
    ),
    Operation(
        method="get",
        path="/api/webhooks/{webhookId}",
        operation_id="getWebhook",
        summary="Read a webhook endpoint",
        scope=Scope.WEBHOOKS_READ,
        answers={200: Returns("The endpoint without its secret.", WebhookAnswer)},
    ),
    Operation(
        method="patch",
        path="/api/webhooks/{webhookId}",
        operation_id="changeWebhook",
        summary="Change, disable or enable a webhook endpoint",
        description=(
            "What is still to be sent to it goes to its new address. While it is disabled nothing is sent: what "
            "comes due fails, and it is not told later what happened meanwhile. `GET /api/events` catches up."
        ),
        scope=Scope.WEBHOOKS_WRITE,
        request={JSON: WebhookChangeBody},
        answers={200: Returns("The endpoint as it stands now.", WebhookAnswer)},
    ),
    Operation(
        method="delete",
        path="/api/webhooks/{webhookId}",
        operation_id="removeWebhook",
        summary="Remove a webhook endpoint",
        description="What was still to be sent to it has failed. Its deliveries stay in the list.",
        scope=Scope.WEBHOOKS_WRITE,
        answers={200: Returns("The endpoint as it last stood.", WebhookAnswer)},
    ),
    Operation(
        method="post",
        path="/api/webhooks/{webhookId}/rotate-secret",
        operation_id="rotateWebhookSecret",
        summary="Put another secret in the place of a webhook endpoint's",
        description=(
            "It is shown this once. The one that stood signs as well for `overlapSeconds` (24 h by default, 0 for "
            "not at all); only the last one does."
        ),
        scope=Scope.WEBHOOKS_WRITE,
        is_idempotent=True,
        request={JSON: RotateSecretBody},
        is_body_optional=True,
        answers={201: Returns("The endpoint with its new secret.", WebhookWithSecretAnswer)},
    ),
)


@webhooks.post("")
@requires(Scope.WEBHOOKS_WRITE)
@idempotent
def create_webhook() -> ResponseReturnValue:
    body = read_json(WebhookBody)
    return _with_secret(api_services().manage_webhooks.create(caller(), body.url, body.events))


@webhooks.get("")
@requires(Scope.WEBHOOKS_READ)
def list_webhooks() -> ResponseReturnValue:
    query = read_query(PageQuery)
    found, total = api_services().manage_webhooks.page(caller(), query.limit, query.offset)
    pagination = Pagination(limit=query.limit, offset=query.offset, total=total)
    return reply(WebhooksAnswer(webhooks=tuple(_answer(one) for one in found), pagination=pagination))


@webhooks.get("/<webhook_id>")
@requires(Scope.WEBHOOKS_READ)
def get_webhook(webhook_id: str) -> ResponseReturnValue:
    return reply(_answer(api_services().manage_webhooks.by_id(caller(), path_id(webhook_id))))


@webhooks.patch("/<webhook_id>")
@requires(Scope.WEBHOOKS_WRITE)
def change_webhook(webhook_id: str) -> ResponseReturnValue:
    change = read_json(WebhookChangeBody).to_service()
    return reply(_answer(api_services().manage_webhooks.change(caller(), path_id(webhook_id), change)))


@webhooks.delete("/<webhook_id>")
@requires(Scope.WEBHOOKS_WRITE)
def remove_webhook(webhook_id: str) -> ResponseReturnValue:
    return reply(_answer(api_services().manage_webhooks.remove(caller(), path_id(webhook_id))))


@webhooks.post("/<webhook_id>/rotate-secret")
@requires(Scope.WEBHOOKS_WRITE)
@idempotent
def rotate_webhook_secret(webhook_id: str) -> ResponseReturnValue:
    overlap = read_json(RotateSecretBody, may_be_absent=True).overlap
    return _with_secret(api_services().manage_webhooks.rotate_secret(caller(), path_id(webhook_id), overlap))


def _answer(endpoint: WebhookEndpoint) -> WebhookAnswer:
    return webhook_answer(endpoint, api_services().manage_webhooks.previous_valid_until(endpoint))


def _with_secret(made: EndpointSecret) -> ResponseReturnValue:
    return reply(WebhookWithSecretAnswer(**dict(_answer(made.endpoint)), secret=made.secret), 201)
