"""Bodies and forms that are not what they are said to be: the caller is told so, and nothing is done."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from app.domain.organization import Entity
from tests.api.conftest import Answer, Api
from tests.api.matching import DOCUMENT, MATCH, SELFIE, as_text, match

SETTINGS = "/api/kyc/settings"
KEY = {"Idempotency-Key": "the first"}


@pytest.fixture
def person(api: Api) -> Entity:
    return api.enrolled()


class BrokenChunks:
    """What gunicorn hands over where the chunks of a body are none."""

    def read(self, *_: object) -> bytes:
        raise OSError("InvalidChunkSize")

    readline = read


def cut_off(sent: bytes, kind: str = "application/json") -> dict[str, Any]:
    """A body of fifty bytes of which so many came before the caller hung up."""
    return {"environ_overrides": {"wsgi.input": BytesIO(sent), "CONTENT_LENGTH": "50", "CONTENT_TYPE": kind}}


def in_broken_chunks(kind: str) -> dict[str, Any]:
    environ = {"wsgi.input": BrokenChunks(), "wsgi.input_terminated": True, "CONTENT_TYPE": kind}
    return {"environ_overrides": environ}


def asked(api: Api, method: str, path: str, more: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return api.open(path, method, headers={**api.headers(), **(headers or {})}, **more)


def told(answer: Answer) -> dict[str, str]:
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST"), answer.json
    fields: dict[str, str] = answer.json["fields"]
    return fields


@pytest.mark.parametrize("headers", [{}, KEY], ids=["without a key", "with a key"])
@pytest.mark.parametrize("sent", [b"", b'{"overlapSeconds": 0'], ids=["nothing", "half"])
def test_a_body_that_never_came_is_not_one_that_was_left_out(
    api: Api, sent: bytes, headers: dict[str, str]
) -> None:
    """A rotation was carried out with an overlap that nobody had asked for."""
    before = api.get(SETTINGS).json["policyVersion"]
    answer = asked(api, "POST", f"{SETTINGS}/webhook-secret", cut_off(sent), headers)
    assert told(answer) == {"body": "is broken off"}
    assert api.get(SETTINGS).json["policyVersion"] == before


def test_nor_is_that_of_a_delete(api: Api, person: Entity) -> None:
    with api.store.read() as uow:
        validation = uow.validations.latest_created(person.organization_id, True, person.entity_id)
    assert validation is not None
    path = f"/api/kyc/validations/{validation.validation_id}/cancel"
    for broken in (cut_off(b""), in_broken_chunks("application/json")):
        assert told(asked(api, "DELETE", path, broken)) == {"body": "is broken off"}
    assert asked(api, "DELETE", path, {}).status_code in (200, 409)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_broken_body_reads_the_same_with_an_idempotency_key(api: Api, kind: str) -> None:
    path = "/api/kyc/biometric"
    answers = [asked(api, "POST", path, in_broken_chunks(kind), headers) for headers in ({}, KEY)]
    assert [told(answer) for answer in answers] == [{"body": "is broken off"}] * 2


PART = b'--x\r\nContent-Disposition: form-data; name="vendorData"\r\n\r\nmine\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", PART + b"--x--\r\n"),
        ("multipart/form-data; boundary=x", PART),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nof no name\r\n--x--\r\n"),
    ],
    ids=["no boundary", "no end", "no form", "no name"],
)
def test_a_form_that_cannot_be_read_is_not_an_empty_one(api: Api, kind: str, body: bytes) -> None:
    answer = api.open(MATCH, "POST", data=body, headers={**api.headers(), "Content-Type": kind})
    assert set(told(answer)) == {"body"}


def test_too_many_parts_are_not_too_many_bytes(api: Api) -> None:
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="p%d"\r\n\r\n\r\n' % n for n in range(3000))
    headers = {**api.headers(), "Content-Type": "multipart/form-data; boundary=x"}
    answer = api.open(MATCH, "POST", data=parts + b"--x--\r\n", headers=headers)
    assert told(answer) == {"body": "has too many parts"}


def test_a_text_that_is_sent_as_a_file_or_twice_is_named(api: Api, person: Entity) -> None:
    """Or the match would be kept with nobody, and nobody would know."""
    files = {"documentImage": (BytesIO(DOCUMENT), "d"), "selfieImage": (BytesIO(SELFIE), "s")}
    as_file = {**files, "entityId": (BytesIO(person.entity_id.encode()), "entity.txt")}
    answer = api.open(MATCH, "POST", data=as_file, headers=api.headers())
    assert told(answer) == {"entityId": "must be text, not a file"}
    twice = {"documentImage": as_text(DOCUMENT), "selfieImage": as_text(SELFIE), "vendorData": ["a", "b"]}
    answer = api.open(
        MATCH, "POST", data=twice, headers=api.headers(), content_type="multipart/form-data; boundary=x"
    )
    assert told(answer) == {"vendorData": "is sent more than once"}


@pytest.mark.parametrize("number", ["1_0", "+5", " 5", "0x10", "٥", "1e9999999", "", "nan", "inf"])
def test_a_threshold_is_a_number_as_json_writes_it(api: Api, number: str) -> None:
    answer = match(api, scoreThreshold=number)
    if number:
        assert set(told(answer)) == {"scoreThreshold"}
    else:
        assert answer.status_code == 200  # an empty field counts as not sent


@pytest.mark.parametrize("number", ["1_0", "+5", "5.0", "٥", "", "1e1"])
def test_a_limit_is_written_in_digits(api: Api, number: str) -> None:
    assert set(told(api.get(f"/api/entities?limit={number.replace('+', '%2B')}"))) == {"limit"}
