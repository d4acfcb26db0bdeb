"""The matching service as strangers and slips of the hand meet it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import MatchingFailed
from app.matching.wire import HealthAnswer
from tests.fakes import FAKE_FORMAT, FakeMatchingCore
from tests.matching.asker import POSTS, Asker, Json, asker, core, refused, template, text
from tests.matching.served import BODY_MAX_BYTES, OLD_TOKEN, TOKEN, make_app

__all__ = ["asker", "core"]

every_post = pytest.mark.parametrize("path", POSTS)


NO_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"image": 7, "probe": 7, "gallery": 7, "references": 7}',
    b'{"image": null, "probe": null, "gallery": null, "references": null}',
    b'{"image": "AAAA", "image": "AAAA"}',
    b'{"image": "\\u0000", "probe": {"image": "\\u0000"}}',
    b'{"image": "\\ud800"}',
    b'{"image": {"image": "AAAA"}, "probe": {}, "references": [{}], "gallery": [{}], "limit": 1}',
    b'{"probe": {"image": "AAAA", "template": {}}, "references": [{"image": "AAAA"}], "gallery": [], "limit": 1}',
    b'{"probe": {"image": null}, "references": [], "gallery": [], "limit": 1}',
    b'{"probe": NaN}',
    b'{"probe": [%s]}' % b",".join([b"1"] * 600_000),
]


@every_post
@pytest.mark.parametrize("body", NO_BODIES)
def test_a_body_that_is_none_is_refused(asker: Asker, path: str, body: bytes) -> None:
    assert refused(asker.post(path, data=body, content_type="application/json"))


@every_post
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"],
)
def test_a_body_of_another_kind_is_refused(asker: Asker, path: str, kind: str) -> None:
    assert refused(asker.post(path, data=b"--x\r\n\r\n", content_type=kind))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(text(b"a")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["image", "template", "vector", "modelId", "modelVersion", "key", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(POSTS),
    body=st.dictionaries(
        st.sampled_from(["image", "probe", "references", "gallery", "limit", "x"]), JSON_VALUES, max_size=5
    ),
)
def test_no_body_makes_the_service_fail(path: str, body: Json) -> None:
    response = Asker(make_app(FakeMatchingCore())).post(
        path, data=json.dumps(body), content_type="application/json"
    )
    assert response.status_code in (200, 400), response.text


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(POSTS), data=st.binary(max_size=300), cut=st.integers(0, 200))
def test_no_form_makes_the_service_fail(path: str, data: bytes, cut: int) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + data + b"\r\n--x--\r\n"
    sent = form[: len(form) - cut]
    response = Asker(make_app(FakeMatchingCore())).post(
        path, data=sent, content_type="multipart/form-data; boundary=x"
    )
    assert response.status_code in (200, 400), response.text


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.rule, method


BAD_AUTHORIZATIONS = [
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Basic {TOKEN}",
    TOKEN,
    "Bearer ü",
    f"Bearer {TOKEN}, {OLD_TOKEN}",
]


def test_every_route_asks_for_a_token_but_health(asker: Asker) -> None:
    found = list(routes(asker.app))
    assert len(found) == 5
    for path, method in found:
        bare = asker.http.open(path, method=method)
        if path == "/healthz":
            assert bare.status_code == 200
        else:
            refused(bare, 401, "UNAUTHORIZED")
            assert bare.headers["WWW-Authenticate"] == "Bearer"
        for value in BAD_AUTHORIZATIONS:
            refused(asker.http.open(path, method=method, headers={"Authorization": value}), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN])
def test_each_of_the_tokens_opens(asker: Asker, token: str) -> None:
    for scheme in ("Bearer", "bearer", "BEARER "):
        headers = {"Authorization": f"{scheme} {token}"}
        assert asker.http.get("/v1/openapi.json", headers=headers).status_code == 200


def test_what_is_not_there_is_told_to_those_with_a_token_only(asker: Asker) -> None:
    for path in ("/v1/nowhere", "/v1/templates/", "/v1//compare", "/v1/"):
        refused(asker.http.get(path), 401, "UNAUTHORIZED")
        refused(asker.get(path), 404, "NOT_FOUND")
    for path in ("/", "/v1", "/nowhere", "/v2/templates"):
        refused(asker.http.get(path), 404, "NOT_FOUND")
    assert refused(asker.get("/v1/compare"), 405, "METHOD_NOT_ALLOWED") == {}
    assert asker.get("/v1/compare").headers["Allow"] == "POST"


class Unread:
    """A body that nobody may read."""

    def read(self, _size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    readline = read


class Endless:
    """A chunked body that does not end; counts what was taken of it."""

    def __init__(self, start: bytes = b"") -> None:
        self.start = start
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        size = 65_536 if size < 0 else min(size, 65_536)
        self.taken += size
        part, self.start = self.start[:size], self.start[size:]
        return part + b" " * (size - len(part))


PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
KINDS = {"application/json": b"", "multipart/form-data; boundary=x": PART}


@every_post
@pytest.mark.parametrize("kind", KINDS)
class TestBodiesThatAreTooLarge:
    def test_are_refused_unread(self, asker: Asker, path: str, kind: str) -> None:
        environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(BODY_MAX_BYTES + 1), "CONTENT_TYPE": kind}
        refused(asker.post(path, environ_overrides=environ), 413, "PAYLOAD_TOO_LARGE")
        refused(asker.http.post(path, environ_overrides=environ), 401, "UNAUTHORIZED")

    def test_are_read_no_further_than_the_limit(self, asker: Asker, path: str, kind: str) -> None:
        endless = Endless(KINDS[kind])
        environ = {
            "wsgi.input": endless,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_TYPE": kind,
        }
        refused(asker.post(path, environ_overrides=environ), 413, "PAYLOAD_TOO_LARGE")
        assert endless.taken <= BODY_MAX_BYTES + 2 * 65_536


class TestHealth:
    def test_names_what_there_is(self, asker: Asker) -> None:
        response = asker.http.get("/healthz")
        assert response.json == {
            "status": "ready",
            "models": [{"name": "fake-model", "sha256": "0" * 64}],
            "templateFormat": {"modelId": FAKE_FORMAT.model_id, "modelVersion": FAKE_FORMAT.version},
            "calibration": "fake-1",
            "dimension": 128,
            "reason": None,
        }
        HealthAnswer.model_validate(response.json)

    def test_says_why_not(self, asker: Asker, core: FakeMatchingCore) -> None:
        core.is_away = True
        response = asker.http.get("/healthz")
        assert response.status_code == 503
        assert response.json is not None
        assert (response.json["status"], response.json["reason"]) == ("not_ready", "away")
        assert "Retry-After" in response.headers
        HealthAnswer.model_validate(response.json)


@every_post
def test_a_core_that_is_not_ready_or_busy_is_told_as_such(asker: Asker, core: FakeMatchingCore, path: str) -> None:
    core.is_away = True
    one = {"template": template(b"a")}
    body = {"image": text(b"a"), "probe": one, "references": [one], "gallery": [{"key": "a", **one}], "limit": 1}
    response = asker.post(path, body)
    refused(response, 503, "SERVICE_UNAVAILABLE")
    assert "Retry-After" in response.headers


def test_what_fails_inside_says_nothing_and_is_logged_without_what_was_sent(
    asker: Asker, core: FakeMatchingCore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_image: bytes) -> None:
        raise failures[-1]

    failures = [MatchingFailed("inner detail"), OSError("inner detail")]
    monkeypatch.setattr(core, "create_template", fail)
    for code in ("INTERNAL_ERROR", "VERIFICATION_FAILED"):
        with caplog.at_level(logging.DEBUG):
            response = asker.post("/v1/templates", {"image": text(b"picture" * 9)})
        refused(response, 500, code)
        assert "inner" not in response.text
        assert "inner detail" in caplog.text
        failures.pop()
    assert text(b"picture" * 9)[:20] not in caplog.text
    assert TOKEN not in caplog.text
