"""A server as it is started delivers by itself: an endpoint and a session's own address hear of an end."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.live_server import Api, LiveServer
from tests.portrait import astronaut, jpeg
from tests.receiver import Receiver, running_receiver

EXPIRED = "biometric.session_expired"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def test_a_running_server_tells_of_the_end_of_a_session(server: LiveServer, api: Api, receiver: Receiver) -> None:
    made = api.http.post("/api/webhooks", json={"url": f"{receiver.url}/endpoint", "events": ["biometric.*"]})
    assert made.status_code == 201, made.text
    session = api.open_session(api.enrol("Told Of", jpeg(astronaut())), webhookUrl=f"{receiver.url}/own")
    server.age_session(session["id"], timedelta(seconds=1))
    assert api.session(session["id"])["status"] == "expired"
    received = receiver.wait_for(3)
    told = [(request.path, json.loads(request.body)) for request in received]
    of_session = [(path, event) for path, event in told if event["payload"]["id"] == session["id"]]
    assert sorted((path, event["event"]) for path, event in of_session) == [
        ("/endpoint", "biometric.session_created"),
        ("/endpoint", EXPIRED),
        ("/own", EXPIRED),
    ]
    ends = [request for request in received if json.loads(request.body)["event"] == EXPIRED]
    assert len({request.headers["webhook-id"] for request in ends}) == 1
    (signed,) = [request for request in ends if request.path == "/endpoint"]
    expected = hmac.new(made.json()["secret"].encode(), signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["x-webhook-signature"] == expected
    assert api.http.delete(f"/api/webhooks/{made.json()['id']}").is_success
    assert receiver.url not in server.log.read_text()
