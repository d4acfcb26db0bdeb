"""`POST /api/kyc/face-match`, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.organization import Entity, Scope
from tests.api.conftest import BODY_MAX_BYTES, IMAGE_MAX_BYTES, Api
from tests.api.matching import DOCUMENT, MATCH, SELFIE, VERIFICATIONS, as_text, kept, match
from tests.api.test_bad_input import Unread
from tests.likeness import face_like

TOO_LARGE = b"x" * (IMAGE_MAX_BYTES + 1)
UNKNOWN = "01900000-0000-7000-8000-ffffffffffff"


@pytest.fixture
def alike(api: Api) -> None:
    """The two pictures show one person, a good deal aged."""
    api.core.faces[SELFIE] = face_like(DOCUMENT, 85.5)


@pytest.fixture
def person(api: Api) -> Entity:
    return api.enrolled()


@pytest.mark.usefixtures("alike")
def test_the_answer_and_the_record_say_the_same(api: Api, person: Entity) -> None:
    answer = match(api, entityId=person.entity_id, vendorData="user-7", scoreThreshold="42.5")
    assert answer.status_code == 200
    score = answer.json["score"]
    assert score == pytest.approx(85.5, abs=0.01)
    request_id = answer.headers["X-Request-Id"]
    verification_id = answer.json["verificationId"]
    assert answer.json == {
        "match": True,
        "score": score,
        "status": "approved",
        "verificationId": verification_id,
        "scoreDeclineThreshold": 42.5,
        "requestId": request_id,
        "warnings": [],
    }
    record = api.get(f"{VERIFICATIONS}/{verification_id}")
    assert record.json == {
        "id": verification_id,
        "organizationId": api.organization.organization_id,
        "entityId": person.entity_id,
        "status": "approved",
        "match": True,
        "score": score,
        "threshold": 42.5,
        "warnings": [],
        "requestId": request_id,
        "vendorData": "user-7",
        "errorMessage": None,
        "triggeredByUserId": f"api_key:{api.keys.of_organization(api.organization)[0].key_id}",
        "documentStoragePath": f"{VERIFICATIONS}/{verification_id}/document-image",
        "selfieStoragePath": f"{VERIFICATIONS}/{verification_id}/selfie-image",
        "storageProvider": "bonafide",
        "createdAt": "2026-06-19T14:40:00.000Z",
    }
    assert kept(api) == [record.json]


@pytest.mark.parametrize("text", ["{}", "data:image/jpeg;base64,{}"])
@pytest.mark.usefixtures("alike")
def test_pictures_may_be_files_or_base64_or_one_of_each(api: Api, text: str) -> None:
    document, selfie = text.format(as_text(DOCUMENT)), text.format(as_text(SELFIE))
    for fields in (
        {"documentImage": document, "selfieImage": selfie},
        {"documentImage": document},
        {"selfieImage": selfie},
    ):
        assert match(api, **fields).json["match"] is True


@pytest.mark.usefixtures("alike")
def test_a_file_wins_over_base64_of_the_same_picture(api: Api) -> None:
    others = as_text(b"somebody else")
    for order in ([others, SELFIE], [SELFIE, others]):
        assert match(api, selfieImage=order).json["match"] is True
    assert match(api, selfieImage=[b"", as_text(SELFIE)]).json["match"] is True


@pytest.mark.usefixtures("alike")
def test_every_status_and_the_threshold_of_the_call(api: Api) -> None:
    assert match(api, scoreThreshold="90").json["status"] == "declined"
    assert match(api, scoreThreshold="90").json["warnings"] == ["LOW_FACE_MATCH_SIMILARITY"]
    key = api.new_key(organization=api.new_organization(review_band=60.0, score_floor=50.0))
    answer = match(api, key, scoreThreshold="1")
    assert (answer.json["status"], answer.json["match"], answer.json["scoreDeclineThreshold"]) == (
        "in_review",
        True,
        50,
    )
    assert match(api, key).json["scoreDeclineThreshold"] == 30


def test_without_a_face_it_is_declined_with_the_picture_named(api: Api) -> None:
    api.core.faces = {SELFIE: None, DOCUMENT: None}
    answer = match(api)
    assert (answer.status_code, answer.json["match"], answer.json["score"]) == (200, False, 0)
    assert answer.json["status"] == "declined"
    assert answer.json["warnings"] == ["NO_REFERENCE_IMAGE", "NO_FACE_DETECTED"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"documentImage": None}, ["documentImage"]),
        ({"documentImage": None, "selfieImage": None}, ["documentImage", "selfieImage"]),
        ({"selfieImage": b""}, ["selfieImage"]),
        ({"selfieImage": "no base64!"}, ["selfieImage"]),
        ({"selfieImage": b"broken"}, ["selfieImage"]),
        (
            {"selfieImage": b"broken", "documentImage": b"x" * (IMAGE_MAX_BYTES + 1)},
            ["documentImage", "selfieImage"],
        ),
        ({"entityId": "no-uuid"}, ["entityId"]),
        ({"scoreThreshold": "-1"}, ["scoreThreshold"]),
        ({"scoreThreshold": "100.1"}, ["scoreThreshold"]),
        ({"scoreThreshold": "NaN"}, ["scoreThreshold"]),
        ({"scoreThreshold": "1e999"}, ["scoreThreshold"]),
        ({"scoreThreshold": "thirty"}, ["scoreThreshold"]),
        ({"vendorData": "x" * 1025}, ["vendorData"]),
    ],
)
def test_wrong_fields_are_named_and_leave_a_record(api: Api, fields: dict[str, Any], named: list[str]) -> None:
    api.core.broken.add(b"broken")
    answer = match(api, **fields)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert sorted(answer.json["fields"]) == named
    (record,) = kept(api, status="failed")
    assert (record["match"], record["score"], record["threshold"]) == (False, None, 30)
    assert (record["documentStoragePath"], record["selfieStoragePath"]) == (None, None)
    assert record["requestId"] == answer.json["requestId"]
    for name in named:
        assert f"{name}: {answer.json['fields'][name].rstrip('.')}" in record["errorMessage"]


def test_what_is_wrong_with_a_picture_takes_nothing_else_from_the_record(api: Api, person: Entity) -> None:
    match(api, entityId=person.entity_id, vendorData="user-7", scoreThreshold="12", selfieImage="no base64!")
    (record,) = kept(api)
    assert (record["entityId"], record["vendorData"], record["threshold"]) == (person.entity_id, "user-7", 12)


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"documentImage": as_text(DOCUMENT), "selfieImage": as_text(SELFIE)}},
        {"data": {"documentImage": as_text(DOCUMENT)}},
        {"data": b""},
        {"data": b"x", "content_type": "multipart/form-data"},
        {"data": b"--x\r\nnot a part", "content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_body_that_is_no_form_is_refused_and_leaves_a_record(api: Api, body: dict[str, Any]) -> None:
    answer = api.post(MATCH, **body)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert answer.json["fields"]
    (record,) = kept(api)
    assert record["status"] == "failed"


def test_a_body_that_is_too_large_is_refused_unread_and_leaves_a_record(api: Api) -> None:
    for kind in ("multipart/form-data; boundary=x", "application/json"):
        answer = api.open(
            MATCH,
            "POST",
            headers={**api.headers(), "Content-Type": kind},
            environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)},
        )
        assert (answer.status_code, answer.json["error"]) == (413, "PAYLOAD_TOO_LARGE")
    records = kept(api)
    assert [record["errorMessage"] for record in records] == ["The request body is too large."] * 2


def test_a_core_that_is_away_or_fails_is_told_as_such_and_leaves_a_record(api: Api) -> None:
    api.core.puzzling.add(SELFIE)
    failed = match(api)
    assert (failed.status_code, failed.json["error"]) == (500, "VERIFICATION_FAILED")
    api.core.is_away = True
    away = match(api)
    assert (away.status_code, away.json["error"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(away.headers["Retry-After"]) > 0
    messages = {record["requestId"]: record["errorMessage"] for record in kept(api, status="failed")}
    assert messages == {
        failed.json["requestId"]: "The verification could not be completed.",
        away.json["requestId"]: "The service was temporarily unavailable.",
    }


def test_a_wrong_picture_comes_before_an_unknown_entity(api: Api) -> None:
    answer = match(api, entityId=UNKNOWN, selfieImage="no base64!")
    assert answer.status_code == 400
    answer = match(api, entityId=UNKNOWN)
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")
    assert [record["entityId"] for record in kept(api, status="failed")] == [None, None]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"face_match_enabled": False}, "NOT_ENABLED"),
        ({"kyc_webhook_secret_version": None}, "NOT_CONFIGURED"),
    ],
)
def test_an_organization_that_is_not_set_up_matches_nobody_and_keeps_nothing(
    api: Api, settings: dict[str, Any], code: str
) -> None:
    key = api.new_key(organization=api.new_organization(**settings))
    answer = match(api, key)
    assert (answer.status_code, answer.json["error"]) == (403, code)
    listed = api.get(VERIFICATIONS, key=key)
    assert (listed.status_code, listed.json["pagination"]["total"]) == (200, 0)


@pytest.mark.usefixtures("alike")
def test_each_right_opens_its_own_routes(api: Api) -> None:
    verification_id = match(api, api.new_key(Scope.CHECKS_WRITE)).json["verificationId"]
    routes = {
        VERIFICATIONS: Scope.CHECKS_READ,
        f"{VERIFICATIONS}/{verification_id}": Scope.CHECKS_READ,
        f"{VERIFICATIONS}/{verification_id}/document-image": Scope.MEDIA_READ,
        f"{VERIFICATIONS}/{verification_id}/selfie-image": Scope.MEDIA_READ,
    }
    for path, scope in routes.items():
        for held in (Scope.CHECKS_WRITE, Scope.CHECKS_READ, Scope.MEDIA_READ):
            response = api.app.test_client().get(path, headers=api.headers(api.new_key(held)))
            assert response.status_code == (200 if held is scope else 403), (path, held)
    assert match(api, api.new_key(Scope.CHECKS_READ)).status_code == 403


@pytest.mark.usefixtures("alike")
def test_the_list_is_newest_first_in_pages_and_can_be_filtered(api: Api, person: Entity) -> None:
    made = []
    for number in range(5):
        api.clock.advance(seconds=1)
        fields = {"entityId": person.entity_id} if number % 2 else {}
        made.append(match(api, **fields, scoreThreshold="99" if number == 1 else "10").json["verificationId"])
    page = api.get(f"{VERIFICATIONS}?limit=2&offset=1").json
    assert [record["id"] for record in page["verifications"]] == [made[3], made[2]]
    assert page["pagination"] == {"limit": 2, "offset": 1, "total": 5}
    assert page["scoreDeclineThreshold"] == 30
    assert [record["id"] for record in kept(api, entityId=person.entity_id)] == [made[3], made[1]]
    assert [record["id"] for record in kept(api, status="declined")] == [made[1]]
    assert [record["id"] for record in kept(api, status="approved", entityId=person.entity_id)] == [made[3]]
    assert kept(api, entityId=UNKNOWN) == kept(api, status="in_review") == []
    assert api.get(VERIFICATIONS).json["pagination"] == {"limit": 50, "offset": 0, "total": 5}


@pytest.mark.parametrize(
    "query", ["status=pending", "status=", "entityId=no-uuid", "limit=0", "limit=101", "limit=x", "offset=-1"]
)
def test_a_wrong_query_is_refused_by_name(api: Api, query: str) -> None:
    answer = api.get(f"{VERIFICATIONS}?{query}")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [query.partition("=")[0]]


@pytest.mark.usefixtures("alike")
def test_pictures_come_back_as_they_were_sent_and_each_look_is_recorded(api: Api) -> None:
    verification_id = match(api).json["verificationId"]
    before = len(api.actions())
    for name, sent, kind in (("document-image", DOCUMENT, "image/jpeg"), ("selfie-image", SELFIE, "image/png")):
        response = api.app.test_client().get(f"{VERIFICATIONS}/{verification_id}/{name}", headers=api.headers())
        assert (response.status_code, response.data) == (200, sent)
        assert response.headers["Content-Type"] == kind
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    with api.store.read() as uow:
        entries = list(uow.audit.of_organization(api.organization.organization_id))[before:]
    assert [(entry.action, entry.object_id, entry.detail["picture"]) for entry in entries] == [
        ("face_match.image_read", verification_id, "document"),
        ("face_match.image_read", verification_id, "selfie"),
    ]
    assert {entry.actor for entry in entries} == {kept(api)[0]["triggeredByUserId"]}


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"<svg onload=alert(1)>", "application/octet-stream"),
    ],
)
def test_a_pictures_type_is_that_of_its_content(api: Api, begins: bytes, kind: str) -> None:
    path = f"{VERIFICATIONS}/{match(api, selfieImage=begins + b' a selfie').json['verificationId']}/selfie-image"
    assert api.open(path, headers=api.headers()).headers["Content-Type"] == kind


def test_pictures_lie_encrypted_and_are_not_found_once_they_are_gone(api: Api) -> None:
    verification_id = match(api).json["verificationId"]
    files = [path for path in api.blob_folder.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert DOCUMENT not in path.read_bytes()
        assert SELFIE not in path.read_bytes()
        path.unlink()
    before = len(api.actions())
    answer = api.get(f"{VERIFICATIONS}/{verification_id}/selfie-image")
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")
    assert len(api.actions()) == before
    assert api.get(f"{VERIFICATIONS}/{verification_id}").json["status"] == "declined"


@pytest.mark.parametrize("stranger", ["another organization", "the other mode"])
def test_what_is_anothers_reads_like_what_never_was(api: Api, stranger: str, person: Entity) -> None:
    verification_id = match(api, entityId=person.entity_id).json["verificationId"]
    failed_id = match(api, selfieImage=None)
    assert failed_id.status_code == 400
    other = None if stranger == "the other mode" else api.new_organization()
    key = api.new_key(organization=other, is_test=other is not None)
    bodies = set()
    for one in (verification_id, UNKNOWN, "malformed"):
        for path in (one, f"{one}/document-image", f"{one}/selfie-image"):
            answer = api.get(f"{VERIFICATIONS}/{path}", key=key)
            assert answer.json.pop("requestId") == answer.headers["X-Request-Id"]
            bodies.add((answer.status_code, str(answer.json)))
    answer = match(api, key, entityId=person.entity_id)
    assert answer.json.pop("requestId")
    bodies.add((answer.status_code, str(answer.json)))
    assert bodies == {(404, str({"error": "NOT_FOUND", "message": "No such object."}))}
    assert api.get(f"{VERIFICATIONS}?entityId={person.entity_id}", key=key).json["verifications"] == []


def test_a_failed_one_has_no_pictures(api: Api) -> None:
    match(api, selfieImage="no base64!")
    (record,) = kept(api)
    answer = api.get(f"{VERIFICATIONS}/{record['id']}/document-image")
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")
