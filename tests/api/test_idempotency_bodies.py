"""Which requests are the same: what they mean counts, not how they are written down."""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from tests.api.conftest import Api
from tests.api.forms import form
from tests.api.keyed import Request, send, told
from tests.web.test_broken_body import BrokenOff

ENTITIES, IMPORT, CHECK = "/api/entities", "/api/kyc/validations/import", "/api/kyc/biometric"
PICTURE, OTHER_PICTURE = b"\xff\xd8\xff\xe0 a picture", b"\xff\xd8\xff\xe0 another picture"
PERSON = {"type": "person", "name": "Ada"}


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (b'{"type":"person","name":"Ada"}', b' {"name" : "Ada",\n "type":"person"} '),
        (b'{"type":"person","name":"Z\\u00e9"}', '{"type":"person","name":"Zé"}'.encode()),
        (
            b'{"type":"person","name":"A","attributes":{"a":1,"b":[2,{}]}}',
            b'{"attributes":{"b":[2.0,{}],"a":1.0},"type":"person","name":"A"}',
        ),
    ],
)
def test_json_is_compared_by_what_it_means(api: Api, one: bytes, same: bytes) -> None:
    first = send(api, ENTITIES, "k", {"data": one, "content_type": "application/json"})
    assert first.status_code == 201
    again = send(api, ENTITIES, "k", {"data": same, "content_type": "application/json; charset=utf-8"})
    assert (again.status_code, again.data) == (201, first.data)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Ada "},
        {"externalId": "1"},
        {"attributes": {}},
        {"attributes": {"a": True}},
        {"attributes": {"a": [2, 1]}},
        {"unknown": None},
    ],
)
def test_json_that_means_something_else_is_a_conflict(api: Api, changed: dict[str, object]) -> None:
    assert send(api, ENTITIES, "k", {"json": PERSON | {"attributes": {"a": [1, 2]}}}).status_code == 201
    assert told(send(api, ENTITIES, "k", {"json": PERSON | {"attributes": {"a": [1, 2]}} | changed})) == (
        409,
        "IDEMPOTENCY_CONFLICT",
    )


def form_of(parts: list[tuple[str, object]], boundary: str) -> Request:
    _, body = encode_multipart(MultiDict(parts), boundary=boundary)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def file(content: bytes, name: str = "a.jpg", content_type: str = "image/jpeg") -> FileStorage:
    return FileStorage(BytesIO(content), name, content_type=content_type)


def test_forms_are_compared_by_fields_and_files(api: Api) -> None:
    entity = api.enrolled().entity_id
    texts: list[tuple[str, object]] = [("entityId", entity), ("metadata", '{"a":1}'), ("status", "approved")]
    first = send(api, IMPORT, "k", form_of([*texts, ("portrait", file(PICTURE))], "one"))
    assert first.status_code == 201
    turned = [("portrait", file(PICTURE, "b.png", "image/png")), *reversed(texts)]
    again = send(api, IMPORT, "k", form_of(turned, "another-boundary"))
    assert (again.status_code, again.data) == (201, first.data)
    for other in (
        [*texts, ("portrait", file(OTHER_PICTURE))],
        [*texts[:-1], ("status", "approved"), ("externalSessionId", "x"), ("portrait", file(PICTURE))],
        [*texts, ("portrait", base64.b64encode(PICTURE).decode("ascii"))],
        [*texts, ("portrait", file(PICTURE)), ("portrait", file(PICTURE))],
    ):
        assert told(send(api, IMPORT, "k", form_of(other, "one"))) == (409, "IDEMPOTENCY_CONFLICT")


def test_a_check_as_json_and_as_a_form_are_two_requests(api: Api) -> None:
    entity = api.enrolled().entity_id
    text = base64.b64encode(PICTURE).decode("ascii")
    assert send(api, CHECK, "k", {"json": {"entityId": entity, "user_image": text}}).status_code == 200
    answer = send(api, CHECK, "k", form({"entityId": entity, "user_image": text}))
    assert told(answer) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize(
    "headers", [{"CONTENT_LENGTH": "20"}, {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}]
)
def test_a_body_that_breaks_off_is_400_and_takes_no_key(api: Api, headers: dict[str, object]) -> None:
    broken = {"content_type": "application/json", "environ_overrides": {"wsgi.input": BrokenOff(), **headers}}
    assert told(send(api, ENTITIES, "k", broken)) == (400, "INVALID_REQUEST")
    assert send(api, ENTITIES, "k", {"json": PERSON}).status_code == 201


def test_bodies_without_a_length_are_the_same_as_those_with_one(api: Api) -> None:
    entity = api.enrolled().entity_id
    whole = form({"entityId": entity, "status": "approved", "portrait": PICTURE})
    chunked = {
        "wsgi.input": BytesIO(whole["data"]),
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": whole["content_type"],
    }
    first = send(api, IMPORT, "k", {"environ_overrides": chunked})
    assert first.status_code == 201
    assert send(api, IMPORT, "k", whole).data == first.data
