"""A face on the block list, through the API: in an import and in a check, also under an idempotency key."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from app.adapters.db.tables import TemplateRow
from app.domain.organization import Entity
from tests.api.conftest import Api
from tests.api.forms import form
from tests.api.keyed import send
from tests.builders import PORTRAIT_BYTES

IMPORT, CHECK, SETTINGS = "/api/kyc/validations/import", "/api/kyc/biometric", "/api/kyc/settings"
KEYS = pytest.mark.parametrize("key", [None, "once"])


def listed(api: Api) -> Entity:
    """Somebody with the face of everybody; their template is of a recognizer that is gone."""
    entity = api.enrolled()
    with api.store._writers.begin() as connection:
        connection.execute(sa.delete(TemplateRow))
    settings = {"blocklist": [entity.entity_id]}
    assert api.open(SETTINGS, "PATCH", headers=api.headers(), json=settings).status_code == 200
    return entity


def someone(api: Api) -> Entity:
    entity = api.build.entity(api.organization)
    with api.store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def import_form(entity: Entity) -> dict[str, Any]:
    return form({"entityId": entity.entity_id, "status": "approved", "portrait": PORTRAIT_BYTES})


@KEYS
def test_a_face_on_the_block_list_comes_in_rejected(api: Api, key: str | None) -> None:
    listed(api)
    entity = someone(api)
    first = send(api, IMPORT, key, import_form(entity))
    assert first.status_code == 201
    brought = first.json
    assert (brought["status"], brought["approvedAt"]) == ("rejected", None)
    assert brought["warnings"] == ["FACE_IN_BLOCKLIST"]
    assert brought["crossEntity"] == {"status": "off", "matchedEntityIds": []}
    if key:
        assert send(api, IMPORT, key, import_form(entity)).data == first.data
    assert api.get(f"/api/kyc/validations/{brought['id']}").json == brought


@KEYS
def test_a_face_on_the_block_list_passes_no_check(api: Api, key: str | None) -> None:
    person = api.enrolled()
    listed(api)
    sent = send(api, CHECK, key, form({"entityId": person.entity_id, "userImage": PORTRAIT_BYTES}))
    assert sent.status_code == 200
    answer = sent.json
    assert (answer["match"], answer["score"], answer["warnings"]) == (False, 100, ["FACE_IN_BLOCKLIST"])
    assert (answer["approvedSessionIds"], answer["matchedKycValidationIds"]) == ([], [])
    assert answer["faceSearch"]["status"] == "Declined"
