"""Settings over HTTP: what is in force is what is read, and what is not built is not taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.moment import iso
from app.domain.organization import Scope
from tests.api.conftest import Answer, Api

SETTINGS = "/api/kyc/settings"
SECRET = f"{SETTINGS}/webhook-secret"
SESSIONS = "/api/kyc/biometric/sessions"

AS_PROVISIONED: dict[str, Any] = {
    "policyVersion": 1,
    "updatedAt": "2026-06-19T14:40:00.000Z",
    "biometricEnabled": True,
    "faceMatchEnabled": True,
    "kycEnabled": True,
    "biometricWorkflowId": "default",
    "scoreDeclineThreshold": 30.0,
    "reviewBand": 0.0,
    "crossEntityPolicy": "off",
    "duplicateThreshold": 60.0,
    "livenessProfile": "standard",
    "lightChallenge": False,
    "maxAttempts": 3,
    "allowedFrameOrigins": [],
    "allowedCallbackUrls": [],
    "callbackMethod": "completer",
    "scoreFloor": None,
    "blocklist": [],
    "monthlyQuota": None,
    "entityPause": {"failures": 5, "hours": 24},
    "retentionDays": None,
    "branding": {"name": None, "logo": None, "colors": None, "radius": None, "scheme": "auto", "consent": {}},
    "defaultLanguage": "en",
    "hasWebhookSecret": True,
}

CHANGED: dict[str, Any] = {
    "biometricEnabled": False,
    "faceMatchEnabled": False,
    "kycEnabled": False,
    "biometricWorkflowId": None,
    "scoreDeclineThreshold": 45.5,
    "reviewBand": 10,
    "livenessProfile": "strict",
    "lightChallenge": True,
    "callbackMethod": "both",
    "maxAttempts": 5,
    "allowedFrameOrigins": ["https://shop.example", "http://localhost:3000"],
    "allowedCallbackUrls": ["https://shop.example/done", "http://127.0.0.1:8000/done"],
    "scoreFloor": 40,
    "monthlyQuota": 1000,
    "entityPause": {"failures": 3, "hours": 48},
    "defaultLanguage": "pt",
    "crossEntityPolicy": "review",
    "duplicateThreshold": 75.5,
}
"""Another value for every field that has more than one."""


def patch(api: Api, body: object, key: str | None = None) -> Answer:
    return api.open(SETTINGS, "PATCH", headers=api.headers(key), json=body)


def refused(answer: Answer, *fields: str) -> dict[str, str]:
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST"), answer.json
    problems: dict[str, str] = answer.json["fields"]
    assert sorted(problems) == sorted(fields)
    return problems


def test_an_organization_begins_with_the_defaults(api: Api) -> None:
    answer = api.get(SETTINGS)
    assert (answer.status_code, answer.json) == (200, AS_PROVISIONED)


def test_every_field_that_can_be_changed_is_read_back(api: Api) -> None:
    api.clock.advance(minutes=3)
    expected = AS_PROVISIONED | CHANGED | {"policyVersion": 2, "updatedAt": iso(api.clock.now())}
    answer = patch(api, CHANGED)
    assert (answer.status_code, answer.json) == (200, expected)
    assert api.get(SETTINGS).json == expected


@pytest.mark.parametrize("field", sorted(CHANGED))
def test_a_field_that_is_left_out_stays_and_null_is_the_default(api: Api, field: str) -> None:
    assert patch(api, {field: CHANGED[field]}).status_code == (400 if field == "scoreFloor" else 200)
    patch(api, CHANGED)
    expected = AS_PROVISIONED[field] if field != "biometricWorkflowId" else None
    body: dict[str, object] = {field: None}
    if field == "scoreDeclineThreshold":
        body["scoreFloor"] = None  # which stands above the default
    answer = patch(api, body)
    assert answer.status_code == 200
    assert answer.json[field] == expected
    others = [name for name in CHANGED if name not in body]
    assert [answer.json[name] for name in others] == [CHANGED[name] for name in others]


def test_parts_of_the_pause_change_apart(api: Api) -> None:
    assert patch(api, {"entityPause": {"failures": 2}}).json["entityPause"] == {"failures": 2, "hours": 24}
    assert patch(api, {"entityPause": {"hours": 1}}).json["entityPause"] == {"failures": 2, "hours": 1}
    assert patch(api, {"entityPause": {"failures": None}}).json["entityPause"] == {"failures": 5, "hours": 1}


def test_what_is_read_can_be_sent_back_and_changes_nothing(api: Api) -> None:
    read = patch(api, CHANGED | {"biometricWorkflowId": "default"}).json
    assert patch(api, read).json == read
    assert patch(api, {}).json == read
    assert patch(api, {"unknown": 1}).json == read


def test_a_version_that_is_no_longer_in_force_is_refused(api: Api) -> None:
    read = api.get(SETTINGS).json
    assert patch(api, {"maxAttempts": 5}).json["policyVersion"] == 2
    stale = patch(api, read | {"maxAttempts": 4})
    assert (stale.status_code, stale.json["error"]) == (409, "INVALID_STATE")
    assert patch(api, {"policyVersion": 2, "maxAttempts": 4}).json["policyVersion"] == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retentionDays", 30),
    ],
)
def test_what_is_not_built_yet_is_not_taken(api: Api, field: str, value: object) -> None:
    problems = refused(patch(api, {field: value, "maxAttempts": 5}), field)
    assert "is not available in this version" in problems[field]
    assert api.get(SETTINGS).json == AS_PROVISIONED


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"biometricEnabled": 1}, "biometricEnabled"),
        ({"kycEnabled": "true"}, "kycEnabled"),
        ({"callbackMethod": "nobody"}, "callbackMethod"),
        ({"lightChallenge": 1}, "lightChallenge"),
        ({"faceMatchEnabled": []}, "faceMatchEnabled"),
        ({"biometricWorkflowId": 7}, "biometricWorkflowId"),
        ({"biometricWorkflowId": "unknown"}, "biometricWorkflowId"),
        ({"scoreDeclineThreshold": -1}, "scoreDeclineThreshold"),
        ({"scoreDeclineThreshold": 100.1}, "scoreDeclineThreshold"),
        ({"scoreDeclineThreshold": "30"}, "scoreDeclineThreshold"),
        ({"scoreDeclineThreshold": True}, "scoreDeclineThreshold"),
        ({"reviewBand": 101}, "reviewBand"),
        ({"scoreFloor": -0.5}, "scoreFloor"),
        ({"scoreFloor": 31}, "scoreFloor"),
        ({"scoreFloor": 20, "scoreDeclineThreshold": 10}, "scoreFloor"),
        ({"livenessProfile": "paranoid"}, "livenessProfile"),
        ({"maxAttempts": 0}, "maxAttempts"),
        ({"maxAttempts": 11}, "maxAttempts"),
        ({"maxAttempts": 2.5}, "maxAttempts"),
        ({"allowedFrameOrigins": "https://a.example"}, "allowedFrameOrigins"),
        ({"allowedFrameOrigins": ["http://a.example"]}, "allowedFrameOrigins.0"),
        ({"allowedFrameOrigins": ["https://a.example", "https://b.example/x"]}, "allowedFrameOrigins.1"),
        ({"allowedFrameOrigins": ["https://a.example; script-src *"]}, "allowedFrameOrigins.0"),
        ({"allowedFrameOrigins": ["https://a.example"] * 101}, "allowedFrameOrigins"),
        ({"allowedCallbackUrls": ["ftp://a.example"]}, "allowedCallbackUrls.0"),
        ({"allowedCallbackUrls": [None]}, "allowedCallbackUrls.0"),
        ({"monthlyQuota": -1}, "monthlyQuota"),
        ({"monthlyQuota": 2**31}, "monthlyQuota"),
        ({"entityPause": 5}, "entityPause"),
        ({"entityPause": {"failures": 0}}, "entityPause.failures"),
        ({"entityPause": {"hours": 721}}, "entityPause.hours"),
        ({"defaultLanguage": "xx"}, "defaultLanguage"),
        ({"defaultLanguage": "es-AR"}, "defaultLanguage"),
        ({"branding": "Acme"}, "branding"),
        ({"crossEntityPolicy": "maybe"}, "crossEntityPolicy"),
        ({"duplicateThreshold": 29.9}, "duplicateThreshold"),
        ({"duplicateThreshold": 100.1}, "duplicateThreshold"),
        ({"blocklist": "a face"}, "blocklist"),
        ({"blocklist": ["a face"]}, "blocklist.0"),
        ({"blocklist": ["01900000-0000-7000-8000-000000000001"]}, "blocklist.0"),
        ({"blocklist": ["01900000-0000-7000-8000-000000000001"] * 501}, "blocklist"),
        ({"policyVersion": "1"}, "policyVersion"),
        ([], "body"),
    ],
)
def test_wrong_values_are_named_and_nothing_is_changed(api: Api, body: object, field: str) -> None:
    refused(patch(api, body), field)
    assert api.get(SETTINGS).json == AS_PROVISIONED


def test_the_block_list_names_entities_of_either_mode_and_each_once(api: Api) -> None:
    tested, live = api.enrolled(), api.enrolled(is_test=False)
    ids = [tested.entity_id, live.entity_id]
    assert patch(api, {"blocklist": [*ids, ids[0].upper()]}).json["blocklist"] == ids
    assert api.get(SETTINGS).json["blocklist"] == ids
    elsewhere = api.build.enrolled(api.store, api.blobs, api.new_organization())
    refused(patch(api, {"blocklist": [ids[0], elsewhere.entity_id]}), "blocklist.1")
    assert patch(api, {"blocklist": None}).json["blocklist"] == []


def test_who_changed_what_is_in_the_audit_trail(api: Api) -> None:
    patch(api, {"maxAttempts": 5, "reviewBand": 0})
    with api.store.read() as uow:
        entry = uow.audit.of_organization(api.organization.organization_id)[-1]
    assert entry.action == "settings.changed"
    assert entry.actor.startswith("api_key:")
    assert entry.detail == {"policyVersion": 2, "changes": {"max_attempts": {"from": 3, "to": 5}}}


def test_each_right_opens_its_own_routes(api: Api) -> None:
    reader, writer = api.new_key(Scope.SETTINGS_READ), api.new_key(Scope.SETTINGS_WRITE)
    assert api.get(SETTINGS, key=reader).status_code == 200
    assert api.get(SETTINGS, key=writer).status_code == 403
    assert patch(api, {}, key=reader).status_code == 403
    assert patch(api, {}, key=writer).status_code == 200


def test_organizations_have_settings_of_their_own(api: Api) -> None:
    key = api.new_key(organization=api.new_organization())
    patch(api, {"maxAttempts": 5})
    assert api.get(SETTINGS, key=key).json == AS_PROVISIONED


def test_settings_are_in_force_from_the_next_request_on(api: Api) -> None:
    entity = api.enrolled()
    patch(api, {"allowedCallbackUrls": ["https://shop.example/done"]})
    elsewhere = api.open_session(entity, callback="https://evil.example/")
    refused(elsewhere, "callback")
    patch(api, {"allowedCallbackUrls": None, "biometricEnabled": False})
    assert api.open_session(entity).json["error"] == "NOT_ENABLED"
    patch(api, {"biometricEnabled": True, "biometricWorkflowId": None})
    assert api.open_session(entity).json["error"] == "BIOMETRIC_WORKFLOW_NOT_CONFIGURED"
    assert api.open_session(entity, workflowId="unknown").json["error"] == "BIOMETRIC_WORKFLOW_NOT_CONFIGURED"
    assert api.open_session(entity, workflowId="default").status_code == 201


@pytest.mark.parametrize("path", ["/api/kyc/biometric", "/api/kyc/face-match"])
def test_without_the_webhook_secret_there_are_no_checks(api: Api, path: str) -> None:
    assert api.post(path, data=b"x").json["error"] == "INVALID_REQUEST"
    removed = api.open(SECRET, "DELETE", headers=api.headers())
    assert (removed.status_code, removed.json["hasWebhookSecret"], removed.json["policyVersion"]) == (
        200,
        False,
        2,
    )
    refusal = api.post(path, data=b"x")
    assert (refusal.status_code, refusal.json["error"]) == (403, "NOT_CONFIGURED")
    assert api.open(SECRET, "DELETE", headers=api.headers()).json["policyVersion"] == 2
    assert api.post(SECRET).status_code == 201
    assert api.post(path, data=b"x").json["error"] == "INVALID_REQUEST"


def test_a_secret_is_shown_once_and_the_one_before_signs_on(api: Api) -> None:
    first = api.post(SECRET)
    ends_at = iso(api.clock.now() + timedelta(hours=24))
    assert first.status_code == 201
    assert first.json == {"secret": first.json["secret"], "policyVersion": 2, "previousValidUntil": ends_at}
    assert first.json["secret"].startswith("whsec_")
    second = api.post(SECRET, {"overlapSeconds": 90})
    assert second.json["secret"] != first.json["secret"]
    assert second.json["previousValidUntil"] == iso(api.clock.now() + timedelta(seconds=90))
    with api.store.read() as uow:
        settings = uow.settings.current(api.organization.organization_id).settings
        trail = uow.audit.of_organization(api.organization.organization_id)
    assert (settings.kyc_webhook_secret_version, settings.kyc_webhook_previous_version) == (3, 2)
    assert "whsec_" not in f"{settings}{trail}{api.get(SETTINGS).json}"


@pytest.mark.parametrize("overlap", [0, None])
def test_without_an_overlap_nothing_signs_on(api: Api, overlap: int | None) -> None:
    if overlap is None:
        api.open(SECRET, "DELETE", headers=api.headers())
    made = api.post(SECRET, {"overlapSeconds": overlap})
    assert (made.status_code, made.json["previousValidUntil"]) == (201, None)


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1, 1.5, "60", True])
def test_a_wrong_overlap_is_refused(api: Api, overlap: object) -> None:
    refused(api.post(SECRET, {"overlapSeconds": overlap}), "overlapSeconds")
    assert api.get(SETTINGS).json == AS_PROVISIONED


def test_a_rotation_that_is_sent_twice_happens_once(api: Api) -> None:
    headers = api.headers() | {"Idempotency-Key": "once"}
    first, again = (api.open(SECRET, "POST", headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert api.get(SETTINGS).json["policyVersion"] == 2
