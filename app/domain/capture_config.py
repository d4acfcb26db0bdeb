"""What one session asks of its capture subject, and what it allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.challenge import MIN_KINDS_FOR_VERDICT, ChallengeKind
from app.domain.light import LightStanding
from app.domain.quality import QualityLimits


@dataclass(frozen=True)
class CaptureConfig:
    """What one session asks and allows. Times in milliseconds."""

    kinds: tuple[ChallengeKind, ...]
    number_of_challenges: int
    challenge_limit_ms: int = 15_000
    align_limit_ms: int = 60_000
    attempt_limit_ms: int = 210_000
    attempt_bytes: int = 64 * 1024 * 1024
    hold_ms: int = 1_000
    hold_frames: int = 5
    hint_every_ms: int = 600
    escalate_after_ms: int = 5_000
    cover_patience_ms: int = 6_000
    gap_limit_ms: int = 3_000
    resume_within_ms: int = 15_000
    quality: QualityLimits = field(default_factory=QualityLimits)
    light: LightStanding = LightStanding.NOT_ASKED

    @property
    def needs_review(self) -> bool:
        """Too few kinds to keep the odds against guessing: a person must look at it."""
        return len(self.kinds) < MIN_KINDS_FOR_VERDICT
