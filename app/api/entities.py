"""Entities: the persons that an organization knows."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_entities import EntitiesAnswer, EntityAnswer, entity_answer
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import EntityBody, EntityQuery, path_id
from app.api.services import api_services
from app.domain.organization import Scope
from app.web.openapi import JSON, Operation, Returns
from app.web.requests import read_json, read_query

entities = Blueprint("entities", __name__, url_prefix="/entities")

OPERATIONS = (
    Operation(
        method="post",
        path="/api/entities",
        operation_id="createEntity",
        summary="Make an entity",
        scope=Scope.ENTITIES_WRITE,
        is_idempotent=True,
        request={JSON: EntityBody},
        answers={201: Returns("The entity.", EntityAnswer)},
        errors=("DUPLICATE_ENTITY",),
    ),
    Operation(
        method="get",
        path="/api/entities",
        operation_id="listEntities",
        summary="List entities",
        description="The latest first; with `externalId` the one that has it, or none.",
        scope=Scope.ENTITIES_READ,
        query=EntityQuery,
        answers={200: Returns("A page of entities.", EntitiesAnswer)},
    ),
    Operation(
        method="get",
        path="/api/entities/{entityId}",
        operation_id="getEntity",
        summary="Read an entity",
        scope=Scope.ENTITIES_READ,
        answers={200: Returns("The entity.", EntityAnswer)},
    ),
)


@entities.post("")
@requires(Scope.ENTITIES_WRITE)
@idempotent
def create_entity() -> ResponseReturnValue:
    entity = api_services().register_entity(caller(), read_json(EntityBody).to_service())
    return reply(entity_answer(entity), 201)


@entities.get("")
@requires(Scope.ENTITIES_READ)
def list_entities() -> ResponseReturnValue:
    query = read_query(EntityQuery)
    found, total = api_services().find_entity.page(caller(), query.external_id, query.limit, query.offset)
    pagination = Pagination(limit=query.limit, offset=query.offset, total=total)
    return reply(EntitiesAnswer(entities=tuple(map(entity_answer, found)), pagination=pagination))


@entities.get("/<entity_id>")
@requires(Scope.ENTITIES_READ)
def get_entity(entity_id: str) -> ResponseReturnValue:
    return reply(entity_answer(api_services().find_entity.by_id(caller(), path_id(entity_id))))
