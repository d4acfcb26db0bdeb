"""Deliveries of events: what became of each, and sending one again."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_webhooks import (
    DeliveriesAnswer,
    DeliveryAnswer,
    DeliveryWithAttemptsAnswer,
    delivery_answer,
    delivery_with_attempts,
)
from app.api.authentication import caller, requires
from app.api.requests import path_id
from app.api.services import api_services
from app.api.webhooks_requests import DeliveryQuery
from app.domain.organization import Scope
from app.web.openapi import Operation, Returns
from app.web.requests import read_query

deliveries = Blueprint("deliveries", __name__, url_prefix="/webhooks/deliveries")

OPERATIONS = (
    Operation(
        method="get",
        path="/api/webhooks/deliveries",
        operation_id="listDeliveries",
        summary="List deliveries",
        description="To endpoints, removed ones too, and to sessions' own `webhookUrl`; newest first.",
        scope=Scope.WEBHOOKS_READ,
        query=DeliveryQuery,
        answers={200: Returns("A page of deliveries.", DeliveriesAnswer)},
    ),
    Operation(
        method="get",
        path="/api/webhooks/deliveries/{deliveryId}",
        operation_id="getDelivery",
        summary="Read a delivery with its attempts",
        scope=Scope.WEBHOOKS_READ,
        answers={200: Returns("The delivery.", DeliveryWithAttemptsAnswer)},
    ),
    Operation(
        method="post",
        path="/api/webhooks/deliveries/{deliveryId}/redeliver",
        operation_id="redeliver",
        summary="Send a delivery again",
        description=(
            "At once, to where its endpoint is now, under the same `webhook-id`, with all repetitions before it "
            "again. `INVALID_STATE` while it is pending, and where its endpoint is disabled or was removed."
        ),
        scope=Scope.WEBHOOKS_WRITE,
        answers={202: Returns("The delivery, which is pending now.", DeliveryAnswer)},
        errors=("INVALID_STATE",),
    ),
)


@deliveries.get("")
@requires(Scope.WEBHOOKS_READ)
def list_deliveries() -> ResponseReturnValue:
    query = read_query(DeliveryQuery)
    found, total = api_services().manage_deliveries.page(
        caller(),
        endpoint_id=query.endpoint_id,
        status=query.status,
        event_id=query.event_id,
        limit=query.limit,
        offset=query.offset,
    )
    pagination = Pagination(limit=query.limit, offset=query.offset, total=total)
    return reply(DeliveriesAnswer(deliveries=tuple(delivery_answer(one) for one in found), pagination=pagination))


@deliveries.get("/<delivery_id>")
@requires(Scope.WEBHOOKS_READ)
def get_delivery(delivery_id: str) -> ResponseReturnValue:
    sent, attempts = api_services().manage_deliveries.by_id(caller(), path_id(delivery_id))
    return reply(delivery_with_attempts(sent, attempts))


@deliveries.post("/<delivery_id>/redeliver")
@requires(Scope.WEBHOOKS_WRITE)
def redeliver(delivery_id: str) -> ResponseReturnValue:
    return reply(delivery_answer(api_services().manage_deliveries.redeliver(caller(), path_id(delivery_id))), 202)
