"""Workflows over HTTP: what they overrule for the sessions that name them."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.organization import Scope
from tests.api.conftest import Answer, Api

WORKFLOWS = "/api/kyc/workflows"
SETTINGS = "/api/kyc/settings"
NOT_FOUND = (404, "NOT_FOUND")

INHERITED: dict[str, Any] = {
    "livenessProfile": "standard",
    "challenges": None,
    "scoreDeclineThreshold": 30.0,
    "reviewBand": 0.0,
    "maxAttempts": 3,
}
OWN: dict[str, Any] = {
    "livenessProfile": "strict",
    "challenges": 6,
    "scoreDeclineThreshold": 55.5,
    "reviewBand": 10.0,
    "maxAttempts": 1,
}


def put(api: Api, workflow_id: str, body: object, key: str | None = None) -> Answer:
    return api.open(f"{WORKFLOWS}/{workflow_id}", "PUT", headers=api.headers(key), json=body)


def remove(api: Api, workflow_id: str, key: str | None = None) -> Answer:
    return api.open(f"{WORKFLOWS}/{workflow_id}", "DELETE", headers=api.headers(key))


def told(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def test_an_organization_begins_with_one_that_sets_nothing(api: Api) -> None:
    default = {"id": "default", "isDefault": True, **dict.fromkeys(INHERITED), "effective": INHERITED}
    answer = api.get(WORKFLOWS)
    assert answer.json == {
        "workflows": [{**default, "policyVersion": 1}],
        "pagination": {"limit": 50, "offset": 0, "total": 1},
    }
    assert api.get(f"{WORKFLOWS}/default").json == {**default, "policyVersion": 1}


def test_one_is_made_read_made_anew_and_removed(api: Api) -> None:
    made = put(api, "own", OWN)
    expected = {"id": "own", "isDefault": False, **OWN, "effective": OWN, "policyVersion": 2}
    assert (made.status_code, made.json) == (200, expected)
    assert api.get(f"{WORKFLOWS}/own").json == expected
    anew = put(api, "own", {"challenges": 7})
    assert anew.json["effective"] == INHERITED | {"challenges": 7}
    assert [one["id"] for one in api.get(WORKFLOWS).json["workflows"]] == ["default", "own"]
    assert api.get(f"{WORKFLOWS}?limit=1&offset=1").json["workflows"][0]["id"] == "own"
    removed = remove(api, "own")
    assert (removed.status_code, removed.json["policyVersion"]) == (200, 4)
    assert told(api.get(f"{WORKFLOWS}/own")) == NOT_FOUND
    assert told(remove(api, "own")) == NOT_FOUND


def test_what_it_does_not_set_follows_the_organization(api: Api) -> None:
    put(api, "own", {"maxAttempts": 1})
    change = {"maxAttempts": 9, "scoreDeclineThreshold": 44}
    api.open(SETTINGS, "PATCH", headers=api.headers(), json=change)
    found = api.get(f"{WORKFLOWS}/own").json
    assert found["effective"] == INHERITED | {"maxAttempts": 1, "scoreDeclineThreshold": 44.0}
    assert (found["scoreDeclineThreshold"], found["policyVersion"]) == (None, 3)


def test_the_organizations_own_cannot_be_removed(api: Api) -> None:
    assert told(remove(api, "default")) == (409, "INVALID_STATE")
    api.open(SETTINGS, "PATCH", headers=api.headers(), json={"biometricWorkflowId": None})
    assert remove(api, "default").status_code == 200
    assert told(api.open_session(api.enrolled(), workflowId="default")) == (
        400,
        "BIOMETRIC_WORKFLOW_NOT_CONFIGURED",
    )


def workflow_of(api: Api, opened: Answer) -> str:
    with api.store.read() as uow:
        session = uow.sessions.get(api.organization.organization_id, True, opened.json["id"])
    assert session is not None
    return session.workflow_id


def test_a_session_has_the_one_it_names_or_the_organizations(api: Api) -> None:
    put(api, "own", OWN)
    assert workflow_of(api, api.open_session(api.enrolled(), workflowId="own")) == "own"
    assert workflow_of(api, api.open_session(api.enrolled())) == "default"
    api.open(SETTINGS, "PATCH", headers=api.headers(), json={"biometricWorkflowId": "own"})
    assert api.get(f"{WORKFLOWS}/own").json["isDefault"]
    assert workflow_of(api, api.open_session(api.enrolled())) == "own"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"livenessProfile": "paranoid"}, "livenessProfile"),
        ({"challenges": 0}, "challenges"),
        ({"challenges": 9}, "challenges"),
        ({"scoreDeclineThreshold": 101}, "scoreDeclineThreshold"),
        ({"scoreDeclineThreshold": "30"}, "scoreDeclineThreshold"),
        ({"reviewBand": -1}, "reviewBand"),
        ({"maxAttempts": 11}, "maxAttempts"),
        ({"maxAttempts": True}, "maxAttempts"),
        ({"policyVersion": 1.5}, "policyVersion"),
        ([], "body"),
    ],
)
def test_wrong_values_are_named(api: Api, body: object, field: str) -> None:
    answer = put(api, "own", body)
    assert told(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]
    assert told(api.get(f"{WORKFLOWS}/own")) == NOT_FOUND


@pytest.mark.parametrize("name", ["a b", "a.b", "ñ", "x" * 65, "%0A", "own%0A"])
def test_a_name_that_none_can_have_is_refused_where_it_is_given_and_not_found_elsewhere(
    api: Api, name: str
) -> None:
    answer = put(api, name, {})
    assert told(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == ["workflowId"]
    assert told(api.get(f"{WORKFLOWS}/{name}")) == NOT_FOUND
    assert told(remove(api, name)) == NOT_FOUND


def test_a_version_that_is_no_longer_in_force_is_refused(api: Api) -> None:
    assert put(api, "own", {"policyVersion": 1}).json["policyVersion"] == 2
    assert told(put(api, "other", {"policyVersion": 1})) == (409, "INVALID_STATE")


def test_each_right_opens_its_own_routes(api: Api) -> None:
    reader, writer = api.new_key(Scope.SETTINGS_READ), api.new_key(Scope.SETTINGS_WRITE)
    assert put(api, "own", {}, key=reader).status_code == 403
    assert put(api, "own", {}, key=writer).status_code == 200
    assert api.get(WORKFLOWS, key=writer).status_code == 403
    assert api.get(f"{WORKFLOWS}/own", key=reader).status_code == 200
    assert remove(api, "own", key=reader).status_code == 403
    assert remove(api, "own", key=writer).status_code == 200


def test_anothers_workflow_is_not_there(api: Api) -> None:
    put(api, "own", OWN)
    key = api.new_key(organization=api.new_organization())
    assert told(api.get(f"{WORKFLOWS}/own", key=key)) == NOT_FOUND
    assert told(remove(api, "own", key=key)) == NOT_FOUND
    put(api, "own", {}, key=key)
    assert api.get(f"{WORKFLOWS}/own").json["effective"] == OWN
