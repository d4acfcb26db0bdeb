"""The public API while its matching core is elsewhere."""

from __future__ import annotations

import io

import pytest

from app.matching.remote import RemoteMatchingCore
from tests.api.conftest import Answer, Api
from tests.fakes import FakeMatchingCore
from tests.live_server import free_port
from tests.matching.served import Slept, remote, serving


def enrol(api: Api, core: RemoteMatchingCore, monkeypatch: pytest.MonkeyPatch, portrait: bytes) -> Answer:
    services = api.app.extensions["bonafide-api"]
    for use_case in (services.import_validation, services.check_readiness):
        monkeypatch.setitem(vars(use_case), "core", core)
    entity = api.post("/api/entities", {"type": "person", "name": "Ada"}).json["id"]
    form = {"entityId": entity, "status": "approved", "portrait": (io.BytesIO(portrait), "p.jpg")}
    return api.post("/api/kyc/validations/import", data=form)


def test_a_portrait_is_described_by_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FakeMatchingCore()) as url, remote(url) as core:
        assert enrol(api, core, monkeypatch, b"portrait").status_code == 201
        assert api.open("/readyz").status_code == 200


def test_a_portrait_that_is_broken_is_told_in_its_words(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FakeMatchingCore(broken={b"portrait"})) as url, remote(url) as core:
        answer = enrol(api, core, monkeypatch, b"portrait")
    assert answer.status_code == 400
    assert answer.json["fields"] == {"portrait": "The image is broken."}


@pytest.mark.parametrize("state", ["out of reach", "not ready", "refuses the token"])
def test_while_it_is_away_a_caller_is_told_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    slept = Slept()
    with serving(FakeMatchingCore(is_away=state == "not ready")) as url:
        address = f"http://127.0.0.1:{free_port()}" if state == "out of reach" else url
        token = "x" * 40 if state == "refuses the token" else "a-token-of-the-matching-service-0001"
        with remote(address, slept, retries=2, token=token) as core:
            answer = enrol(api, core, monkeypatch, b"portrait")
            ready = api.open("/readyz")
    assert (answer.status_code, answer.json["error"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(slept.seconds) == (0 if state == "refuses the token" else 2)
    assert ready.status_code == 503
    assert ready.json["problems"]["matching"].startswith("remote matching core: ")
