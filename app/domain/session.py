"""The biometric session an integrator sees, the hosted session a browser runs, and their transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.challenge import Ability
from app.domain.errors import InvalidState
from app.domain.verdict import Decision, RejectionCode


class SessionStatus(StrEnum):
    """Status of a biometric session, as in the contract."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    APPROVED = "approved"
    REJECTED = "rejected"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Terminal statuses never change."""
        return self not in ACTIVE_STATUSES


ACTIVE_STATUSES = frozenset({SessionStatus.PENDING, SessionStatus.IN_PROGRESS})

TRANSITIONS: Mapping[SessionStatus, frozenset[SessionStatus]] = {
    SessionStatus.PENDING: frozenset({SessionStatus.IN_PROGRESS, SessionStatus.EXPIRED, SessionStatus.CANCELLED}),
    SessionStatus.IN_PROGRESS: frozenset(
        {
            SessionStatus.APPROVED,
            SessionStatus.REJECTED,
            SessionStatus.ABANDONED,
            SessionStatus.CANCELLED,
        }
    ),
    SessionStatus.APPROVED: frozenset(),
    SessionStatus.REJECTED: frozenset(),
    SessionStatus.ABANDONED: frozenset(),
    SessionStatus.EXPIRED: frozenset(),
    SessionStatus.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class BiometricSession:
    """One re-verification of one entity. Times are UTC and aware.

    `language` is None where the integrator asked for none: the page then speaks the browser's.
    `attempts` is what the hosted session has counted. `has_replay_ledger` is what a test key asked for.
    """

    session_id: str
    organization_id: str
    entity_id: str
    hosted_session_id: str
    is_test: bool
    status: SessionStatus
    workflow_id: str
    language: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    callback: str | None = None
    webhook_url: str | None = None
    metadata: Mapping[str, object] | None = None
    avoid: frozenset[Ability] = frozenset()
    has_more_time: bool = False
    challenges_at_least: int | None = None
    has_replay_ledger: bool = False
    started_at: datetime | None = None
    last_activity_at: datetime | None = None
    completed_at: datetime | None = None
    is_in_review: bool = False
    attempts: int = 0
    rejection_code: RejectionCode | None = None
    rejection_message: str | None = None
    decision: Decision | None = None

    @property
    def is_in_replay_ledger(self) -> bool:
        """Whether its frames are remembered, and looked for among those of others: always where it is live."""
        return self.has_replay_ledger or not self.is_test


class HostedState(StrEnum):
    """Where the hosted session stands; only what must outlive a process. Live capture is in memory."""

    CREATED = "created"
    CONSENTED = "consented"
    CAPTURED = "captured"
    """The capture is in and waits for the matching core: expiry and abandonment do not touch it."""
    DECIDED = "decided"


@dataclass(frozen=True)
class HostedSession:
    """The browser's side of a biometric session.

    `page_id` is the page that `hello` bound last. `attempts_used` and `quality_retries_used` outlive
    a reload. `evidence` is the decision without its face match, kept until the matching core answers.
    """

    hosted_session_id: str
    session_id: str
    organization_id: str
    state: HostedState
    created_at: datetime
    page_id: str | None = None
    attempts_used: int = 0
    quality_retries_used: int = 0
    consent_version: str | None = None
    consent_hash: str | None = None
    consent_language: str | None = None
    consented_at: datetime | None = None
    captured_at: datetime | None = None
    evidence: Decision | None = None


def overdue_status(
    session: BiometricSession, hosted: HostedSession, now: datetime, abandon_after: timedelta
) -> SessionStatus | None:
    """EXPIRED or ABANDONED where the session has run out of time, else None.

    Never started before `expires_at`: expired. Started, then silent for `abandon_after`: abandoned.
    A session under review or with its capture in is left alone.
    """
    if session.is_in_review or hosted.state in (HostedState.CAPTURED, HostedState.DECIDED):
        return None
    if session.status is SessionStatus.PENDING and now >= session.expires_at:
        return SessionStatus.EXPIRED
    if session.status is SessionStatus.IN_PROGRESS:
        silent_since = session.last_activity_at or session.started_at or session.created_at
        if now >= silent_since + abandon_after:
            return SessionStatus.ABANDONED
    return None


def waits_for_person(session: BiometricSession, hosted: HostedSession) -> bool:
    """Whether it has begun and its capture is not in: what happens next is up to the capture subject."""
    has_no_capture = hosted.state in (HostedState.CREATED, HostedState.CONSENTED)
    return session.status is SessionStatus.IN_PROGRESS and not session.is_in_review and has_no_capture


def is_waiting(session: BiometricSession, hosted: HostedSession) -> bool:
    """Whether the capture is in, nobody has decided it, and the session was not ended meanwhile."""
    is_undecided = session.status is SessionStatus.IN_PROGRESS and not session.is_in_review
    return is_undecided and hosted.state is HostedState.CAPTURED


def has_lost_verdict(session: BiometricSession, hosted: HostedSession) -> bool:
    """Whether the capture is decided and the session does not show it: neither its end nor its review."""
    is_undecided = session.status is SessionStatus.IN_PROGRESS and not session.is_in_review
    return is_undecided and hosted.state is HostedState.DECIDED


def differs(session: BiometricSession, hosted: HostedSession) -> bool:
    """Whether an active session shows something else than its hosted session, whose word counts.

    Both are written together, so this is what an interrupted repair or a restored backup leaves behind.
    """
    if session.status.is_terminal:
        return False
    has_begun_unseen = session.status is SessionStatus.PENDING and hosted.state is not HostedState.CREATED
    is_review_undecided = session.is_in_review and hosted.state is not HostedState.DECIDED
    has_other_count = session.attempts != hosted.attempts_used
    return has_begun_unseen or is_review_undecided or has_other_count or has_lost_verdict(session, hosted)


def move(session: BiometricSession, status: SessionStatus, now: datetime, **changes: object) -> BiometricSession:
    """The session in its new status, or `InvalidState` where the table has no such transition.

    This is the rule only; that exactly one of two racing moves wins is the store's compare-and-swap.
    """
    if status not in TRANSITIONS[session.status]:
        raise InvalidState(f"A session that is {session.status.value} cannot become {status.value}.")
    if status is SessionStatus.IN_PROGRESS:
        return replace(session, status=status, updated_at=now, started_at=now, last_activity_at=now, **changes)  # type: ignore[arg-type]
    return replace(session, status=status, updated_at=now, completed_at=now, is_in_review=False, **changes)  # type: ignore[arg-type]
