"""The client that integrators copy: typed as the API answers, and repeating only what that does not do twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from app.demo import client as copied
from app.demo.client import (
    LONGEST_WAIT_SECONDS,
    PAGE_ITEMS,
    RETRIES,
    ApiRefused,
    ApiUnreachable,
    BiometricCheck,
    BonafideClient,
    CreatedSession,
    Entity,
    FaceMatch,
    FaceMatchRecord,
    Json,
    Session,
    Validation,
)
from tests.demo.conftest import DemoSite
from tests.portrait import astronaut, close_up, jpeg

PORTRAIT, SELFIE = jpeg(astronaut()), jpeg(close_up())
REASON = "looked at by a person"
Answer = Callable[[httpx.Request], httpx.Response]


def has_type(answer: Mapping[str, object] | None, kind: type) -> bool:
    return answer is not None and answer.keys() == kind.__annotations__.keys()


def enrolled(api: BonafideClient, **fields: str) -> str:
    entity = api.create_entity("Ada", **fields)
    api.import_portrait(entity["id"], PORTRAIT)
    return entity["id"]


def test_entities_and_validations_are_what_their_types_say(site: DemoSite) -> None:
    api = site.api
    entity = api.create_entity("Ada", externalId="ada-1", countryCode="de", attributes={"vip": True})
    assert has_type(entity, Entity)
    assert api.get_entity(entity["id"]) == entity
    assert list(api.entities(external_id="ada-1")) == [entity]
    assert entity in list(api.entities())
    assert api.current_validation(entity["id"]) is None
    imported = api.import_portrait(entity["id"], PORTRAIT, externalSessionId="theirs-1", metadata={"from": ["us"]})
    assert has_type(imported, Validation)
    assert (imported["externalSessionId"], imported["metadata"]) == ("theirs-1", {"from": ["us"]})
    assert api.get_validation(imported["id"]) == api.current_validation(entity["id"]) == imported
    assert list(api.validations(entity["id"])) == [imported]
    assert api.review_validation(imported["id"], "reject", REASON)["status"] == "rejected"
    assert api.review_validation(imported["id"], "approve", REASON)["status"] == "approved"


def test_sessions_are_what_their_types_say(site: DemoSite) -> None:
    api, entity_id = site.api, enrolled(site.api)
    assert api.current_session(entity_id) is None
    created = api.create_session(entity_id, language="es", challenges=3, accessibility={"avoid": ["smile"]})
    assert has_type(created, CreatedSession)
    session = api.get_session(created["id"])
    assert has_type(session, Session)
    assert api.sync_session(created["id"]) == api.current_session(entity_id) == session
    assert list(api.sessions(entity_id, status="pending")) == [session]
    assert api.current_session(entity_id, only_approved=True) is None
    with pytest.raises(ApiRefused) as second:
        api.create_session(entity_id)
    assert (second.value.code, second.value.active_session_id) == ("ACTIVE_SESSION_EXISTS", created["id"])
    with pytest.raises(ApiRefused) as early:
        api.review_session(created["id"], "approve", REASON)
    assert early.value.code == "INVALID_STATE"
    with pytest.raises(ApiRefused) as unseen:
        api.session_image(created["id"], "selfie")
    assert unseen.value.code == "NOT_FOUND"
    assert api.cancel_session(created["id"])["status"] == "cancelled"


def test_checks_are_what_their_types_say(site: DemoSite) -> None:
    api, entity_id = site.api, enrolled(site.api, externalId="ada-2")
    check = api.check_biometric(SELFIE, externalEntityId="ada-2")
    assert has_type(check, BiometricCheck)
    assert check["match"] is True
    matched = api.match_faces(PORTRAIT, SELFIE, entityId=entity_id, scoreThreshold=40, vendorData="user-7")
    assert has_type(matched, FaceMatch)
    assert (matched["status"], matched["scoreDeclineThreshold"]) == ("approved", 40)
    record = api.get_face_match(matched["verificationId"])
    assert has_type(record, FaceMatchRecord)
    assert list(api.face_matches(entity_id, status="approved")) == [record]
    assert api.face_match_image(record["id"], "document") == PORTRAIT
    assert api.face_match_image(record["id"], "selfie") == SELFIE


def test_settings_are_read_and_changed(site: DemoSite) -> None:
    before = site.api.get_settings()
    after = site.api.change_settings(scoreDeclineThreshold=35)
    changed = {name for name in before if after[name] != before[name]}
    assert changed <= {"scoreDeclineThreshold", "policyVersion", "updatedAt"}
    assert (after["scoreDeclineThreshold"], after["policyVersion"]) == (35, before["policyVersion"] + 1)
    assert site.api.get_settings() == after


def test_the_same_key_gives_the_same_session(site: DemoSite) -> None:
    entity_id = enrolled(site.api)
    first = site.api.create_session(entity_id, idempotency_key="order-1", language="pt")
    assert site.api.create_session(entity_id, idempotency_key="order-1", language="pt") == first
    with pytest.raises(ApiRefused) as other:
        site.api.create_session(entity_id, idempotency_key="order-1", language="en")
    assert other.value.code == "IDEMPOTENCY_CONFLICT"


def test_a_refusal_says_what_is_wrong_with_which_field(site: DemoSite) -> None:
    with pytest.raises(ApiRefused) as refused:
        site.api.create_session("no id", challenges=99)
    assert (refused.value.status, refused.value.code) == (400, "INVALID_REQUEST")
    assert refused.value.fields.keys() == {"entityId", "challenges"}
    assert refused.value.request_id is not None
    assert refused.value.request_id in str(refused.value)


def refusal(status: int, code: str, **headers: str) -> Answer:
    body = {"error": code, "message": "…", "requestId": "req_1"}
    return lambda _: httpx.Response(
        status, json=body, headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def unreachable(error: type[httpx.TransportError]) -> Answer:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return fail


def fine(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"id": "1"})


class Server:
    """Gives these answers one after the other, and remembers what it was asked and how long it was left alone."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked, self.slept = list(answers), list[httpx.Request](), list[float]()
        transport = httpx.MockTransport(self._answer)
        self.client = BonafideClient(
            "https://a.example", "bf_test_x", transport=transport, sleep=self.slept.append
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        return self.answers.pop(0)(request)


TRANSIENT = [
    refusal(429, "RATE_LIMITED", Retry_After="7"),
    refusal(503, "SERVICE_UNAVAILABLE", Retry_After="7"),
    refusal(409, "IDEMPOTENCY_IN_PROGRESS", Retry_After="7"),
]


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_what_will_pass_is_waited_for_as_long_as_the_server_says(trouble: Answer) -> None:
    server = Server(trouble, trouble, fine)
    server.client.create_session("1")
    assert server.slept == [7, 7]
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1
    assert len({request.content for request in server.asked}) == 1


def test_two_creates_have_two_keys_unless_the_caller_names_one() -> None:
    server = Server(fine, fine, fine)
    for key in (None, None, "order-1"):
        server.client.create_session("1", idempotency_key=key)
    keys = [request.headers["Idempotency-Key"] for request in server.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "order-1"


def test_it_gives_up_after_a_few_tries_and_waits_longer_each_time() -> None:
    server = Server(*[refusal(503, "SERVICE_UNAVAILABLE")] * (RETRIES + 1))
    with pytest.raises(ApiRefused) as refused:
        server.client.get_session("1")
    assert refused.value.code == "SERVICE_UNAVAILABLE"
    assert len(server.asked) == RETRIES + 1
    for attempt, wait in enumerate(server.slept):
        assert 0.5 <= wait / (copied.FIRST_WAIT_SECONDS * 2**attempt) <= 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(429, "RATE_LIMITED", Retry_After=str(LONGEST_WAIT_SECONDS + 1).split(".")[0]),
        refusal(429, "ENTITY_PAUSED", Retry_After="3600"),
        refusal(429, "ENTITY_PAUSED", Retry_After="3"),
        refusal(403, "QUOTA_EXCEEDED"),
        refusal(409, "IDEMPOTENCY_CONFLICT"),
        refusal(500, "VERIFICATION_FAILED"),
    ],
)
def test_what_waiting_does_not_change_is_told_at_once(answer: Answer) -> None:
    server = Server(answer)
    with pytest.raises(ApiRefused):
        server.client.create_session("1")
    assert server.slept == []


def test_how_long_to_wait_is_in_the_refusal() -> None:
    with pytest.raises(ApiRefused) as refused:
        Server(refusal(429, "ENTITY_PAUSED", Retry_After="3600")).client.create_session("1")
    assert refused.value.retry_after_seconds == 3600


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_create_survives_a_network_that_fails(error: type[httpx.TransportError]) -> None:
    server = Server(unreachable(error), fine)
    server.client.import_portrait("1", PORTRAIT)
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1


DEEDS: list[Callable[[BonafideClient], object]] = [
    lambda client: client.cancel_session("1"),
    lambda client: client.review_session("1", "approve", REASON),
    lambda client: client.change_settings(maxAttempts=2),
]


@pytest.mark.parametrize("do", DEEDS)
def test_what_may_have_been_done_is_not_done_again_without_a_key(do: Callable[[BonafideClient], object]) -> None:
    lost, never_sent = Server(unreachable(httpx.ReadTimeout)), Server(unreachable(httpx.ConnectError), fine)
    with pytest.raises(ApiUnreachable):
        do(lost.client)
    do(never_sent.client)
    assert (len(lost.asked), len(never_sent.asked)) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(502, text="<h1>Bad Gateway</h1>"),
        lambda _: httpx.Response(404, json=["not ours"]),
        lambda _: httpx.Response(200, text="<h1>Welcome</h1>"),
    ],
)
def test_somebody_elses_answer_is_no_answer(answer: Answer) -> None:
    with pytest.raises(ApiUnreachable):
        Server(answer).client.get_session("1")


def test_a_list_is_read_page_by_page_and_shows_nothing_twice() -> None:
    """Somebody opens a session while it is read: all others move on by one."""
    newest_first = [{"id": str(number)} for number in range(PAGE_ITEMS + 50, 0, -1)]

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["entityId"] == "e"
        assert "status" not in request.url.params
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        body: Json = {"sessions": newest_first[offset : offset + limit]}
        body["pagination"] = {"limit": limit, "offset": offset, "total": len(newest_first)}
        newest_first.insert(0, {"id": "new"})
        return httpx.Response(200, json=body)

    server = Server(answer, answer)
    read: list[Any] = [session["id"] for session in server.client.sessions("e")]
    assert read == [str(number) for number in range(PAGE_ITEMS + 50, 0, -1)]


def test_an_empty_list_ends_whatever_total_it_names() -> None:
    page = {"sessions": [], "pagination": {"limit": 100, "offset": 0, "total": 7}}
    server = Server(lambda _: httpx.Response(200, content=json.dumps(page)))
    assert list(server.client.sessions()) == []
