"""The list of sessions: which, in which order, and as what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.domain.organization import Entity
from app.domain.session import HostedState, SessionStatus
from tests.api.conftest import Api
from tests.fakes import EPOCH

SESSIONS = "/api/kyc/biometric/sessions"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
S = SessionStatus


def add(
    api: Api,
    entity: Entity,
    status: SessionStatus,
    minutes: int = 0,
    state: HostedState = HostedState.CREATED,
    **more: Any,
) -> str:
    """A session created so many minutes after the beginning; its id."""
    at = EPOCH + timedelta(minutes=minutes)
    session, hosted = api.build.session(
        entity, status=status, created_at=at, updated_at=at, expires_at=at + timedelta(hours=24), **more
    )
    with api.store.begin() as uow:
        uow.sessions.add(session, replace(hosted, state=state))
        uow.commit()
    return session.session_id


def persons(api: Api, number: int) -> list[Entity]:
    return [api.enrolled() for _ in range(number)]


def listed(api: Api, query: str = "") -> list[tuple[str, str]]:
    answer = api.get(f"{SESSIONS}?{query}")
    assert answer.status_code == 200, answer.json
    return [(session["id"], session["status"]) for session in answer.json["sessions"]]


def test_an_entitys_sessions_are_listed_with_its_latest_approved_one(api: Api) -> None:
    ada, bob = persons(api, 2)
    first = add(api, ada, S.APPROVED, 1, completed_at=EPOCH + timedelta(minutes=30))
    add(api, ada, S.APPROVED, 2, completed_at=EPOCH + timedelta(minutes=20))
    add(api, ada, S.REJECTED, 3, completed_at=EPOCH + timedelta(minutes=40))
    newest = add(api, ada, S.PENDING, 4)
    add(api, bob, S.APPROVED, 5, completed_at=EPOCH + timedelta(minutes=50))
    answer = api.get(f"{SESSIONS}?entityId={ada.entity_id}").json
    assert set(answer) == {"sessions", "currentSessionId", "pagination"}
    assert answer["currentSessionId"] == first
    assert answer["pagination"] == {"limit": 50, "offset": 0, "total": 4}
    assert [one["status"] for one in answer["sessions"]] == ["pending", "rejected", "approved", "approved"]
    assert answer["sessions"][0] == api.get(f"{SESSIONS}/{newest}").json


@pytest.mark.parametrize("newer", [S.PENDING, S.IN_PROGRESS, S.REJECTED, S.ABANDONED, S.EXPIRED, S.CANCELLED])
def test_nothing_but_an_approval_replaces_an_approval(api: Api, newer: SessionStatus) -> None:
    (ada,) = persons(api, 1)
    approved = add(api, ada, S.APPROVED, 1, completed_at=EPOCH + timedelta(minutes=2))
    add(api, ada, newer, 3, completed_at=EPOCH + timedelta(minutes=4))
    assert api.get(f"{SESSIONS}?entityId={ada.entity_id}").json["currentSessionId"] == approved
    assert api.get(f"{SESSIONS}?entityId={ada.entity_id}&status=rejected").json["currentSessionId"] == approved
    current = f"/api/kyc/biometric/entities/{ada.entity_id}/current?basis=approved"
    assert api.get(current).json["id"] == approved


def test_without_an_entity_all_are_listed_and_none_is_current(api: Api) -> None:
    for entity in persons(api, 2):
        add(api, entity, S.APPROVED, completed_at=EPOCH)
    stranger = api.new_organization()
    add(api, api.build.enrolled(api.store, api.blobs, stranger), S.APPROVED, completed_at=EPOCH)
    add(api, api.enrolled(is_test=False), S.APPROVED, completed_at=EPOCH)
    answer = api.get(SESSIONS).json
    assert len(answer["sessions"]) == answer["pagination"]["total"] == 2
    assert answer["currentSessionId"] is None


def test_an_unknown_entity_is_not_found_and_one_without_sessions_has_an_empty_list(api: Api) -> None:
    (ada,) = persons(api, 1)
    assert api.get(f"{SESSIONS}?entityId={ada.entity_id.upper()}").json == {
        "sessions": [],
        "currentSessionId": None,
        "pagination": {"limit": 50, "offset": 0, "total": 0},
    }
    unknown = api.get(f"{SESSIONS}?entityId={UNKNOWN_ID}")
    assert (unknown.status_code, unknown.json["error"]) == (404, "NOT_FOUND")
    live = api.new_key(is_test=False)
    assert api.get(f"{SESSIONS}?entityId={ada.entity_id}", key=live).status_code == 404


def test_pages_put_together_are_the_whole_list_even_where_all_were_created_at_once(api: Api) -> None:
    made = [add(api, entity, S.PENDING) for entity in persons(api, 7)]
    paged = [one for offset in (0, 3, 6, 9) for one, _ in listed(api, f"limit=3&offset={offset}")]
    assert paged == list(reversed(made))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=", "status"),
        ("status=in_review", "status"),
        ("status=PENDING", "status"),
        ("status=pending%00", None),
        ("entityId=", "entityId"),
        ("entityId=7", "entityId"),
        ("entityId=%ff", "entityId"),
        (f"entityId={UNKNOWN_ID}%27%20OR%201=1", "entityId"),
    ],
)
def test_wrong_queries_are_refused_and_named(api: Api, query: str, named: str | None) -> None:
    answer = api.get(f"{SESSIONS}?{query}")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert named is None or list(answer.json["fields"]) == [named]


def test_unknown_parts_of_a_query_do_no_harm(api: Api) -> None:
    assert api.get(f"{SESSIONS}?sort=up&limit=100").json["pagination"]["limit"] == 100


IN_TIME = {"last_activity_at": EPOCH + timedelta(hours=23, minutes=55)}
SILENT = {"last_activity_at": EPOCH + timedelta(hours=23, minutes=45)}
STANDS_AS: list[tuple[SessionStatus, HostedState, int, dict[str, Any], str]] = [
    (S.PENDING, HostedState.CREATED, 1, {}, "pending"),
    (S.PENDING, HostedState.CREATED, 0, {}, "expired"),
    (S.IN_PROGRESS, HostedState.CONSENTED, 0, IN_TIME, "in_progress"),
    (S.IN_PROGRESS, HostedState.CONSENTED, 0, SILENT, "abandoned"),
    (S.IN_PROGRESS, HostedState.CREATED, 0, {"started_at": EPOCH}, "abandoned"),
    (S.IN_PROGRESS, HostedState.CREATED, 0, {}, "abandoned"),
    (S.IN_PROGRESS, HostedState.CAPTURED, 0, SILENT, "in_progress"),
    (S.IN_PROGRESS, HostedState.DECIDED, 0, {**SILENT, "is_in_review": True}, "in_progress"),
    (S.IN_PROGRESS, HostedState.CONSENTED, 0, {**SILENT, "is_in_review": True}, "in_progress"),
    (S.APPROVED, HostedState.DECIDED, 0, {"completed_at": EPOCH}, "approved"),
    (S.REJECTED, HostedState.DECIDED, 0, {"completed_at": EPOCH}, "rejected"),
    (S.CANCELLED, HostedState.CREATED, 0, {"completed_at": EPOCH}, "cancelled"),
    (S.EXPIRED, HostedState.CREATED, 0, {"completed_at": EPOCH}, "expired"),
    (S.ABANDONED, HostedState.CREATED, 0, {"completed_at": EPOCH}, "abandoned"),
]
"""Stored status, hosted state, minutes after the beginning, further fields, and what it is a day after that."""


@pytest.fixture
def a_day_later(api: Api) -> dict[str, str]:
    """One session of each kind; what each of them is by its id. Nobody has written down what time has ended."""
    made = {}
    for (status, state, minutes, more, expected), entity in zip(
        STANDS_AS, persons(api, len(STANDS_AS)), strict=True
    ):
        made[add(api, entity, status, minutes, state, **more)] = expected
    api.clock.advance(hours=24)
    return made


@pytest.mark.parametrize("status", list(S))
def test_a_filter_finds_what_sessions_are_now_not_what_was_last_written(
    api: Api, a_day_later: dict[str, str], status: SessionStatus
) -> None:
    expected = {one for one, stands_as in a_day_later.items() if stands_as == status.value}
    assert expected
    answer = api.get(f"{SESSIONS}?status={status.value}").json
    assert {(one["id"], one["status"]) for one in answer["sessions"]} == {(one, status.value) for one in expected}
    assert answer["pagination"]["total"] == len(expected)


def test_the_list_says_of_each_session_what_reading_it_says(api: Api, a_day_later: dict[str, str]) -> None:
    answer = api.get(SESSIONS).json
    assert {one["id"]: one["status"] for one in answer["sessions"]} == a_day_later
    for session in answer["sessions"]:
        assert api.get(f"{SESSIONS}/{session['id']}").json == session
    ends = [action for actor, action in api.actions() if actor == "expiry"]
    assert sorted(ends) == ["biometric_session.abandoned"] * 3 + ["biometric_session.expired"]


@pytest.mark.usefixtures("a_day_later")
def test_however_many_have_run_out_of_time_one_transaction_ends_them(api: Api, engine: Engine) -> None:
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    first = api.get(SESSIONS).json
    assert len(commits) == 1
    assert api.get(SESSIONS).json == first
    assert len(commits) == 1


def test_reading_an_empty_or_settled_list_takes_no_query_for_each_session(api: Api, engine: Engine) -> None:
    def queries(number: int) -> int:
        for entity in persons(api, number):
            add(api, entity, S.PENDING)
        said: list[str] = []

        def listen(*event: Any) -> None:
            said.append(event[2])

        sa.event.listen(engine, "before_cursor_execute", listen)
        assert api.get(SESSIONS).status_code == 200
        sa.event.remove(engine, "before_cursor_execute", listen)
        return len(said)

    assert queries(1) == queries(20) > 0


def test_a_review_is_listed_as_in_progress(api: Api) -> None:
    (ada,) = persons(api, 1)
    add(api, ada, S.IN_PROGRESS, is_in_review=True)
    (session,) = api.get(f"{SESSIONS}?status=in_progress").json["sessions"]
    assert (session["status"], session["inReview"]) == ("in_progress", True)
