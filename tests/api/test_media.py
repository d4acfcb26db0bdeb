"""Images of sessions: who may see them, and that it is known who did."""

from __future__ import annotations

import pytest

from app.domain.organization import Scope
from tests.api.conftest import Api

UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
KINDS = ("selfie", "still", "challenge-1", "challenge-12")


@pytest.fixture
def session_id(api: Api) -> str:
    """A session with an image of each kind."""
    session: str = api.open_session(api.enrolled()).json["id"]
    for kind in KINDS:
        api.add_capture(session, kind, f"\xff\xd8\xff {kind}".encode("latin-1"))
    return session


def path(session_id: str, kind: str) -> str:
    return f"/api/kyc/biometric/sessions/{session_id}/media/{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_comes_as_it_was_captured_and_stays_nowhere(api: Api, session_id: str, kind: str) -> None:
    response = api.app.test_client().get(path(session_id, kind), headers=api.headers())
    assert response.status_code == 200
    assert response.data == f"\xff\xd8\xff {kind}".encode("latin-1")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Length"] == str(len(response.data))
    assert response.headers["X-Request-Id"]
    assert "ETag" not in response.headers


def test_each_look_leaves_an_entry_with_who_looked_at_what(api: Api, session_id: str) -> None:
    issued = api.keys.issue(api.organization, [Scope.MEDIA_READ], is_test=True, name="")
    for kind in ("still", "still", "challenge-1"):
        assert (
            api.app.test_client().get(path(session_id, kind), headers=api.headers(issued.text)).status_code == 200
        )
    with api.store.read() as uow:
        entries = uow.audit.of_organization(api.organization.organization_id)
    looks = [entry for entry in entries if entry.action == "biometric_session.media_read"]
    assert [entry.detail for entry in looks] == [{"kind": "still"}, {"kind": "still"}, {"kind": "challenge-1"}]
    assert {(entry.actor, entry.object_id) for entry in looks} == {(f"api_key:{issued.key.key_id}", session_id)}


@pytest.mark.parametrize(
    "kind", ["portrait", "challenge-2", "SELFIE", "selfie.jpg", "challenge-", "selfie%00", "..%2Fselfie", "%F0%9F"]
)
def test_what_was_never_captured_is_not_found(api: Api, session_id: str, kind: str) -> None:
    answer = api.get(path(session_id, kind))
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")


def test_a_session_without_a_capture_has_no_images(api: Api) -> None:
    session = api.open_session(api.enrolled()).json["id"]
    for one in (session, UNKNOWN_ID, "malformed"):
        assert api.get(path(one, "selfie")).status_code == 404


def test_an_image_that_is_gone_or_damaged_is_not_found_and_nobody_has_looked(api: Api, session_id: str) -> None:
    files = [file for file in api.blob_folder.rglob("*") if file.is_file()]
    for file in files:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert api.get(path(session_id, "selfie")).status_code == 404
    for file in files:
        file.unlink()
    answer = api.get(path(session_id, "selfie"))
    assert (answer.status_code, answer.json["message"]) == (404, "No such object.")
    assert "biometric_session.media_read" not in [action for _, action in api.actions()]


def test_whoever_may_read_sessions_may_not_look_at_faces(api: Api, session_id: str) -> None:
    others = [scope for scope in Scope if scope not in (Scope.MEDIA_READ, Scope.ADMIN)]
    answer = api.get(path(session_id, "selfie"), key=api.new_key(*others))
    assert (answer.status_code, answer.json["error"]) == (403, "FORBIDDEN")


def test_images_of_others_do_not_exist(api: Api, session_id: str) -> None:
    for key in (api.new_key(is_test=False), api.new_key(organization=api.new_organization())):
        assert api.get(path(session_id, "selfie"), key=key).status_code == 404
    assert "biometric_session.media_read" not in [action for _, action in api.actions()]
