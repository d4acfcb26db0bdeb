"""Webhook endpoints over the API: made with a secret that is shown once, read, changed, rotated and removed."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.tables import Base
from app.domain.event import EventName
from app.domain.moment import iso
from app.domain.organization import Scope
from tests.api.conftest import ENDPOINTS_MAX, Answer, Api
from tests.api.keyed import send
from tests.fakes import EPOCH

WEBHOOKS = "/api/webhooks"
URL = "https://shop.example/hooks?token=opens-a-door"
UNKNOWN = f"{WEBHOOKS}/01900000-0000-7000-8000-ffffffffffff"
NOW = iso(EPOCH)


def after(**how_long: float) -> str:
    return iso(EPOCH + timedelta(**how_long))


def make(api: Api, key: str | None = None, **fields: object) -> dict[str, Any]:
    answer = api.post(WEBHOOKS, {"url": URL, "events": ["biometric.*"], **fields}, key=key)
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


def patch(api: Api, webhook_id: str, json: object, key: str | None = None) -> Answer:
    return api.open(f"{WEBHOOKS}/{webhook_id}", "PATCH", headers=api.headers(key), json=json)


def delete(api: Api, webhook_id: str, key: str | None = None) -> Answer:
    return api.open(f"{WEBHOOKS}/{webhook_id}", "DELETE", headers=api.headers(key))


def rotate(api: Api, webhook_id: str, body: object = None, key: str | None = None) -> Answer:
    return api.post(f"{WEBHOOKS}/{webhook_id}/rotate-secret", body, key=key)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def without_secret(webhook: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in webhook.items() if name != "secret"}


def everything_stored(engine: Engine) -> bytes:
    """Every value of every row, as text and as bytes."""
    found = bytearray()
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(sa.text(f"SELECT * FROM {table.name}")):  # noqa: S608 (our own names)
                for value in row:
                    found += bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    return bytes(found)


def test_an_endpoint_is_made_and_read_and_its_secret_is_shown_once(api: Api) -> None:
    made = make(api)
    assert made == {
        "id": made["id"],
        "url": URL,
        "events": ["biometric.*"],
        "enabled": True,
        "disabledReason": None,
        "createdAt": NOW,
        "updatedAt": NOW,
        "previousValidUntil": None,
        "secret": made["secret"],
    }
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert api.get(f"{WEBHOOKS}/{made['id']}").json == without_secret(made)
    assert api.get(f"{WEBHOOKS}/{made['id'].upper()}").json == without_secret(made)
    assert api.get(WEBHOOKS).json["webhooks"] == [without_secret(made)]
    assert patch(api, made["id"], {"enabled": False}).json.keys() == without_secret(made).keys()
    assert delete(api, made["id"]).json.keys() == without_secret(made).keys()


def test_no_secret_is_stored_in_the_clear(api: Api, engine: Engine) -> None:
    answers = [send(api, WEBHOOKS, "one", {"json": {"url": URL, "events": ["*"]}}).json]
    answers.append(send(api, f"{WEBHOOKS}/{answers[0]['id']}/rotate-secret", "two", {"json": {}}).json)
    stored = everything_stored(engine)
    assert URL.encode() in stored
    for secret in (answer["secret"] for answer in answers):
        raw = base64.b64decode(secret.removeprefix("whsec_"))
        for form in (secret.encode(), secret.removeprefix("whsec_").encode(), raw, raw.hex().encode()):
            assert form not in stored


def test_each_endpoint_has_a_secret_of_its_own_and_not_the_organizations(api: Api) -> None:
    found = [make(api)["secret"], make(api)["secret"]]
    found.append(make(api, key=api.new_key(is_test=False))["secret"])
    found.append(make(api, key=api.new_key(organization=api.new_organization()))["secret"])
    found.append(api.post("/api/kyc/settings/webhook-secret").json["secret"])
    assert len(set(found)) == len(found)


def test_doubles_count_once_and_stay_in_order(api: Api) -> None:
    made = make(api, events=["kyc.*", "biometric.session_approved", "kyc.*", "*", "biometric.session_approved"])
    assert made["events"] == ["kyc.*", "biometric.session_approved", "*"]
    assert patch(api, made["id"], {"events": ["*", "*"]}).json["events"] == ["*"]


def test_every_event_can_be_asked_for_by_its_name(api: Api) -> None:
    names = [name.value for name in EventName]
    assert make(api, events=names)["events"] == names


def test_an_endpoint_is_changed_in_parts(api: Api) -> None:
    made = make(api)
    api.clock.advance(minutes=1)
    switched_off = patch(api, made["id"], {"enabled": False})
    assert switched_off.status_code == 200
    assert switched_off.json == without_secret(made) | {
        "enabled": False,
        "disabledReason": "switched_off",
        "updatedAt": after(minutes=1),
    }
    api.clock.advance(minutes=1)
    moved = patch(api, made["id"], {"url": "https://other.example/", "events": ["kyc.*"]})
    assert moved.json == switched_off.json | {
        "url": "https://other.example/",
        "events": ["kyc.*"],
        "updatedAt": after(minutes=2),
    }
    switched_on = patch(api, made["id"], {"enabled": True, "url": None, "events": None})
    assert switched_on.json == moved.json | {"enabled": True, "disabledReason": None}
    assert api.get(f"{WEBHOOKS}/{made['id']}").json == switched_on.json


@pytest.mark.parametrize("body", [{}, {"enabled": True}, {"url": URL, "events": ["biometric.*"]}, {"id": "x"}])
def test_what_changes_nothing_leaves_no_trace(api: Api, body: object) -> None:
    made = make(api)
    trail = api.actions()
    api.clock.advance(minutes=1)
    assert patch(api, made["id"], body).json == without_secret(made)
    assert api.actions() == trail


def test_a_secret_is_rotated_with_an_overlap(api: Api) -> None:
    made = make(api)
    api.clock.advance(hours=1)
    rotated = rotate(api, made["id"])
    assert rotated.status_code == 201
    assert rotated.json == made | {
        "secret": rotated.json["secret"],
        "updatedAt": after(hours=1),
        "previousValidUntil": after(hours=25),
    }
    assert rotated.json["secret"] != made["secret"]
    assert api.get(f"{WEBHOOKS}/{made['id']}").json == without_secret(rotated.json)
    api.clock.advance(hours=24)
    assert api.get(f"{WEBHOOKS}/{made['id']}").json["previousValidUntil"] is None


def test_an_overlap_is_chosen_and_only_the_last_secret_signs_on(api: Api) -> None:
    made = make(api)
    longest = 30 * 86_400
    assert rotate(api, made["id"], {"overlapSeconds": longest}).json["previousValidUntil"] == after(days=30)
    assert rotate(api, made["id"], {"overlapSeconds": 60}).json["previousValidUntil"] == after(minutes=1)
    assert rotate(api, made["id"], {"overlapSeconds": 0}).json["previousValidUntil"] is None
    wrong_overlaps: list[object] = [-1, longest + 1, 1.5, "60", True, []]
    for wrong in wrong_overlaps:
        answer = rotate(api, made["id"], {"overlapSeconds": wrong})
        assert refusal(answer) == (400, "INVALID_REQUEST")
        assert list(answer.json["fields"]) == ["overlapSeconds"]


def test_secrets_never_come_again(api: Api) -> None:
    made = make(api)
    found = [made["secret"], *(rotate(api, made["id"]).json["secret"] for _ in range(4))]
    assert len(set(found)) == len(found)


def test_a_removed_endpoint_is_gone(api: Api) -> None:
    made = make(api)
    removed = delete(api, made["id"])
    assert (removed.status_code, removed.json) == (200, without_secret(made))
    for answer in (
        delete(api, made["id"]),
        api.get(f"{WEBHOOKS}/{made['id']}"),
        patch(api, made["id"], {"enabled": True}),
        rotate(api, made["id"]),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")
    assert api.get(WEBHOOKS).json["webhooks"] == []


def test_the_list_comes_in_pages_newest_first(api: Api) -> None:
    made = []
    for number in range(3):
        api.clock.advance(seconds=1)
        made.append(make(api, url=f"https://shop.example/{number}"))
    newest_first = [without_secret(one) for one in reversed(made)]
    page = api.get(f"{WEBHOOKS}?limit=2").json
    assert page == {"webhooks": newest_first[:2], "pagination": {"limit": 2, "offset": 0, "total": 3}}
    assert api.get(f"{WEBHOOKS}?limit=2&offset=2").json["webhooks"] == newest_first[2:]
    assert api.get(f"{WEBHOOKS}?offset=99").json["webhooks"] == []
    for query in ("limit=0", "limit=101", "limit=x", "offset=-1"):
        assert refusal(api.get(f"{WEBHOOKS}?{query}")) == (400, "INVALID_REQUEST")


def test_test_and_live_endpoints_do_not_know_each_other(api: Api) -> None:
    live = api.new_key(is_test=False)
    in_test, in_live = make(api), make(api, key=live)
    assert [one["id"] for one in api.get(WEBHOOKS).json["webhooks"]] == [in_test["id"]]
    assert [one["id"] for one in api.get(WEBHOOKS, key=live).json["webhooks"]] == [in_live["id"]]
    for answer in (
        api.get(f"{WEBHOOKS}/{in_test['id']}", key=live),
        patch(api, in_test["id"], {"enabled": False}, key=live),
        rotate(api, in_test["id"], key=live),
        delete(api, in_test["id"], key=live),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")
    assert api.get(f"{WEBHOOKS}/{in_test['id']}").json == without_secret(in_test)


def test_another_organization_learns_and_changes_nothing(api: Api) -> None:
    made = make(api)
    stranger = api.new_key(organization=api.new_organization())
    for path, method in ((made["id"], "GET"), (made["id"], "PATCH"), (made["id"], "DELETE")):
        foreign = api.open(f"{WEBHOOKS}/{path}", method, headers=api.headers(stranger), json={"enabled": False})
        unknown = api.open(UNKNOWN, method, headers=api.headers(stranger), json={"enabled": False})
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json | {"requestId": ""} == unknown.json | {"requestId": ""}
    assert api.get(WEBHOOKS, key=stranger).json["pagination"]["total"] == 0
    assert api.get(f"{WEBHOOKS}/{made['id']}").json == without_secret(made)


def test_reading_does_not_allow_writing(api: Api) -> None:
    made = make(api)
    reader, writer = api.new_key(Scope.WEBHOOKS_READ), api.new_key(Scope.WEBHOOKS_WRITE)
    assert api.get(f"{WEBHOOKS}/{made['id']}", key=reader).status_code == 200
    assert refusal(api.get(WEBHOOKS, key=writer)) == (403, "FORBIDDEN")
    for answer in (
        api.post(WEBHOOKS, {"url": URL, "events": ["*"]}, key=reader),
        patch(api, made["id"], {"enabled": False}, key=reader),
        rotate(api, made["id"], key=reader),
        delete(api, made["id"], key=reader),
    ):
        assert refusal(answer) == (403, "FORBIDDEN")
    assert delete(api, made["id"], key=writer).status_code == 200


def test_there_are_only_so_many_in_each_mode(api: Api) -> None:
    made = [make(api) for _ in range(ENDPOINTS_MAX)]
    full = api.post(WEBHOOKS, {"url": URL, "events": ["*"]})
    assert refusal(full) == (409, "INVALID_STATE")
    assert make(api, key=api.new_key(is_test=False))
    assert make(api, key=api.new_key(organization=api.new_organization()))
    delete(api, made[0]["id"])
    assert make(api)


def test_many_at_once_do_not_come_to_more(api: Api) -> None:
    for _ in range(ENDPOINTS_MAX - 3):
        make(api)

    def one(_: int) -> int:
        return api.post(WEBHOOKS, {"url": URL, "events": ["*"]}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(one, range(8)))
    assert statuses == [201] * 3 + [409] * 5
    assert api.get(WEBHOOKS).json["pagination"]["total"] == ENDPOINTS_MAX


def test_a_create_that_is_sent_twice_happens_once(api: Api) -> None:
    request = {"json": {"url": URL, "events": ["*"]}}
    first, again = (send(api, WEBHOOKS, "same", request) for _ in range(2))
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = send(api, WEBHOOKS, "same", {"json": {"url": URL, "events": ["kyc.*"]}})
    assert (other.status_code, other.outcome) == (409, "IDEMPOTENCY_CONFLICT")
    path = f"{WEBHOOKS}/{first.json['id']}/rotate-secret"
    once, twice = (send(api, path, "rotation", {"json": {}}) for _ in range(2))
    assert once.data == twice.data
    assert api.get(WEBHOOKS).json["pagination"]["total"] == 1


def test_deliveries_is_no_endpoint(api: Api) -> None:
    assert api.get(f"{WEBHOOKS}/deliveries").json.keys() == {"deliveries", "pagination"}
    for method in ("PATCH", "DELETE"):
        answer = api.open(f"{WEBHOOKS}/deliveries", method, headers=api.headers(), json={"enabled": False})
        assert refusal(answer) == (404, "NOT_FOUND")
    assert refusal(api.post(f"{WEBHOOKS}/deliveries/rotate-secret")) in ((404, "NOT_FOUND"), (405, "NOT_FOUND"))


def test_what_was_done_is_audited_without_secrets_and_paths(api: Api) -> None:
    made = make(api)
    patch(api, made["id"], {"url": "https://new.example:8443/x?token=another-door", "enabled": False})
    rotated = rotate(api, made["id"], {"overlapSeconds": 60}).json
    delete(api, made["id"])
    with api.store.read() as uow:
        entries = [
            entry
            for entry in uow.audit.of_organization(api.organization.organization_id)
            if entry.object_type == "webhook"
        ]
    assert {entry.object_id for entry in entries} == {made["id"]}
    assert [(entry.action, entry.detail) for entry in entries] == [
        ("webhook.created", {"host": "shop.example", "events": ["biometric.*"], "isTest": True}),
        (
            "webhook.changed",
            {
                "url": {"from": "shop.example", "to": "new.example:8443"},
                "enabled": {"from": True, "to": False},
            },
        ),
        ("webhook.secret_rotated", {"version": 2, "previousValidUntil": after(minutes=1)}),
        ("webhook.removed", {"host": "new.example:8443"}),
    ]
    for hidden in (made["secret"], rotated["secret"], "opens-a-door", "another-door"):
        assert hidden not in str(entries)
