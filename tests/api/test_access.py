"""Who may what: every route behind a key and a scope, and nothing of others to be seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.api.authentication import PUBLIC_ENDPOINTS, required_scope
from app.domain.organization import Entity, Scope
from app.domain.webhook import DeliveryStatus
from tests.api.conftest import Answer, Api
from tests.api.told import add_delivery

UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
SESSION = "/api/kyc/biometric/sessions"


def routes(app: Flask) -> list[tuple[Rule, str]]:
    """Every route with every method it takes, ids filled in."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def address_of(rule: Rule) -> str:
    return re.sub(r"<[^>]+>", UNKNOWN_ID, rule.rule)


def test_every_route_asks_for_a_key_or_is_listed_as_public(api: Api) -> None:
    found = routes(api.app)
    assert len(found) >= 11
    for rule, method in found:
        answer = api.open(address_of(rule), method=method)
        if rule.endpoint in PUBLIC_ENDPOINTS:
            assert answer.status_code == 200, rule
            continue
        assert (answer.status_code, answer.json["error"]) == (401, "UNAUTHORIZED"), rule
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_asks_for_its_scope_before_it_looks_at_anything(api: Api) -> None:
    for rule, method in routes(api.app):
        scope = required_scope(api.app.view_functions[rule.endpoint])
        if rule.endpoint in PUBLIC_ENDPOINTS:
            assert scope is None
            continue
        assert scope is not None, rule
        others = [other for other in Scope if other not in (scope, Scope.ADMIN)]
        key = api.new_key(*others)
        answer = api.open(address_of(rule), method=method, headers=api.headers(key), data=b"{")
        assert (answer.status_code, answer.json["error"]) == (403, "FORBIDDEN"), rule
        allowed = api.open(address_of(rule), method=method, headers=api.headers(api.new_key(scope)))
        assert allowed.status_code in (200, 201, 400, 404), rule


def test_health_and_keys_are_public_and_say_nothing_secret(api: Api) -> None:
    assert api.open("/livez").json == {"status": "alive"}
    ready = api.open("/readyz")
    assert ready.status_code == 200
    assert ready.json == {
        "status": "ready",
        "problems": {},
        "missingOptionalModels": ["minifasnet_v2 (missing)"],
    }
    (key,) = api.open("/.well-known/jwks.json").json["keys"]
    assert (key["kid"], key["crv"], key["alg"]) == ("2026", "Ed25519", "EdDSA")
    assert "d" not in key


def test_what_is_not_ready_is_named(api: Api) -> None:
    api.core.is_away = True
    answer = api.open("/readyz")
    assert answer.status_code == 503
    assert answer.json["problems"] == {"matching": "away"}
    assert "Retry-After" in answer.headers


def test_another_organization_in_the_header_is_forbidden(api: Api) -> None:
    other = api.new_organization()
    for value, status in [
        (api.organization.organization_id, 200),
        (api.organization.organization_id.upper(), 200),
        (other.organization_id, 403),
        (UNKNOWN_ID, 403),
        ("nonsense", 403),
    ]:
        headers = {**api.headers(), "X-Organization-ID": value}
        answer = api.open("/api/entities", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.json["error"] == "FORBIDDEN"


def without_request_id(answer: Answer) -> tuple[int, dict[str, Any]]:
    body = dict(answer.json)
    assert body.pop("requestId") == answer.headers["X-Request-Id"]
    return answer.status_code, body


REASON = {"reason": "seen and understood"}
"""A body that is right wherever one is asked for: what is wrong is told before what is not found."""


def named_routes(app: Flask, ids: dict[str, str]) -> list[tuple[str, str]]:
    """Method and address of every route that names an object, with these ids by the name of their place.

    Without PUT: what is put under a name is the caller's own, whoever else has one of that name.
    """
    found = []
    for rule, method in routes(app):
        if rule.arguments and rule.rule.startswith("/api/") and method != "PUT":
            place = re.compile(r"<([^>]+)>")
            found.append((method, place.sub(lambda match: ids.get(match[1], UNKNOWN_ID), rule.rule)))
    return found


def anothers(api: Api) -> dict[str, str]:
    """Objects that exist, with everything that can be asked of them, but not for the key under test."""
    entity = api.enrolled()
    session = api.open_session(entity).json["id"]
    with api.store.read() as uow:
        validation = uow.validations.latest_created(entity.organization_id, True, entity.entity_id)
    assert validation is not None
    api.add_capture(session, "selfie")
    return {
        "entity_id": entity.entity_id,
        "session_id": session,
        "validation_id": validation.validation_id,
        "kind": "selfie",
        "key_id": api.keys.issue(api.organization, [Scope.ADMIN], is_test=True, name="").key.key_id,
        "webhook_id": api.post("/api/webhooks", {"url": "https://shop.example/", "events": ["*"]}).json["id"],
        "delivery_id": add_delivery(api, status=DeliveryStatus.FAILED).delivery_id,
    }


@pytest.mark.parametrize("stranger", ["another organization", "the other mode"])
def test_what_is_anothers_reads_like_what_never_was(api: Api, stranger: str) -> None:
    """On every route that there is: nobody has to think of adding one here."""
    foreign = anothers(api)
    if stranger == "the other mode":
        key = api.new_key(is_test=False)
    else:
        key = api.new_key(organization=api.new_organization())
    asked = [named_routes(api.app, ids) for ids in (foreign, {}, dict.fromkeys(foreign, "malformed"))]
    assert len(asked[0]) >= 16
    for method, path in (route for routes_of_kind in asked for route in routes_of_kind):
        answer = api.open(path, method=method, headers=api.headers(key), json=REASON)
        assert without_request_id(answer) == (404, {"error": "NOT_FOUND", "message": "No such object."}), path


def test_its_owner_finds_each_of_them(api: Api) -> None:
    """Or the test above would prove nothing."""
    own = anothers(api)
    removed_last = sorted(named_routes(api.app, own), key=lambda route: route[0] == "DELETE")
    for method, path in removed_last:
        if UNKNOWN_ID not in path:
            status = api.open(path, method=method, headers=api.headers(), json=REASON).status_code
            assert status in (200, 201, 202, 409), (method, path)


def test_nothing_can_be_made_for_anothers_entity(api: Api) -> None:
    entity: Entity = api.enrolled(external_id="shared-name")
    key = api.new_key(organization=api.new_organization())
    answer = api.post(SESSION, {"entityId": entity.entity_id}, key=key)
    assert without_request_id(answer) == (404, {"error": "NOT_FOUND", "message": "No such object."})
    own = api.post("/api/entities", {"type": "person", "name": "N", "externalId": "shared-name"}, key=key)
    assert own.status_code == 201
    assert api.get("/api/entities", key=key).json["pagination"]["total"] == 1


def test_a_revoked_key_is_refused_from_the_next_request_on(api: Api) -> None:
    issued = api.keys.issue(api.organization, [Scope.ADMIN], is_test=True, name="")
    assert api.get("/api/entities", key=issued.text).status_code == 200
    api.keys.revoke(api.organization, issued.key.key_id)
    assert api.get("/api/entities", key=issued.text).status_code == 401
