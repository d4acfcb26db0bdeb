"""The table of transitions, and when a session has run out of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import InvalidState
from app.domain.session import (
    BiometricSession,
    HostedSession,
    HostedState,
    SessionStatus,
    move,
    overdue_status,
)
from app.domain.verdict import RejectionCode
from tests.builders import Builder
from tests.fakes import EPOCH, SeededRandomness

S = SessionStatus
ABANDON_AFTER = timedelta(minutes=15)
TICK = timedelta(milliseconds=1)

ALLOWED = {
    (S.PENDING, S.IN_PROGRESS),
    (S.PENDING, S.EXPIRED),
    (S.PENDING, S.CANCELLED),
    (S.IN_PROGRESS, S.APPROVED),
    (S.IN_PROGRESS, S.REJECTED),
    (S.IN_PROGRESS, S.ABANDONED),
    (S.IN_PROGRESS, S.CANCELLED),
}


def a_session(**changes: object) -> tuple[BiometricSession, HostedSession]:
    builder = Builder(SeededRandomness())
    return builder.session(builder.entity(builder.organization()), **changes)


@pytest.mark.parametrize("after", list(S))
@pytest.mark.parametrize("before", list(S))
def test_only_the_transitions_of_the_table_exist(before: SessionStatus, after: SessionStatus) -> None:
    session, _ = a_session(status=before)
    if (before, after) in ALLOWED:
        assert move(session, after, EPOCH).status is after
    else:
        with pytest.raises(InvalidState):
            move(session, after, EPOCH)


@pytest.mark.parametrize("status", list(S))
def test_all_but_pending_and_in_progress_are_terminal(status: SessionStatus) -> None:
    assert status.is_terminal is (status not in (S.PENDING, S.IN_PROGRESS))


def test_the_beginning_notes_when_and_ends_nothing() -> None:
    session, _ = a_session()
    now = EPOCH + timedelta(minutes=1)
    begun = move(session, S.IN_PROGRESS, now)
    assert (begun.started_at, begun.last_activity_at, begun.updated_at) == (now, now, now)
    assert begun.completed_at is None


def test_an_end_notes_when_and_why_and_closes_the_review() -> None:
    session, _ = a_session(status=S.IN_PROGRESS, started_at=EPOCH, is_in_review=True)
    now = EPOCH + timedelta(minutes=2)
    ended = move(session, S.REJECTED, now, rejection_code=RejectionCode.REVIEW_REJECTED)
    assert (ended.completed_at, ended.updated_at, ended.started_at) == (now, now, EPOCH)
    assert ended.rejection_code is RejectionCode.REVIEW_REJECTED
    assert ended.is_in_review is False


def test_a_session_that_never_began_expires_at_its_time_and_not_before() -> None:
    session, hosted = a_session()
    for now, expected in ((session.expires_at - TICK, None), (session.expires_at, S.EXPIRED)):
        assert overdue_status(session, hosted, now, ABANDON_AFTER) is expected


def test_a_session_that_began_does_not_expire_but_is_abandoned_after_silence() -> None:
    active_at = EPOCH + timedelta(hours=30)
    session, hosted = a_session(status=S.IN_PROGRESS, started_at=EPOCH, last_activity_at=active_at)
    assert active_at > session.expires_at
    over = active_at + ABANDON_AFTER
    for now, expected in ((over - TICK, None), (over, S.ABANDONED)):
        assert overdue_status(session, hosted, now, ABANDON_AFTER) is expected


@pytest.mark.parametrize("started_after", [None, timedelta(minutes=5)])
def test_silence_counts_from_the_last_that_is_known(started_after: timedelta | None) -> None:
    started_at = None if started_after is None else EPOCH + started_after
    session, hosted = a_session(status=S.IN_PROGRESS, started_at=started_at)
    over = (started_at or session.created_at) + ABANDON_AFTER
    assert overdue_status(session, hosted, over - TICK, ABANDON_AFTER) is None
    assert overdue_status(session, hosted, over, ABANDON_AFTER) is S.ABANDONED


@pytest.mark.parametrize("status", [S.PENDING, S.IN_PROGRESS])
@pytest.mark.parametrize("state", [HostedState.CAPTURED, HostedState.DECIDED])
def test_time_does_not_touch_a_session_whose_capture_is_in(state: HostedState, status: SessionStatus) -> None:
    session, hosted = a_session(status=status)
    much_later = session.expires_at + timedelta(days=30)
    assert overdue_status(session, replace(hosted, state=state), much_later, ABANDON_AFTER) is None


def test_time_does_not_touch_a_session_under_review() -> None:
    session, hosted = a_session(status=S.IN_PROGRESS, is_in_review=True)
    much_later = session.expires_at + timedelta(days=30)
    assert overdue_status(session, hosted, much_later, ABANDON_AFTER) is None


@pytest.mark.parametrize("state", [HostedState.CREATED, HostedState.CONSENTED])
@pytest.mark.parametrize("status", [status for status in S if status.is_terminal])
def test_what_is_over_is_not_over_again(status: SessionStatus, state: HostedState) -> None:
    session, hosted = a_session(status=status)
    much_later = session.expires_at + timedelta(days=30)
    assert overdue_status(session, replace(hosted, state=state), much_later, ABANDON_AFTER) is None
