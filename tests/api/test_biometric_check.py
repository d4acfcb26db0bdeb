"""`POST /api/kyc/biometric`, in every form that a caller may send it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.adapters.db.tables import KycValidationRow
from app.domain.organization import Entity, KycValidation, Scope, ValidationStatus
from app.services.ports import MatchingCore
from tests.api.conftest import BODY_MAX_BYTES, IMAGE_MAX_BYTES, Answer, Api
from tests.api.forms import form
from tests.builders import settings_version
from tests.fakes import face_of
from tests.models_fixture import real_core
from tests.portrait import astronaut, close_up, jpeg

CHECK = "/api/kyc/biometric"
PROBE = b"\xff\xd8\xff\xe0 the probe"
BASE64 = base64.b64encode(PROBE).decode("ascii")
OTHERS_UUID = "01900000-0000-7000-8000-ffffffffffff"


@pytest.fixture
def person(api: Api) -> Entity:
    """Whose portrait shows the face of the probe."""
    api.core.faces[PROBE] = face_of(b"portrait of the one person")
    return api.enrolled(external_id="customer-1")


def validation_of(api: Api, entity: Entity) -> KycValidation:
    with api.store.read() as uow:
        (validation,) = uow.validations.approved_of(entity.organization_id, True, entity.entity_id)
    return validation


def send_form(api: Api, **fields: Any) -> Answer:
    return api.post(CHECK, **form(fields))


def test_the_answer_has_the_pages_fields_and_score_and_warnings(api: Api, person: Entity) -> None:
    answer = api.post(CHECK, {"user_image": BASE64, "entityId": person.entity_id})
    assert answer.status_code == 200
    assert answer.json == {
        "match": True,
        "score": 100,
        "approvedSessionIds": [],
        "matchedKycValidationIds": [validation_of(api, person).validation_id],
        "faceSearch": {
            "status": "Approved",
            "totalMatches": 1,
            "approvedMatchesCount": 1,
            "requestId": answer.headers["X-Request-Id"],
        },
        "warnings": [],
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_imported_validation_is_known_by_its_session_elsewhere(api: Api) -> None:
    entity = api.post("/api/entities", {"type": "person", "name": "Ada"}).json["id"]
    fields = {"entityId": entity, "status": "approved", "externalSessionId": "session-abc-123"}
    imported = api.post("/api/kyc/validations/import", **form({**fields, "portrait": PROBE}))
    answer = api.post(CHECK, {"user_image": BASE64, "entityId": entity})
    assert answer.json["approvedSessionIds"] == ["session-abc-123"]
    assert answer.json["matchedKycValidationIds"] == [imported.json["id"]]


@pytest.mark.parametrize("name", ["user_image", "userImage"])
@pytest.mark.parametrize("text", ["{}", "data:image/jpeg;base64,{}", "data:image/png;base64,{}\n"])
def test_as_json_under_either_name_with_or_without_a_data_url(
    api: Api, person: Entity, name: str, text: str
) -> None:
    assert api.post(CHECK, {name: text.format(BASE64), "entityId": person.entity_id}).json["match"] is True


@pytest.mark.parametrize("name", ["user_image", "userImage"])
@pytest.mark.parametrize("sent", [PROBE, BASE64, f"data:image/jpeg;base64,{BASE64}"])
def test_as_a_form_under_either_name_as_a_file_or_base64(
    api: Api, person: Entity, name: str, sent: bytes | str
) -> None:
    assert send_form(api, **{name: sent}, entityId=person.entity_id).json["match"] is True


def test_a_file_wins_over_a_text_whatever_they_are_called(api: Api, person: Entity) -> None:
    fields = {"user_image": base64.b64encode(b"somebody else").decode(), "userImage": PROBE}
    assert send_form(api, **fields, entityId=person.entity_id).json["match"] is True
    fields = {"user_image": b"", "userImage": BASE64}
    assert send_form(api, **fields, entityId=person.entity_id).json["match"] is True


def test_the_entity_may_be_named_by_the_integrators_id(api: Api, person: Entity) -> None:
    assert api.post(CHECK, {"user_image": BASE64, "externalEntityId": "customer-1"}).json["match"] is True
    assert send_form(api, user_image=PROBE, externalEntityId="customer-1", entityId="").json["match"] is True
    both = {"user_image": BASE64, "entityId": person.entity_id, "externalEntityId": "nobody"}
    assert api.post(CHECK, both).json["match"] is True


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "user_image"),
        ({"user_image": "", "userImage": None}, "user_image"),
        ({"user_image": "no base64!"}, "user_image"),
        ({"userImage": "ñ"}, "userImage"),
        ({"userImage": 7}, "userImage"),
        ({"user_image": [BASE64]}, "user_image"),
        ({"user_image": "data:text/html;base64,AAAA"}, "user_image"),
        ({"user_image": BASE64}, "entityId"),
        ({"user_image": BASE64, "entityId": None}, "entityId"),
        ({"user_image": BASE64, "entityId": "no-uuid"}, "entityId"),
        ({"user_image": BASE64, "entityId": 7}, "entityId"),
        ({"user_image": BASE64, "externalEntityId": ""}, "externalEntityId"),
        ({"user_image": BASE64, "externalEntityId": "x" * 257}, "externalEntityId"),
    ],
)
def test_wrong_fields_are_named(api: Api, body: dict[str, Any], named: str) -> None:
    answer = api.post(CHECK, body)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [named]


def test_wrong_fields_of_a_form_are_named_too(api: Api) -> None:
    for fields, named in (
        ({"user_image": PROBE, "entityId": "no-uuid"}, "entityId"),
        ({"user_image": PROBE}, "entityId"),
        ({"entityId": OTHERS_UUID}, "user_image"),
        ({"userImage": "no base64!", "entityId": OTHERS_UUID}, "userImage"),
    ):
        answer = send_form(api, **fields)
        assert (answer.status_code, list(answer.json["fields"])) == (400, [named])


def test_an_image_that_cannot_be_used_is_named(api: Api, person: Entity) -> None:
    api.core.broken.add(b"broken")
    for image in (b"broken", b"x" * (IMAGE_MAX_BYTES + 1)):
        answer = send_form(api, userImage=image, entityId=person.entity_id)
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
        assert list(answer.json["fields"]) == ["userImage"]


def test_what_is_rejected_later_stops_counting_at_once(api: Api, person: Entity) -> None:
    validation_id = validation_of(api, person).validation_id
    with api.store._writers.begin() as connection:
        rejected = sa.update(KycValidationRow).where(KycValidationRow.validation_id == validation_id)
        connection.execute(rejected.values(status=ValidationStatus.REJECTED))
    answer = api.post(CHECK, {"user_image": BASE64, "entityId": person.entity_id})
    assert answer.status_code == 200
    assert (answer.json["match"], answer.json["score"], answer.json["warnings"]) == (False, 0, [])
    assert answer.json["approvedSessionIds"] == answer.json["matchedKycValidationIds"] == []
    assert answer.json["faceSearch"]["status"] == "Declined"
    assert answer.json["faceSearch"]["totalMatches"] == answer.json["faceSearch"]["approvedMatchesCount"] == 0


def test_without_a_face_nobody_matches(api: Api, person: Entity) -> None:
    api.core.faces[PROBE] = None
    answer = api.post(CHECK, {"user_image": BASE64, "entityId": person.entity_id})
    assert (answer.status_code, answer.json["match"], answer.json["score"]) == (200, False, 0)
    assert answer.json["warnings"] == ["NO_FACE_DETECTED"]


def test_unknown_and_foreign_entities_read_alike(api: Api, person: Entity) -> None:
    stranger = api.new_key(organization=api.new_organization())
    other_mode = api.new_key(is_test=False)
    answers = [
        api.post(CHECK, {"user_image": BASE64, **named}, key=key)
        for key, named in (
            (api.key, {"entityId": OTHERS_UUID}),
            (api.key, {"externalEntityId": "nobody"}),
            (stranger, {"entityId": person.entity_id}),
            (stranger, {"externalEntityId": "customer-1"}),
            (other_mode, {"entityId": person.entity_id}),
        )
    ]
    bodies = [{name: value for name, value in answer.json.items() if name != "requestId"} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert all(body == {"error": "NOT_FOUND", "message": "No such object."} for body in bodies)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"kyc_enabled": False}, "NOT_ENABLED"),
        ({"kyc_webhook_secret_version": None}, "NOT_CONFIGURED"),
        ({"kyc_enabled": False, "kyc_webhook_secret_version": None}, "NOT_ENABLED"),
    ],
)
def test_an_organization_that_is_not_set_up_checks_nobody(api: Api, settings: dict[str, Any], code: str) -> None:
    key = api.new_key(organization=api.new_organization(**settings))
    answer = api.post(CHECK, key=key, data=b"x" * 10)
    assert (answer.status_code, answer.json["error"]) == (403, code)


def test_other_integrations_are_no_matter(api: Api) -> None:
    off = settings_version(api.organization, policy_version=2, biometric_enabled=False, face_match_enabled=False)
    with api.store.begin() as uow:
        uow.settings.add(off)
        uow.commit()
    entity = api.enrolled()
    assert api.post(CHECK, {"user_image": BASE64, "entityId": entity.entity_id}).status_code == 200


def test_it_needs_the_right_to_check(api: Api, person: Entity) -> None:
    body = {"user_image": BASE64, "entityId": person.entity_id}
    assert api.post(CHECK, body, key=api.new_key(Scope.CHECKS_WRITE)).status_code == 200
    assert api.post(CHECK, body, key=api.new_key(Scope.CHECKS_READ)).status_code == 403


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    answer = api.post(CHECK, data=b" " * (BODY_MAX_BYTES + 1), content_type="application/json")
    assert (answer.status_code, answer.json["error"]) == (413, "PAYLOAD_TOO_LARGE")


def test_other_kinds_of_bodies_are_refused(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "image/jpeg"):
        answer = api.post(CHECK, data=PROBE, content_type=kind)
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")


def test_a_core_that_is_away_or_fails_is_told_as_such(api: Api, person: Entity) -> None:
    body = {"user_image": BASE64, "entityId": person.entity_id}
    api.core.puzzling.add(PROBE)
    failed = api.post(CHECK, body)
    assert (failed.status_code, failed.json["error"]) == (500, "VERIFICATION_FAILED")
    api.core.is_away = True
    away = api.post(CHECK, body)
    assert (away.status_code, away.json["error"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(away.headers["Retry-After"]) > 0


def use_core(api: Api, core: MatchingCore, monkeypatch: pytest.MonkeyPatch) -> None:
    services = api.app.extensions["bonafide-api"]
    for use_case in (services.import_validation, services.check_biometric):
        monkeypatch.setitem(vars(use_case), "core", core)


def enrol(api: Api, portrait: bytes, external_id: str) -> None:
    entity = api.post("/api/entities", {"type": "person", "name": "N", "externalId": external_id}).json["id"]
    fields = {"entityId": entity, "status": "approved", "portrait": portrait}
    assert api.post("/api/kyc/validations/import", **form(fields)).status_code == 201


def test_a_real_portrait_matches_another_picture_of_the_face(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    core = real_core()
    use_core(api, core, monkeypatch)
    enrol(api, jpeg(astronaut()), "astronaut")
    answer = send_form(api, userImage=jpeg(close_up(), 60), externalEntityId="astronaut")
    nobody = send_form(api, userImage=jpeg(astronaut()[300:, :80]), externalEntityId="astronaut")
    core.close()
    assert (answer.status_code, answer.json["match"]) == (200, True)
    assert answer.json["score"] > 60
    assert (nobody.json["match"], nobody.json["warnings"]) == (False, ["NO_FACE_DETECTED"])


def test_real_people_are_told_apart(api: Api, monkeypatch: pytest.MonkeyPatch, shared_media: Path) -> None:
    people = shared_media / "faces" / "wild" / "deepface"
    core = real_core()
    use_core(api, core, monkeypatch)
    enrol(api, (people / "img20.jpg").read_bytes(), "person")
    mated = send_form(api, user_image=(people / "img21.jpg").read_bytes(), externalEntityId="person")
    impostor = send_form(api, user_image=(people / "img17.jpg").read_bytes(), externalEntityId="person")
    core.close()
    assert (mated.json["match"], mated.json["warnings"]) == (True, [])
    assert (impostor.json["match"], impostor.json["warnings"]) == (False, ["LOW_FACE_MATCH_SIMILARITY"])
    assert impostor.json["matchedKycValidationIds"] == []
