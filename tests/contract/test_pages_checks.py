"""The examples of the pages on the synchronous checks, field by field: in this process and on real servers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.matching.embedded import EmbeddedMatchingCore
from tests.api.conftest import Api
from tests.live_server import LiveServer
from tests.models_fixture import real_core
from tests.portrait import astronaut, close_up, jpeg

Json = dict[str, Any]

CHECK_REQUEST: Json = {"user_image": "<string>", "entityId": "<string>", "externalEntityId": "<string>"}
CHECK_ANSWER: Json = {
    "match": True,
    "approvedSessionIds": ["session-abc-123"],
    "matchedKycValidationIds": ["550e8400-e29b-41d4-a716-446655440000"],
    "faceSearch": {"status": "Approved", "totalMatches": 1, "approvedMatchesCount": 1, "requestId": "req_xyz"},
}
MATCH_REQUEST: Json = {
    "documentImage": {},
    "selfieImage": {},
    "entityId": "<string>",
    "scoreThreshold": 123,
    "vendorData": "<string>",
}
MATCH_ANSWER: Json = {
    "match": True,
    "score": 85.5,
    "status": "approved",
    "verificationId": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "scoreDeclineThreshold": 30,
    "requestId": "req_xyz",
    "warnings": [],
}
VERIFICATION: Json = {
    "id": "",
    "organizationId": "",
    "entityId": "",
    "status": "approved",
    "match": True,
    "score": 85.5,
    "requestId": "",
    "vendorData": "",
    "errorMessage": None,
    "triggeredByUserId": "",
    "createdAt": "",
    "documentStoragePath": "",
    "selfieStoragePath": "",
    "storageProvider": "",
    "threshold": 30,
}
"""As "Get verification by ID" lists them."""

CHECK, MATCH = "/api/kyc/biometric", "/api/kyc/face-match"
EXTERNAL_ID = "customer-1"
PORTRAIT, SELFIE = jpeg(astronaut()), jpeg(close_up())


@dataclass(frozen=True)
class Client:
    """An integrator of the page, with a person who was approved elsewhere."""

    http: httpx.Client
    entity_id: str
    validation_id: str


@pytest.fixture(scope="module")
def core() -> Iterator[EmbeddedMatchingCore]:
    made = real_core()
    yield made
    made.close()


@pytest.fixture
def in_process(api: Api, core: EmbeddedMatchingCore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """On both databases."""
    services = api.app.extensions["bonafide-api"]
    for use_case in (services.import_validation, services.check_biometric, services.match_faces):
        monkeypatch.setitem(vars(use_case), "core", core)
    transport = httpx.WSGITransport(app=api.app)
    with httpx.Client(transport=transport, base_url="http://bonafide.example", headers=api.headers()) as http:
        yield enrolled(http)


@pytest.fixture(scope="module")
def on_a_server(live_server: LiveServer) -> Iterator[Client]:
    """On both databases."""
    headers = {"Authorization": f"Bearer {live_server.demo_key()}"}
    with httpx.Client(base_url=live_server.url, headers=headers, timeout=30) as http:
        yield enrolled(http)


def enrolled(http: httpx.Client) -> Client:
    person = {"type": "person", "name": "Ada", "externalId": EXTERNAL_ID}
    entity = http.post("/api/entities", json=person).json()["id"]
    fields = {"entityId": entity, "status": "approved", "externalSessionId": "session-abc-123"}
    imported = http.post("/api/kyc/validations/import", data=fields, files={"portrait": PORTRAIT})
    return Client(http, entity, imported.json()["id"])


def assert_like(got: object, expected: object, where: str = "") -> None:
    """Every name of the example, with a value of its type; whole numbers are numbers."""
    if isinstance(expected, dict):
        assert isinstance(got, dict), where
        for name, value in expected.items():
            assert name in got, f"{where}.{name}"
            assert_like(got[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(got, list), where
        for item in got:
            assert_like(item, expected[0] if expected else "", f"{where}[]")
    elif isinstance(expected, bool) or expected is None:
        assert type(got) is type(expected), where
    else:
        assert isinstance(got, int | float if isinstance(expected, int | float) else type(expected)), where
        assert not isinstance(got, bool), where


def check_as_json(client: Client) -> None:
    body = {
        "user_image": base64.b64encode(SELFIE).decode("ascii"),
        "entityId": client.entity_id,
        "externalEntityId": EXTERNAL_ID,
    }
    assert body.keys() == CHECK_REQUEST.keys()
    answer = client.http.post(CHECK, json=body)
    assert answer.status_code == 200
    got = answer.json()
    assert_like(got, CHECK_ANSWER)
    expected = {**CHECK_ANSWER, "matchedKycValidationIds": [client.validation_id]}
    request_id = {"requestId": answer.headers["X-Request-Id"]}
    expected["faceSearch"] = {**CHECK_ANSWER["faceSearch"], **request_id}
    assert {name: got[name] for name in expected} == expected


def check_as_in_the_javascript(client: Client) -> None:
    image = f"data:image/jpeg;base64,{base64.b64encode(SELFIE).decode('ascii')}"
    answer = client.http.post(CHECK, json={"user_image": image, "entityId": client.entity_id})
    assert_like(answer.json(), CHECK_ANSWER)
    assert answer.json()["match"] is True


def check_as_a_form(client: Client) -> None:
    for name in ("userImage", "user_image"):
        fields = {"externalEntityId": EXTERNAL_ID}
        answer = client.http.post(CHECK, data=fields, files={name: ("face.jpg", SELFIE, "image/jpeg")})
        assert_like(answer.json(), CHECK_ANSWER)
        assert answer.json()["match"] is True


def check_as_a_form_with_text(client: Client) -> None:
    encoded = base64.b64encode(SELFIE).decode("ascii")
    for name, text in (("userImage", encoded), ("user_image", f"data:image/jpeg;base64,{encoded}")):
        part = (None, text)  # without a file's name, as FormData sends a string
        fields = {"entityId": (None, client.entity_id), "externalEntityId": (None, EXTERNAL_ID), name: part}
        answer = client.http.post(CHECK, files=fields)
        assert_like(answer.json(), CHECK_ANSWER)
        assert answer.json()["match"] is True


def one_of_both_ids_is_enough_and_none_too_few(client: Client) -> None:
    image = {"user_image": base64.b64encode(SELFIE).decode("ascii")}
    for entity in ({"entityId": client.entity_id}, {"externalEntityId": EXTERNAL_ID}):
        assert client.http.post(CHECK, json={**image, **entity}).json()["match"] is True
    for body in (image, {"entityId": client.entity_id}, {}):
        refused = client.http.post(CHECK, json=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "INVALID_REQUEST")


def placeholders_are_refused(client: Client) -> None:
    for path, body in ((CHECK, CHECK_REQUEST), (MATCH, MATCH_REQUEST)):
        answer = client.http.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")
        assert answer.json()["fields"]


def match_and_read_it_again(client: Client) -> None:
    fields = {"entityId": client.entity_id, "scoreThreshold": "30", "vendorData": "user-7"}
    files = {"documentImage": ("id.jpg", PORTRAIT, "image/jpeg"), "selfieImage": ("me.jpg", SELFIE, "image/jpeg")}
    assert fields.keys() | files.keys() == MATCH_REQUEST.keys()
    answer = client.http.post(MATCH, data=fields, files=files)
    assert answer.status_code == 200
    assert_like(answer.json(), MATCH_ANSWER)
    assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
    verification_id = answer.json()["verificationId"]
    one = client.http.get(f"{MATCH}/verifications/{verification_id}").json()
    assert_like(one, VERIFICATION)
    same = {"match", "score", "status", "requestId", "warnings"}
    assert {name: one[name] for name in same} == {name: answer.json()[name] for name in same}
    listed = client.http.get(f"{MATCH}/verifications?entityId={client.entity_id}&limit=50&offset=0").json()
    assert_like(listed, {"verifications": [VERIFICATION], "scoreDeclineThreshold": 30})
    assert listed["verifications"][0] == one
    assert listed["pagination"] == {"limit": 50, "offset": 0, "total": len(listed["verifications"])}
    image = client.http.get(f"{MATCH}/verifications/{verification_id}/document-image")
    assert (image.content, image.headers["Content-Type"]) == (PORTRAIT, "image/jpeg")


def match_as_in_the_javascript(client: Client) -> None:
    form = {"entityId": client.entity_id, "documentImage": base64.b64encode(PORTRAIT).decode("ascii")}
    headers = {"X-Organization-Id": client.http.get(f"/api/entities/{client.entity_id}").json()["organizationId"]}
    answer = client.http.post(MATCH, data=form, files={"selfieImage": SELFIE}, headers=headers)
    assert_like(answer.json(), MATCH_ANSWER)


def match_with_every_kind_of_picture(client: Client) -> None:
    """Files, base64 with and without a data URL, and both: then the file counts."""
    encoded = base64.b64encode(PORTRAIT).decode("ascii")
    for text in (encoded, f"data:image/jpeg;base64,{encoded}"):
        fields = {"documentImage": (None, text), "selfieImage": (None, encoded)}
        assert client.http.post(MATCH, files=fields).json()["status"] == "approved"
    files = {"documentImage": ("id.jpg", PORTRAIT, "image/jpeg"), "selfieImage": ("me.jpg", SELFIE, "image/jpeg")}
    both = client.http.post(MATCH, data={"documentImage": "no base64"}, files=files)
    assert both.json()["match"] is True
    missing = client.http.post(MATCH, files={"documentImage": PORTRAIT})
    assert (missing.status_code, list(missing.json()["fields"])) == (400, ["selfieImage"])


def threshold_of_the_form_or_of_the_organization(client: Client) -> None:
    files = {"documentImage": PORTRAIT, "selfieImage": SELFIE}
    answers = [client.http.post(MATCH, files=files, data=form).json() for form in ({}, {"scoreThreshold": "100"})]
    assert [(one["status"], one["match"], one["scoreDeclineThreshold"]) for one in answers] == [
        ("approved", True, 30),
        ("declined", False, 100),
    ]
    newest = client.http.get(f"{MATCH}/verifications?status=declined&limit=1").json()["verifications"][0]
    assert (newest["id"], newest["threshold"]) == (answers[1]["verificationId"], 100)
    unknown = client.http.get(f"{MATCH}/verifications/{client.entity_id}")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "NOT_FOUND")


def errors_come_with_their_status(client: Client) -> None:
    strangers = httpx.Headers({"Authorization": "Bearer bf_test_" + "x" * 43})
    unauthorized = client.http.post(CHECK, json=CHECK_REQUEST, headers=strangers)
    assert (unauthorized.status_code, unauthorized.json()["error"]) == (401, "UNAUTHORIZED")
    body = {"user_image": base64.b64encode(SELFIE).decode("ascii"), "externalEntityId": "nobody"}
    unknown = client.http.post(CHECK, json=body)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "NOT_FOUND")
    failed = client.http.post(MATCH, files={"documentImage": PORTRAIT, "selfieImage": SELFIE[:1000]})
    assert (failed.status_code, failed.json()["error"]) == (400, "INVALID_REQUEST")
    newest = client.http.get(f"{MATCH}/verifications?status=failed&limit=1").json()["verifications"][0]
    assert newest["requestId"] == failed.json()["requestId"]
    assert newest["errorMessage"]


EXAMPLES = (
    check_as_json,
    check_as_in_the_javascript,
    check_as_a_form,
    check_as_a_form_with_text,
    one_of_both_ids_is_enough_and_none_too_few,
    placeholders_are_refused,
    match_and_read_it_again,
    match_as_in_the_javascript,
    match_with_every_kind_of_picture,
    threshold_of_the_form_or_of_the_organization,
    errors_come_with_their_status,
)
Example = Callable[[Client], None]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_the_examples_hold_in_this_process(in_process: Client, example: Example) -> None:
    example(in_process)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_the_examples_hold_on_a_real_server(on_a_server: Client, example: Example) -> None:
    example(on_a_server)
