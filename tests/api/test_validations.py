from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from app.domain.organization import Entity
from tests.api.conftest import IMAGE_MAX_BYTES, Answer, Api
from tests.fakes import face_of

PICTURE = b"\xff\xd8\xff\xe0 a portrait"


@pytest.fixture
def entity(api: Api) -> Entity:
    entity = api.build.entity(api.organization)
    with api.store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def bring(api: Api, entity: Entity, portrait: bytes | str | None = PICTURE, **fields: Any) -> Answer:
    if isinstance(portrait, bytes):
        fields["portrait"] = FileStorage(BytesIO(portrait), "portrait.jpg")
    elif portrait is not None:
        fields["portrait"] = portrait
    form = {"entityId": entity.entity_id, "status": "approved", **fields}
    boundary, body = encode_multipart(
        MultiDict((name, value) for name, value in form.items() if value is not None)
    )
    kind = f"multipart/form-data; boundary={boundary}"
    return api.post("/api/kyc/validations/import", data=body, content_type=kind)


def test_an_approved_validation_is_brought_in(api: Api, entity: Entity) -> None:
    answer = bring(
        api,
        entity,
        approvedAt="2026-06-01T10:00:00+02:00",
        externalSessionId="session-abc-123",
        metadata='{"source": "elsewhere"}',
    )
    assert answer.status_code == 201
    validation = answer.json
    assert validation == {
        "id": validation["id"],
        "entityId": entity.entity_id,
        "organizationId": api.organization.organization_id,
        "status": "approved",
        "approvedAt": "2026-06-01T08:00:00.000Z",
        "externalSessionId": "session-abc-123",
        "metadata": {"source": "elsewhere"},
        "quality": {"faceWidthPx": 200, "interocularPx": 100, "sharpness": 100},
        "crossEntity": {"status": "off", "matchedEntityIds": []},
        "warnings": [],
        "createdAt": "2026-06-19T14:40:00.000Z",
        "updatedAt": "2026-06-19T14:40:00.000Z",
    }
    assert api.open_session(entity).status_code == 201


def test_the_portrait_lies_encrypted_and_was_never_spooled(
    api: Api, entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an upload was written to a temporary file")

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refuse)
    assert bring(api, entity, PICTURE + b"x" * 1_000_000).status_code == 201
    files = [path for path in api.blob_folder.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert PICTURE not in files[0].read_bytes()


@pytest.mark.parametrize("form", ["{}", "data:image/jpeg;base64,{}", "data:image/png;base64,{}\n"])
def test_a_portrait_may_come_as_base64(api: Api, entity: Entity, form: str) -> None:
    assert bring(api, entity, form.format(base64.b64encode(PICTURE).decode())).status_code == 201


def test_text_fields_may_be_as_large_as_an_image(api: Api, entity: Entity) -> None:
    text = base64.b64encode(PICTURE + b"x" * 4_000_000).decode()
    assert bring(api, entity, text).status_code == 201


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"entityId": None}, "entityId"),
        ({"entityId": "no-uuid"}, "entityId"),
        ({"status": None}, "status"),
        ({"status": "pending"}, "status"),
        ({"approvedAt": "yesterday"}, "approvedAt"),
        ({"approvedAt": "0001-01-01T00:00:00+14:00"}, "approvedAt"),
        ({"approvedAt": "2027-01-01T00:00:00Z"}, "approvedAt"),
        ({"metadata": "no json"}, "metadata"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": '{"a": NaN}'}, "metadata"),
        ({"metadata": '{"a": "' + "x" * 10_240 + '"}'}, "metadata"),
        ({"externalSessionId": "x" * 257}, "externalSessionId"),
        ({"portrait": None}, "portrait"),
        ({"portrait": ""}, "portrait"),
        ({"portrait": "this is no base64!"}, "portrait"),
        ({"portrait": "ñ"}, "portrait"),
    ],
)
def test_wrong_fields_are_named(api: Api, entity: Entity, fields: dict[str, Any], named: str) -> None:
    answer = bring(api, entity, **fields)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [named]


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
def test_nul_in_a_field_is_refused(api: Api, entity: Entity, text: str) -> None:
    assert bring(api, entity, externalSessionId=text).status_code == 400


def test_pictures_that_are_no_reference_are_refused(api: Api, entity: Entity) -> None:
    api.core.faces = {
        b"nobody": None,
        b"far": face_of(b"far", width=59),
        b"two": face_of(b"two", second_face_ratio=0.5),
    }
    api.core.broken.add(b"broken")
    for picture in (b"nobody", b"far", b"two", b"broken", b"x" * (IMAGE_MAX_BYTES + 1)):
        answer = bring(api, entity, picture)
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
        assert list(answer.json["fields"]) == ["portrait"]
    assert api.open_session(entity).json["error"] == "KYC_NOT_APPROVED"


def test_a_body_of_another_kind_is_refused(api: Api, entity: Entity) -> None:
    body = {"entityId": entity.entity_id, "status": "approved", "portrait": "AAAA"}
    for answer in (
        api.post("/api/kyc/validations/import", body),
        api.post("/api/kyc/validations/import", data=body),
        api.post("/api/kyc/validations/import", data=b"x", content_type="multipart/form-data"),
        api.post("/api/kyc/validations/import", data=b"", content_type="multipart/form-data; boundary=x"),
    ):
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")


def test_an_unknown_entity_is_not_found(api: Api) -> None:
    stranger = api.build.entity(api.organization)
    answer = bring(api, stranger)
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")


def test_an_organization_without_kyc_brings_nothing(api: Api) -> None:
    closed = api.new_organization(kyc_enabled=False)
    key = api.new_key(organization=closed)
    answer = api.post("/api/kyc/validations/import", key=key, data=b"x")
    assert (answer.status_code, answer.json["error"]) == (403, "NOT_ENABLED")


def test_a_matching_core_that_is_away_is_told_as_such(api: Api, entity: Entity) -> None:
    api.core.is_away = True
    answer = bring(api, entity)
    assert (answer.status_code, answer.json["error"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert "core" not in answer.json["message"]


@pytest.mark.parametrize(
    ("policy", "status", "warning"),
    [("review", "in_review", "POSSIBLE_DUPLICATED_FACE"), ("reject", "rejected", "DUPLICATED_FACE")],
)
def test_a_face_that_another_entity_has_is_told(
    api: Api, entity: Entity, policy: str, status: str, warning: str
) -> None:
    settings = {"crossEntityPolicy": policy}
    assert api.open("/api/kyc/settings", "PATCH", headers=api.headers(), json=settings).status_code == 200
    first = bring(api, entity).json
    assert (first["status"], first["crossEntity"]) == ("approved", {"status": "clear", "matchedEntityIds": []})
    another = api.enrolled()
    second = bring(api, another)
    assert second.status_code == 201
    assert (second.json["status"], second.json["approvedAt"], second.json["warnings"]) == (status, None, [warning])
    assert second.json["crossEntity"] == {"status": "matched", "matchedEntityIds": [entity.entity_id]}
    path = f"/api/kyc/validations/{second.json['id']}"
    assert api.get(path).json == second.json
    approved = api.post(f"{path}/approve", {"reason": "they are twins"}).json
    assert (approved["status"], approved["crossEntity"]) == ("approved", second.json["crossEntity"])
