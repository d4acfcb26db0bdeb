"""Whatever a client sends, the answer is one of the contract's, and never our fault."""

from __future__ import annotations

import logging

import pytest

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import BonafideError, RecordUnreadable
from app.web import errors
from tests.api.conftest import BODY_MAX_BYTES, Answer, Api

ENTITIES = "/api/entities"


def send(api: Api, data: bytes, path: str = ENTITIES, **headers: str) -> Answer:
    all_headers = {**api.headers(), "Content-Type": "application/json", **headers}
    return api.open(path, "POST", data=data, headers=all_headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"\xff\xfe\x00",
        b'{"name": "\xff"}',
        '{"type": "person", "name": "ñ"}'.encode("latin-1"),
        '{"type": "person", "name": "n"}'.encode("utf-16"),
        b'{"type": "person", "name": "a\\u0000b"}',
        b'{"type": "person", "name": "n", "attributes": {"a\\u0000": 1}}',
        b'{"type": "person", "name": "\\ud800"}',
        b'{"type": "person", "name": "n", "attributes": {"x": NaN}}',
        b'{"type": "person", "name": "n", "attributes": {"x": Infinity}}',
        b'{"type": "person", "name": "n", "attributes": {"x": 1e999}}',
        b'{"type": "person", "name": "n", "attributes": {"x": %s}}' % (b"9" * 30),
        b'{"type": "person", "name": "n", "attributes": {"x": %s}}' % (b"9" * 10_000),
        b'{"type": "person", "name": "n", "name": "m"}',
        b'{"type": "person", "name": "n", "attributes": {"x": %s}}' % (b"[" * 40 + b"]" * 40),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type": "person", "name": "n", "attributes": {"x": [%s]}}' % b",".join([b"1"] * 20_000),
        b'{"type": "person", "name": "n"} trailing',
    ],
)
def test_bodies_that_are_no_plain_json_object_are_refused(api: Api, body: bytes) -> None:
    answer = send(api, body)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]
    assert answer.json["fields"]


def test_a_byte_order_mark_does_no_harm(api: Api) -> None:
    assert send(api, b'\xef\xbb\xbf{"type": "person", "name": "n"}').status_code == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_json_must_be_called_json(api: Api, kind: str) -> None:
    answer = send(api, b'{"type": "person", "name": "n"}', **{"Content-Type": kind})
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.x+json", ""])
def test_json_has_several_names(api: Api, kind: str) -> None:
    assert send(api, b'{"type": "person", "name": "n"}', **{"Content-Type": kind}).status_code == 201


class Unread:
    """A body that nobody may read."""

    def read(self, _size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize("path", [ENTITIES, "/api/kyc/validations/import", "/api/kyc/biometric/sessions"])
def test_a_body_that_is_too_large_is_refused_unread(api: Api, path: str) -> None:
    answer = api.open(
        path,
        "POST",
        headers=api.headers(),
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)},
    )
    assert (answer.status_code, answer.json["error"]) == (413, "PAYLOAD_TOO_LARGE")


def test_without_a_key_its_size_is_nobodys_business(api: Api) -> None:
    answer = api.open(
        ENTITIES, "POST", environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)}
    )
    assert answer.status_code == 401


class Endless:
    """A chunked body that does not end; counts what was taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        size = 65_536 if size < 0 else min(size, 65_536)
        self.taken += size
        return b" " * size


def test_a_body_without_length_is_read_no_further_than_the_limit(api: Api) -> None:
    endless = Endless()
    answer = api.open(
        ENTITIES,
        "POST",
        headers={**api.headers(), "Content-Type": "application/json"},
        environ_overrides={
            "wsgi.input": endless,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )
    assert (answer.status_code, answer.json["error"]) == (413, "PAYLOAD_TOO_LARGE")
    assert endless.taken <= BODY_MAX_BYTES + 2 * 65_536


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nowhere", 404, "NOT_FOUND"),
        ("GET", "/api/entities/", 404, "NOT_FOUND"),
        ("GET", "/api//entities", 404, "NOT_FOUND"),
        ("GET", "/api/entities/..%2f..", 404, "NOT_FOUND"),
        ("GET", "/api/entities/%00", 404, "NOT_FOUND"),
        ("GET", "/api/entities/%ff%fe", 404, "NOT_FOUND"),
        ("GET", f"/api/entities/{'x' * 5000}", 404, "NOT_FOUND"),
        ("DELETE", "/api/entities", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/api/kyc/biometric/sessions", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/api/entities", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/kyc/validations", 404, "NOT_FOUND"),
    ],
)
def test_addresses_and_methods_that_are_none(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = api.open(path, method=method, headers=api.headers())
    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert answer.headers["X-Request-Id"] == answer.json["requestId"]
    assert ("Allow" in answer.headers) == (status == 405)


def test_every_answer_is_named_and_no_two_alike(api: Api) -> None:
    names = {api.get(path).headers["X-Request-Id"] for path in ("/livez", "/api/entities", "/nowhere")}
    assert len(names) == 3
    assert all(name.startswith("req_") for name in names)


def test_answers_about_people_are_not_cached(api: Api) -> None:
    assert api.get("/api/entities").headers["Cache-Control"] == "no-store"


def subclasses(kind: type[BonafideError]) -> set[type[BonafideError]]:
    found = set(kind.__subclasses__())
    return found | {deeper for one in found for deeper in subclasses(one)}


def test_every_reason_has_a_place_in_the_table() -> None:
    assert subclasses(BonafideError) == set(errors.TABLE) | {RecordUnreadable}


def test_our_own_faults_say_nothing_and_are_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail of /srv/bonafide")

    monkeypatch.setattr("app.services.register_entity.FindEntity.page", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.get("/api/entities")
    assert answer.status_code == 500
    assert answer.json == {
        "error": "INTERNAL_ERROR",
        "message": "Something went wrong on our side.",
        "requestId": answer.headers["X-Request-Id"],
    }
    assert answer.headers["X-Request-Id"] in caplog.text
    assert "secret detail" in caplog.text
    assert api.key not in caplog.text


def test_a_store_that_is_away_is_told_as_such(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    created = api.open_session(api.enrolled()).json
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    for use_case in (services := api.app.extensions["bonafide-api"]).authenticate, services.check_readiness:
        monkeypatch.setitem(vars(use_case), "store", SqlStore(away))
    answer = api.get(f"/api/kyc/biometric/sessions/{created['id']}")
    assert (answer.status_code, answer.json["error"]) == (503, "SERVICE_UNAVAILABLE")
    assert "Retry-After" in answer.headers
    assert set(answer.json) == {"error", "message", "requestId"}
    assert api.open("/livez").status_code == 200
    assert "store" in api.open("/readyz").json["problems"]
    away.dispose()


IMPORT = "/api/kyc/validations/import"


@pytest.mark.parametrize("path", [IMPORT, "/api/kyc/face-match", "/api/kyc/biometric"])
@pytest.mark.parametrize("more", [b"", b'; filename="f"'])
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_a_part_of_a_form_without_a_name_is_refused(
    api: Api, path: str, more: bytes, headers: dict[str, str]
) -> None:
    body = b"--b\r\nContent-Disposition: form-data%s\r\n\r\ntext\r\n--b--\r\n" % more
    sent = {"Content-Type": "multipart/form-data; boundary=b", **headers}
    answer = send(api, body, path, **sent)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert answer.json["fields"]


def test_the_field_that_no_store_keeps_is_named(api: Api) -> None:
    fields = {"entityId": "a\x00b", "status": "approved"}
    answer = api.post(IMPORT, data=fields, content_type="multipart/form-data")
    assert (answer.status_code, answer.json["fields"]) == (400, {"entityId": "a text contains NUL"})
    answer = api.get("/api/entities?externalId=a%00b")
    assert (answer.status_code, answer.json["fields"]) == (400, {"externalId": "a text contains NUL"})
    answer = api.get("/api/entities?a%00b=1")
    assert (answer.status_code, answer.json["fields"]) == (400, {"query": "a text contains NUL"})
