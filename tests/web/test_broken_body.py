"""A body that breaks off is the sender's fault, whatever the server's own reader raises."""

from __future__ import annotations

import pytest
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from app.web.application import install_web
from app.web.requests import read_json


class Thing(BaseModel):
    name: str


class BrokenOff:
    """What gunicorn hands over where the chunks of a body are none."""

    def read(self, *_: object) -> bytes:
        raise OSError("InvalidChunkSize")

    readline = read


@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": "20"}, {"wsgi.input_terminated": True}])
def test_a_body_that_breaks_off_is_400(headers: dict[str, object]) -> None:
    app = Flask("test", static_folder=None)
    install_web(app, lambda: "1", 1024)

    @app.post("/thing")
    def thing() -> ResponseReturnValue:
        return jsonify(read_json(Thing).name)

    answer = app.test_client().post(
        "/thing",
        content_type="application/json",
        environ_overrides={"wsgi.input": BrokenOff(), **headers},
    )
    assert (answer.status_code, answer.get_json()["error"]) == (400, "INVALID_REQUEST")
