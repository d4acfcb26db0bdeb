"""Schemathesis against the API in this process: whatever the OpenAPI document allows or forbids, sent and checked.

Ids that the document only calls UUIDs are swapped for those of objects that exist, else nearly every request would
end at 404. Everything else is as Schemathesis makes it.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import sqlalchemy as sa
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase
from schemathesis.generation.modes import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import upgrade
from app.adapters.db.unit_of_work import SqlStore
from app.domain.webhook import DeliveryStatus
from tests.api.conftest import Api, make_api
from tests.api.forms import form
from tests.api.told import add_delivery

ENTITIES = 8
WEBHOOKS = 6
SESSION = "/api/kyc/biometric/sessions"
SWAPPED_SHARE = 8
"""One id of so many stays what it is: unknown."""

JUDGED_BY_MEANING = frozenset(
    {
        "approvedAt",  # not in the future
        "allowedCallbackUrls",
        "allowedFrameOrigins",
        "attributes",  # at most 10 KB
        "biometricWorkflowId",
        "blocklist",  # entities that there are
        "branding",
        "callback",
        "entityId",
        "Idempotency-Key",
        "portrait",
        "documentImage",
        "selfieImage",
        "user_image",
        "userImage",
        "metadata",
        "reason",  # without the white space around
        "scoreFloor",  # not above the threshold
        "url",
        "webhookUrl",
    }
)
"""Fields that can be right by the document and wrong nevertheless: sizes in bytes, addresses, pictures, times."""

BEYOND_SCHEMAS = frozenset(
    {
        "Input should be a valid integer",  # to JSON Schema 1.0 is one
        "a number is too large",
        "a text contains NUL",
        "a text contains half a character",
        "has a part without a name",
    }
)

LEFT_OUT = {
    # The check cannot talk to an application in its own process (Schemathesis 4.32). That every route asks for a
    # key is tests/api/test_access.py's.
    "ignored_auth": {"enabled": False},
    # Ours below knows which fields are judged by their meaning.
    "positive_data_acceptance": {"enabled": False},
}

EMPTY = '", became "")'
"""An empty field of a form counts as one that was not sent."""

KNOWN = {
    ("POST /api/kyc/validations/import", "unsupported_method"),
    ("POST /api/kyc/validations/import", "allow_header_conformance"),
    ("GET /api/webhooks/deliveries", "unsupported_method"),
    ("GET /api/webhooks/deliveries", "allow_header_conformance"),
}
"""A GET of it reads the validation of the id `import`, which is none: 404, as for every malformed id.

A DELETE of `deliveries` is of the endpoint of that id.
"""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_POOL_OF = {
    "entityId": "entity",
    "sessionId": "session",
    "validationId": "validation",
    "faceMatchId": "face_match",
    "keyId": "key",
    "webhookId": "webhook",
    "endpointId": "webhook",
    "deliveryId": "delivery",
    "eventId": "event",
}

OWN_IN_CHAINS = frozenset({"webhookId"})
"""A chain goes on with the one that it made: one of the pool may be removed by then."""


@dataclass
class Found:
    """What came of it. `answers`: how many of each status; `failures`: a reproduction for each that is new."""

    cases: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@contextmanager
def api_to_attack(folder: Path) -> Iterator[Api]:
    """An API on a SQLite file of its own, which no fsync slows down."""
    url = f"sqlite:///{folder / 'store.sqlite3'}"
    upgrade(url)
    engine = make_engine(url)

    @sa.event.listens_for(engine, "connect")
    def write_fast(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    yield make_api(SqlStore(engine), engine, folder / "blobs")
    engine.dispose()


def attack(api: Api, *, seed: int, per_operation: int, edges: bool) -> Found:
    """Up to `per_operation` requests drawn at random for each operation.

    With `edges` also those at the edges of its schemas, and chains of operations that use each other's answers.
    """
    pools = _populate(api)
    found = Found()
    config = _config(api, seed, per_operation, edges=edges)
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", api.app, config=config)

    def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        _swap_ids(case, pools, api.organization.organization_id)

    schemathesis.hook(before_call)
    try:
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _take(found, event)
            elif isinstance(event, events.NonFatalError):
                found.errors.append(event.info.format())
            elif isinstance(event, events.FatalError):
                raise event.exception
    finally:
        schemathesis.hooks.unregister(before_call)
    return found


@schemathesis.check
def positive_data_is_judged_by_meaning(_context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """What the document allows is refused as a wrong request for its meaning alone."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or response.status_code != 400:
        return None
    body = response.json()
    fields = body.get("fields", {})
    is_meaning = bool(fields) and all(_is_judged_by_meaning(name, problem) for name, problem in fields.items())
    if body["error"] != "INVALID_REQUEST" or is_meaning:
        return None
    raise RejectedPositiveData(
        operation=case.operation.label,
        message=f"Refused although the document allows it: {body}",
        status_code=response.status_code,
        allowed_statuses=[],
    )


def _is_judged_by_meaning(name: str, problem: str) -> bool:
    return name.partition(".")[0] in JUDGED_BY_MEANING or problem in BEYOND_SCHEMAS


def _config(api: Api, seed: int, per_operation: int, *, edges: bool) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "auth": {"openapi": {"bearer": {"bearer": api.key}}},
            "generation": {"max-examples": per_operation, "deterministic": True, "database": "none"},
            "checks": LEFT_OUT,
            "phases": {"stateful": {"enabled": edges}, "coverage": {"enabled": edges}},
        }
    )


def _take(found: Found, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    found.cases += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            found.answers[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None or (recorder.label, check.name) in KNOWN:
                continue
            failure = check.failure_info.failure
            if EMPTY not in failure.message:
                name = f"{recorder.label} {check.name} {failure.message}"
                found.failures.setdefault(name, f"{check.failure_info.code_sample} [{case_id}]")


def _swap_ids(case: Case[Any], pools: Mapping[str, list[str]], organization_id: str) -> None:
    is_chained = case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
    own = OWN_IN_CHAINS if is_chained else frozenset[str]()
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            for name, value in part.items():
                if name in _POOL_OF.keys() - own and isinstance(value, str) and _UUID.fullmatch(value):
                    part[name] = _existing(pools[_POOL_OF[name]], value)
    for name in list(case.headers or ()):
        if name.lower() == "x-organization-id" and _UUID.fullmatch(str(case.headers[name])):
            case.headers[name] = _existing([organization_id], str(case.headers[name]))


def _existing(pool: list[str], value: str) -> str:
    number = uuid.UUID(value).int
    return value if number % SWAPPED_SHARE == 1 else pool[number % len(pool)]


def _populate(api: Api) -> dict[str, list[str]]:
    """Entities with an approved portrait and a session, a face match, a key, webhooks: for every kind of id."""
    entities = [api.enrolled(external_id=f"person-{number}") for number in range(ENTITIES)]
    validations = []
    with api.store.read() as uow:
        for entity in entities:
            latest = uow.validations.latest_created(entity.organization_id, True, entity.entity_id)
            assert latest is not None
            validations.append(latest.validation_id)
    sessions = [api.open_session(entity).json["id"] for entity in entities[: ENTITIES // 2]]
    for session_id in sessions:
        api.add_capture(session_id, "selfie")
    pictures = form({"documentImage": b"\xff\xd8one", "selfieImage": b"\xff\xd8two"})
    match = api.post("/api/kyc/face-match", **pictures)
    assert match.status_code == 200, match.json
    key = api.post("/api/keys", {"name": "attacked", "scopes": ["entities:read"]})
    assert key.status_code == 201, key.json
    webhooks = [
        api.post("/api/webhooks", {"url": f"https://shop.example/{number}", "events": ["*"]}).json["id"]
        for number in range(WEBHOOKS)
    ]
    deliveries = [add_delivery(api, webhook_id, status=DeliveryStatus.FAILED) for webhook_id in webhooks]
    return {
        "entity": [entity.entity_id for entity in entities],
        "validation": validations,
        "session": sessions,
        "face_match": [match.json["verificationId"]],
        "key": [key.json["id"]],
        "webhook": webhooks,
        "delivery": [delivery.delivery_id for delivery in deliveries],
        "event": [delivery.event_id for delivery in deliveries],
    }
