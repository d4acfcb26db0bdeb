"""What the page is told, as JSON. Stable codes only: never a score, never a reason a check gave."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.capture_events import (
    AlignProgress,
    CaptureEvent,
    ChallengeAsked,
    ChallengeJudged,
    ChallengeProgress,
    HintChanged,
)
from app.domain.light import LightShown
from app.domain.moment import iso
from app.domain.verdict import ChallengeOutcome
from app.services.capture_view import CaptureView, Outcome

Json = dict[str, object]


def support_id(hosted_session_id: str) -> str:
    """What an end user can read out to support; it names the session, and opens nothing."""
    return hosted_session_id[-12:]


def outcome_json(outcome: Outcome | None, hosted_session_id: str) -> Json | None:
    """The `result` message."""
    if outcome is None:
        return None
    redirect = outcome.redirect
    return {
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "redirect": {"url": redirect.url, "status": redirect.status} if redirect else None,
        "continue_on": outcome.continue_on,
        "support_id": support_id(hosted_session_id),
    }


def view_json(view: CaptureView, version: int, reason: str | None = None) -> Json:
    """The `state` message."""
    return {
        "version": version,
        "state": view.state.value,
        "attempt": view.attempt,
        "attempts_left": view.attempts_left,
        "pauses_left": view.pauses_left,
        "expires_at": iso(view.expires_at),
        "nonce": view.nonce,
        "reason": reason,
    }


def refusal(code: str, hosted_session_id: str = "", *, is_retryable: bool = True) -> Json:
    """An acknowledgement that says no."""
    return {
        "ok": False,
        "code": code,
        "retryable": is_retryable,
        "support_id": support_id(hosted_session_id),
    }


def event_message(event: CaptureEvent) -> tuple[str, Json] | None:  # noqa: PLR0911 (one answer each)
    """Name and payload of what a capture event tells the page; None where `state` says it."""
    match event:
        case HintChanged(hint, is_escalated):
            return "hint", {
                "code": hint.code.value if hint else None,
                "direction": hint.direction if hint else None,
                "escalated": is_escalated,
            }
        case AlignProgress(percent):
            return "align_progress", {"percent": percent}
        case ChallengeAsked(challenge):
            return "challenge", {
                "challenge_id": challenge.challenge_id,
                "nonce": challenge.nonce,
                "kind": challenge.kind.ability.value,
                "direction": challenge.kind.direction,
                "index": challenge.index,
                "total": challenge.total,
                "time_limit_ms": challenge.time_limit_ms,
            }
        case ChallengeProgress(challenge_id, percent):
            return "progress", {"challenge_id": challenge_id, "percent": percent}
        case ChallengeJudged(challenge_id, outcome):
            is_passed = outcome is ChallengeOutcome.PASSED
            return "challenge_result", {
                "challenge_id": challenge_id,
                "passed": is_passed,
                "reason": None if is_passed else outcome.value,
            }
        case LightShown(nonce, index, colour, duration_ms):
            shown = {"index": index, "colour": colour.value, "duration_ms": duration_ms}
            return "light", {"nonce": nonce, **shown}
        case _:
            return None


def event_messages(events: Sequence[CaptureEvent]) -> list[tuple[str, Json]]:
    """All messages of a frame, in order."""
    return [message for event in events if (message := event_message(event)) is not None]
