"""A client of the matching service over a fake core."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.comparison import FaceTemplate
from app.matching.wire import template_json
from tests.fakes import FAKE_CALIBRATION, FakeMatchingCore, face_of
from tests.matching.served import TOKEN, make_app

Json = dict[str, Any]
FACELESS = b"a picture without a face"
BROKEN = b"no picture"
POSTS = ["/v1/templates", "/v1/compare", "/v1/search"]


class Asker:
    """A client with a token."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.http = app.test_client()

    def post(self, path: str, body: object = None, **more: Any) -> TestResponse:
        if body is not None:
            more["json"] = body
        headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
        return self.http.post(path, headers=headers, **more)

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def core() -> FakeMatchingCore:
    return FakeMatchingCore(faces={FACELESS: None, b"two": two_faces()}, broken={BROKEN})


@pytest.fixture
def asker(core: FakeMatchingCore) -> Asker:
    return Asker(make_app(core))


def two_faces() -> FaceTemplate:
    one = face_of(b"two", second_face_ratio=0.5)
    return FaceTemplate(one.template, one.box, one.interocular_px, one.sharpness, one.second_face_ratio, faces=2)


def text(image: bytes) -> str:
    return base64.b64encode(image).decode("ascii")


def template(image: bytes) -> Json:
    return dict(template_json(face_of(image).template))


def score(one: bytes, other: bytes) -> Json:
    found = FAKE_CALIBRATION.score(face_of(one).template.cosine(face_of(other).template))
    return {"score": found.value, "cosine": found.cosine}


def refused(response: TestResponse, status: int = 400, code: str = "INVALID_REQUEST") -> Json:
    assert response.json is not None
    assert (response.status_code, response.json["error"]) == (status, code), response.text
    assert response.json["requestId"] == response.headers["X-Request-Id"]
    return dict(response.json.get("fields", {}))
