"""What happens in a capture: a run hands these out, the page is told of them."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.challenge import Challenge
from app.domain.light import LightNoticed, LightShown
from app.domain.quality import Hint
from app.domain.verdict import ChallengeOutcome


@dataclass(frozen=True)
class HintChanged:
    """The advice to show now; None clears it."""

    hint: Hint | None
    is_escalated: bool


@dataclass(frozen=True)
class AlignProgress:
    """Share of the second of holding still, 0–100."""

    percent: int


@dataclass(frozen=True)
class ChallengeAsked:
    """A challenge was drawn and is to be shown. With the first since the alignment the attempt counts."""

    challenge: Challenge
    is_first: bool = False


@dataclass(frozen=True)
class ChallengeProgress:
    """How far the asked movement has come, 0–100."""

    challenge_id: str
    percent: int


@dataclass(frozen=True)
class ChallengeJudged:
    """A challenge is over."""

    challenge_id: str
    outcome: ChallengeOutcome


@dataclass(frozen=True)
class AttemptFailed:
    """The attempt is over without success.

    `is_free`: for quality alone, so it may cost nothing. `was_counted`: a challenge had been asked.
    """

    reason: str
    is_free: bool
    was_counted: bool = True


@dataclass(frozen=True)
class StillRequested:
    """All challenges are passed; the final still is wanted. Its ticket and frames meanwhile carry `nonce`."""

    nonce: str


CaptureEvent = (
    HintChanged
    | AlignProgress
    | ChallengeAsked
    | ChallengeProgress
    | ChallengeJudged
    | AttemptFailed
    | LightNoticed
    | LightShown
    | StillRequested
)
