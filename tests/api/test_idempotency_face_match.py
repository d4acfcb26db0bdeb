"""Face matches with an idempotency key: every one that is really made leaves its record, and only those."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import BODY_MAX_BYTES, Api
from tests.api.forms import form
from tests.api.keyed import fields_of, send
from tests.api.test_access import UNKNOWN_ID

MATCH = "/api/kyc/face-match"
PICTURE, OTHER_PICTURE = b"\xff\xd8\xff\xe0 a picture", b"\xff\xd8\xff\xe0 another picture"


def face_matches(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{MATCH}/verifications").json["verifications"]
    return found


def test_a_face_match_leaves_one_record_however_often_it_is_sent(api: Api) -> None:
    request = fields_of(documentImage=PICTURE, selfieImage=OTHER_PICTURE)
    first = send(api, MATCH, "k", request())
    assert first.status_code == 200
    made = api.core.templates_made
    assert send(api, MATCH, "k", request()).data == first.data
    assert api.core.templates_made == made
    assert [match["id"] for match in face_matches(api)] == [first.json["verificationId"]]


def test_every_other_face_match_leaves_its_record(api: Api) -> None:
    """Refused before the body is read, because of it, because of the key, for a conflict: failed, and why."""
    parts: dict[str, bytes | str] = {"documentImage": PICTURE, "selfieImage": OTHER_PICTURE}
    assert send(api, MATCH, "k", form(parts)).status_code == 200
    refusals = [
        ("k", form({**parts, "vendorData": "other"}), 409),
        ("", form(parts), 400),
        ("new", form({"documentImage": PICTURE}), 400),
        ("new", {"data": b"x" * (BODY_MAX_BYTES + 1), "content_type": "multipart/form-data; boundary=b"}, 413),
        ("new", form({**parts, "entityId": UNKNOWN_ID}), 404),
        ("", form({**parts, "entityId": UNKNOWN_ID}), 400),
    ]
    for number, (key, request, status) in enumerate(refusals, start=2):
        api.clock.advance(seconds=1)
        assert send(api, MATCH, key, request).status_code == status
        assert len(face_matches(api)) == number
        assert face_matches(api)[0]["status"] == "failed"
        assert face_matches(api)[0]["errorMessage"] != "Something went wrong on our side."
    files = [path for path in api.blob_folder.rglob("*") if path.is_file()]
    assert len(files) == 2, "pictures of refused requests are not kept"


def test_a_failed_face_match_can_be_sent_again(api: Api) -> None:
    parts: dict[str, bytes | str] = {"documentImage": PICTURE, "selfieImage": OTHER_PICTURE}
    api.core.is_away = True
    assert send(api, MATCH, "k", form(parts)).status_code == 503
    api.core.is_away = False
    assert send(api, MATCH, "k", form(parts)).status_code == 200
    assert [match["status"] for match in face_matches(api)].count("failed") == 1
