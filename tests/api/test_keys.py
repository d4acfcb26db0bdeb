"""API keys over the API: made, read, rotated and revoked by a key with the scope `admin`, of its own mode only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.moment import iso
from app.domain.organization import Scope
from app.services.authenticate import KEY_FORMAT
from tests.api.conftest import Answer, Api
from tests.fakes import EPOCH

KEYS = "/api/keys"
ONE = {"name": "shop", "scopes": ["sessions:read", "sessions:write"]}
UNKNOWN = f"{KEYS}/01900000-0000-7000-8000-ffffffffffff"
NOW = iso(EPOCH)


def after(**how_long: float) -> str:
    return iso(EPOCH + timedelta(**how_long))


def make(api: Api, key: str | None = None, **fields: object) -> dict[str, Any]:
    answer = api.post(KEYS, {**ONE, **fields}, key=key)
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


def delete(api: Api, key_id: str, key: str | None = None) -> Answer:
    return api.open(f"{KEYS}/{key_id}", "DELETE", headers=api.headers(key))


def works(api: Api, key: str) -> bool:
    return api.get(f"{KEYS}?limit=1", key=key).status_code != 401


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def own_id(api: Api) -> str:
    (key,) = api.get(KEYS).json["keys"]
    key_id: str = key["id"]
    return key_id


def test_a_key_is_shown_once_and_works(api: Api) -> None:
    made = make(api)
    assert made == {
        "id": made["id"],
        "name": "shop",
        "prefix": made["key"][:14],
        "scopes": ["sessions:read", "sessions:write"],
        "mode": "test",
        "state": "active",
        "createdAt": NOW,
        "expiresAt": None,
        "revokedAt": None,
        "replaces": None,
        "rotatedTo": None,
        "key": made["key"],
    }
    assert KEY_FORMAT.fullmatch(made["key"])
    assert api.get("/api/kyc/biometric/sessions", key=made["key"]).status_code == 200
    read = api.get(f"{KEYS}/{made['id'].upper()}")
    listed = api.get(KEYS)
    without_secret = {name: value for name, value in made.items() if name != "key"}
    assert read.json == without_secret
    assert listed.json["keys"][0] == without_secret
    assert listed.headers["Cache-Control"] == "no-store"


def test_scopes_named_twice_count_once_and_come_in_one_order(api: Api) -> None:
    made = make(api, scopes=["media:read", "sessions:read", "media:read"])
    assert made["scopes"] == ["sessions:read", "media:read"]


def test_a_key_ends_when_its_days_are_over(api: Api) -> None:
    made = make(api, scopes=["admin"], expiresInDays=3)
    assert made["expiresAt"] == after(days=3)
    api.clock.advance(days=3, seconds=-1)
    assert works(api, made["key"])
    api.clock.advance(seconds=1)
    assert not works(api, made["key"])
    assert api.get(f"{KEYS}/{made['id']}").json["state"] == "expired"


def test_pages_are_cut_as_asked_newest_first(api: Api) -> None:
    for number in range(3):
        make(api, name=str(number))
    page = api.get(f"{KEYS}?limit=2&offset=1").json
    assert [key["name"] for key in page["keys"]] == ["1", "0"]
    assert page["pagination"] == {"limit": 2, "offset": 1, "total": 4}
    assert api.get(f"{KEYS}?offset=99").json["keys"] == []


@pytest.mark.parametrize("mode", ["test", "live"])
def test_each_mode_has_its_own_keys(api: Api, mode: str) -> None:
    own = api.new_key(is_test=mode == "test")
    other = api.new_key(is_test=mode != "test")
    made = make(api, key=own, mode=mode)
    assert made["mode"] == mode
    assert made["key"].startswith(f"bf_{mode}_")
    assert make(api, key=own, mode=None)["mode"] == mode
    wrong = "live" if mode == "test" else "test"
    assert refusal(api.post(KEYS, {**ONE, "mode": wrong}, key=own)) == (403, "FORBIDDEN")
    assert made["id"] not in {key["id"] for key in api.get(KEYS, key=other).json["keys"]}
    for answer in (
        api.get(f"{KEYS}/{made['id']}", key=other),
        api.post(f"{KEYS}/{made['id']}/rotate", key=other),
        delete(api, made["id"], key=other),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")
    assert api.get(f"{KEYS}/{made['id']}", key=own).json["state"] == "active"


def test_another_organizations_key_reads_like_none(api: Api) -> None:
    made = make(api)
    stranger = api.new_key(organization=api.new_organization())
    for method, path in (("GET", ""), ("POST", "/rotate"), ("DELETE", "")):
        answers = []
        for key_path in (f"{KEYS}/{made['id']}", UNKNOWN, f"{KEYS}/malformed"):
            answer = api.open(f"{key_path}{path}", method, headers=api.headers(stranger))
            answers.append({**answer.json, "requestId": None})
            assert answer.status_code == 404
        assert answers[0] == answers[1] == answers[2]
    assert api.get(f"{KEYS}/{made['id']}").json["state"] == "active"


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.ADMIN])
def test_no_other_scope_touches_keys(api: Api, scope: Scope) -> None:
    made, key = make(api), api.new_key(scope)
    for method, path, body in (
        ("POST", KEYS, {**ONE, "scopes": [scope.value]}),
        ("GET", KEYS, None),
        ("GET", f"{KEYS}/{made['id']}", None),
        ("POST", f"{KEYS}/{made['id']}/rotate", {}),
        ("DELETE", f"{KEYS}/{made['id']}", None),
    ):
        assert refusal(api.open(path, method, headers=api.headers(key), json=body)) == (403, "FORBIDDEN")


def test_a_rotated_key_works_beside_its_successor_until_the_overlap_ends(api: Api) -> None:
    old = make(api, scopes=["admin"])
    rotated = api.post(f"{KEYS}/{old['id']}/rotate")
    new = rotated.json
    assert rotated.status_code == 201
    assert new == {
        **old,
        "id": new["id"],
        "key": new["key"],
        "prefix": new["key"][:14],
        "replaces": old["id"],
    }
    standing = api.get(f"{KEYS}/{old['id']}").json
    assert (standing["state"], standing["rotatedTo"], standing["expiresAt"]) == (
        "rotated",
        new["id"],
        after(days=1),
    )
    assert works(api, old["key"])
    api.clock.advance(hours=24)
    assert (works(api, old["key"]), works(api, new["key"])) == (False, True)
    assert api.get(f"{KEYS}/{old['id']}").json["state"] == "expired"


def test_a_key_that_rotates_itself_without_overlap_goes_on_with_the_new_one(api: Api) -> None:
    answer = api.post(f"{KEYS}/{own_id(api)}/rotate", {"overlapSeconds": 0, "expiresInDays": 30})
    assert answer.json["expiresAt"] == after(days=30)
    assert refusal(api.get(KEYS)) == (401, "UNAUTHORIZED")
    assert works(api, answer.json["key"])


@pytest.mark.parametrize("body", [None, {}, {"overlapSeconds": None, "expiresInDays": None}, {"surprise": 1}])
def test_nothing_need_be_said_of_a_rotation(api: Api, body: object) -> None:
    made = make(api)
    assert api.post(f"{KEYS}/{made['id']}/rotate", body).status_code == 201
    assert api.get(f"{KEYS}/{made['id']}").json["expiresAt"] == after(days=1)


def test_the_longest_overlap_is_thirty_days_and_never_beyond_the_keys_own_end(api: Api) -> None:
    longest = {"overlapSeconds": 30 * 24 * 3600}
    for days, end in ((None, after(days=30)), (7, after(days=7))):
        made = make(api, expiresInDays=days)
        assert api.post(f"{KEYS}/{made['id']}/rotate", longest).status_code == 201
        assert api.get(f"{KEYS}/{made['id']}").json["expiresAt"] == end


def test_a_key_is_rotated_once(api: Api) -> None:
    made = make(api)
    first = api.post(f"{KEYS}/{made['id']}/rotate")
    again = api.post(f"{KEYS}/{made['id']}/rotate")
    assert (first.status_code, *refusal(again)) == (201, 409, "INVALID_STATE")
    assert api.get(f"{KEYS}/{made['id']}").json["rotatedTo"] == first.json["id"]


def test_what_has_ended_is_not_rotated(api: Api) -> None:
    revoked, expired = make(api), make(api, expiresInDays=1)
    delete(api, revoked["id"])
    api.clock.advance(days=1)
    for made in (revoked, expired):
        assert refusal(api.post(f"{KEYS}/{made['id']}/rotate")) == (409, "INVALID_STATE")


def test_of_parallel_rotations_one_wins(api: Api) -> None:
    made = make(api)
    path = f"{KEYS}/{made['id']}/rotate"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post(path), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json["error"] for answer in answers if answer.status_code == 409} == {"INVALID_STATE"}
    assert api.get(KEYS).json["pagination"]["total"] == 3


def test_a_revoked_key_is_refused_and_says_so_in_the_list(api: Api) -> None:
    made = make(api, scopes=["admin"])
    api.clock.advance(minutes=1)
    answer = delete(api, made["id"])
    assert (answer.status_code, answer.json["state"], answer.json["revokedAt"]) == (
        200,
        "revoked",
        after(minutes=1),
    )
    assert "key" not in answer.json
    assert not works(api, made["key"])
    assert api.get(f"{KEYS}/{made['id']}").json == answer.json
    assert refusal(delete(api, made["id"])) == (409, "INVALID_STATE")


def test_the_last_key_may_revoke_itself_and_the_operator_makes_another(api: Api) -> None:
    assert delete(api, own_id(api)).status_code == 200
    assert refusal(api.get(KEYS)) == (401, "UNAUTHORIZED")
    assert [key["state"] for key in api.get(KEYS, key=api.new_key()).json["keys"]] == ["active", "revoked"]


def test_who_made_rotated_and_revoked_is_in_the_trail(api: Api) -> None:
    actor = f"api_key:{own_id(api)}"
    made = make(api)
    api.post(f"{KEYS}/{made['id']}/rotate")
    delete(api, made["id"])
    assert api.actions()[1:] == [
        (actor, "api_key.created"),
        (actor, "api_key.rotated"),
        (actor, "api_key.created"),
        (actor, "api_key.revoked"),
    ]


@pytest.mark.parametrize("path", ["", "/rotate"])
def test_a_create_that_is_sent_twice_makes_one_key(api: Api, path: str) -> None:
    """The answer is kept encrypted for as long as it may be asked for again."""
    first = f"/{make(api)['id']}/rotate" if path else ""
    headers = {**api.headers(), "Idempotency-Key": "once"}
    answers = [api.open(f"{KEYS}{first}", "POST", headers=headers, json=ONE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert works(api, answers[0].json["key"])
    assert api.get(KEYS).json["pagination"]["total"] == (3 if path else 2)


DAYS = "expiresInDays"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"scopes": None}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "admin"}, "scopes"),
        ({"scopes": {"admin": True}}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": ["admin", None]}, "scopes.1"),
        ({"scopes": [["admin"]]}, "scopes.0"),
        ({"scopes": ["ADMIN"]}, "scopes.0"),
        ({"scopes": ["admin"] * 33}, "scopes"),
        ({"mode": "TEST"}, "mode"),
        ({"mode": ""}, "mode"),
        ({"mode": True}, "mode"),
        ({DAYS: 0}, DAYS),
        ({DAYS: -1}, DAYS),
        ({DAYS: 3651}, DAYS),
        ({DAYS: 2**63 - 1}, DAYS),
        ({DAYS: "7"}, DAYS),
        ({DAYS: 7.0}, DAYS),
        ({DAYS: True}, DAYS),
        ({DAYS: [7]}, DAYS),
    ],
)
def test_wrong_fields_are_named(api: Api, change: dict[str, object], field: str) -> None:
    answer = api.post(KEYS, {**ONE, **change})
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]
    assert api.get(KEYS).json["pagination"]["total"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"overlapSeconds": -1}, "overlapSeconds"),
        ({"overlapSeconds": 30 * 24 * 3600 + 1}, "overlapSeconds"),
        ({"overlapSeconds": 1.5}, "overlapSeconds"),
        ({"overlapSeconds": "60"}, "overlapSeconds"),
        ({"overlapSeconds": False}, "overlapSeconds"),
        ({"overlapSeconds": {}}, "overlapSeconds"),
        ({DAYS: 0}, DAYS),
        ({DAYS: 10**30}, "body"),
        ([], "body"),
        ("text", "body"),
        (7, "body"),
    ],
)
def test_wrong_fields_of_a_rotation_are_named_and_nothing_is_rotated(api: Api, change: object, field: str) -> None:
    made = make(api)
    answer = api.post(f"{KEYS}/{made['id']}/rotate", change)
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]
    assert api.get(f"{KEYS}/{made['id']}").json["state"] == "active"


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b'{"name": "a", "name": "b"}'])
def test_what_is_no_object_is_refused(api: Api, body: bytes) -> None:
    headers = {**api.headers(), "Content-Type": "application/json"}
    assert refusal(api.open(KEYS, "POST", headers=headers, data=body)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_a_rotation_that_is_no_json_is_refused(api: Api, headers: dict[str, str]) -> None:
    made = make(api)
    for body in (
        {"data": b"overlapSeconds=0", "content_type": "text/plain"},
        {"data": b"overlapSeconds=0", "content_type": "application/json"},
        {"data": {"overlapSeconds": "0"}, "content_type": "application/x-www-form-urlencoded"},
        {"data": {"overlapSeconds": "0"}, "content_type": "multipart/form-data"},
    ):
        answer = api.open(f"{KEYS}/{made['id']}/rotate", "POST", headers={**api.headers(), **headers}, **body)
        assert refusal(answer) == (400, "INVALID_REQUEST")
    assert api.get(f"{KEYS}/{made['id']}").json["state"] == "active"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=%00"])
def test_wrong_queries_are_refused(api: Api, query: str) -> None:
    assert refusal(api.get(f"{KEYS}?{query}")) == (400, "INVALID_REQUEST")


def test_times_have_milliseconds_and_are_of_utc(api: Api) -> None:
    for name in ("createdAt", "expiresAt"):
        text = make(api, expiresInDays=1)[name]
        assert text.endswith("Z")
        assert datetime.fromisoformat(text).tzinfo is not None
