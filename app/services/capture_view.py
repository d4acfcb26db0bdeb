"""What the hosted page may know of a session: its state, what is left, and the outcome without a score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.domain.capture_phase import CapturePhase
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.verdict import DecisionWarning, RejectionCode
from app.services.live_capture import LiveCapture
from app.services.ports import Clock, ResultSigner


class PageState(StrEnum):
    """States the server tells the page; the page has more of its own (camera trouble, offline …)."""

    CONSENT = "consent"
    CAMERA = "camera"
    ALIGN = "align"
    CHALLENGE = "challenge"
    LIGHT = "light"
    CAPTURE = "capture"
    PROCESSING = "processing"
    RETRY = "retry"
    DONE = "done"


@dataclass(frozen=True)
class Redirect:
    """Where the end user goes after the outcome."""

    url: str
    status: str


@dataclass(frozen=True)
class Outcome:
    """The end as the end user sees it: pass or fail with a reason that helps, never a score."""

    outcome: str
    reason: str | None
    redirect: Redirect | None
    continue_on: str | None = None
    """`phone` or `computer`: where it goes on, for the one of two devices that is not sent on."""


@dataclass(frozen=True)
class CaptureView:
    """Everything a `state` message carries. `nonce` is what frames must carry, None while none are wanted.

    `pauses_left` says how often what is asked can still be interrupted at no cost.
    """

    session_id: str
    state: PageState
    attempt: int
    attempts_left: int
    pauses_left: int
    expires_at: datetime
    nonce: str | None = None
    reason: str | None = None
    outcome: Outcome | None = None


_PHASE_STATES = {
    CapturePhase.IDLE: PageState.CAMERA,
    CapturePhase.ALIGN: PageState.ALIGN,
    CapturePhase.CHALLENGE: PageState.CHALLENGE,
    CapturePhase.LIGHT: PageState.LIGHT,
    CapturePhase.CAPTURE: PageState.CAPTURE,
    CapturePhase.STOPPED: PageState.RETRY,
}

BEFORE_AN_ATTEMPT = frozenset({PageState.CONSENT, PageState.CAMERA, PageState.ALIGN, PageState.RETRY})
"""An attempt is counted when its first challenge is asked: until then the page is at the next one."""


@dataclass(frozen=True, kw_only=True)
class OutcomePresenter:
    """Turns a session that is over (or under review) into what its page shows and where it leads."""

    signer: ResultSigner
    clock: Clock

    def outcome_of(self, session: BiometricSession) -> Outcome | None:
        """The outcome, None while the session runs."""
        if session.is_in_review:
            return Outcome("in_review", None, self._redirect(session))
        if not session.status.is_terminal:
            return None
        return Outcome(_outcome_word(session), _reason(session), self._redirect(session))

    def _redirect(self, session: BiometricSession) -> Redirect | None:
        """`callback` with `sessionId`, `status` and the signed `result` added to its own query."""
        if session.callback is None:
            return None
        status = session.status.value
        token = self.signer.sign(session.organization_id, session.session_id, status, self.clock.now())
        parts = urlsplit(session.callback)
        query = parse_qsl(parts.query, keep_blank_values=True)
        query += [("sessionId", session.session_id), ("status", status), ("result", token)]
        return Redirect(urlunsplit(parts._replace(query=urlencode(query))), status)


def view_of(
    session: BiometricSession,
    hosted: HostedSession,
    live: LiveCapture | None,
    outcome: Outcome | None,
    attempts_allowed: int,
) -> CaptureView:
    """Assemble the view from what is stored and what runs."""
    used = live.attempts_used if live else hosted.attempts_used
    state = _state_of(hosted, live, outcome)
    return CaptureView(
        session_id=session.session_id,
        state=state,
        attempt=used + 1 if state in BEFORE_AN_ATTEMPT else max(1, used),
        attempts_left=max(0, attempts_allowed - used),
        pauses_left=live.free_failures_left if live else 0,
        expires_at=session.expires_at,
        nonce=live.run.frame_nonce if live and outcome is None else None,
        outcome=outcome,
    )


def _state_of(hosted: HostedSession, live: LiveCapture | None, outcome: Outcome | None) -> PageState:
    if outcome is not None:
        return PageState.DONE
    if hosted.state is HostedState.CREATED:
        return PageState.CONSENT
    if hosted.state is not HostedState.CONSENTED:
        return PageState.PROCESSING
    return _PHASE_STATES[live.run.phase] if live else PageState.CAMERA


def _outcome_word(session: BiometricSession) -> str:
    if session.decision and DecisionWarning.CONSENT_DECLINED.value in session.decision.warnings:
        return "declined"
    return session.status.value


def _reason(session: BiometricSession) -> str | None:
    """A reason an end user can act on. Which check failed stays with the integrator."""
    if session.status is not SessionStatus.REJECTED:
        return None
    warnings = session.decision.warnings if session.decision else ()
    if DecisionWarning.CONSENT_DECLINED.value in warnings:
        return "consent_declined"
    if DecisionWarning.ATTEMPTS_EXHAUSTED.value in warnings:
        return "attempts_exhausted"
    if session.rejection_code is RejectionCode.REVIEW_REJECTED:
        return "review_rejected"
    return "not_confirmed"
