"""Entities: the persons that an organization knows."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import EntityBody, EntityQuery, path_id
from app.api.services import api_services
from app.api.wire import entity_json
from app.domain.organization import Scope
from app.web.requests import read_json, read_query

entities = Blueprint("entities", __name__, url_prefix="/entities")


@entities.post("")
@requires(Scope.ENTITIES_WRITE)
def create_entity() -> ResponseReturnValue:
    entity = api_services().register_entity(caller(), read_json(EntityBody).to_service())
    return jsonify(entity_json(entity)), 201


@entities.get("")
@requires(Scope.ENTITIES_READ)
def list_entities() -> ResponseReturnValue:
    query = read_query(EntityQuery)
    found, total = api_services().find_entity.page(caller(), query.external_id, query.limit, query.offset)
    return jsonify(
        {
            "entities": [entity_json(entity) for entity in found],
            "pagination": {"limit": query.limit, "offset": query.offset, "total": total},
        }
    )


@entities.get("/<entity_id>")
@requires(Scope.ENTITIES_READ)
def get_entity(entity_id: str) -> ResponseReturnValue:
    return jsonify(entity_json(api_services().find_entity.by_id(caller(), path_id(entity_id))))
