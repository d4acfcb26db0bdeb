"""What the attempts of a run have come to: evidence of each challenge, and how many the present one asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from app.domain.capture_config import CaptureConfig
from app.domain.challenge import Challenge, ChallengeKind, more_after_replacement, with_a_head_movement
from app.domain.liveness import LIMITS, ChallengeJudge
from app.domain.verdict import ChallengeEvidence, ChallengeOutcome


@dataclass
class AttemptRecord:
    """Evidence of all attempts; `attempt` is the present one, numbered from 1, and 0 before the first."""

    attempt: int = 0
    evidence: list[ChallengeEvidence] = field(default_factory=list)
    redrawn: int = 0
    _more: int = field(default=0, init=False)
    _began: int = field(default=0, init=False)

    def begin(self, attempt: int, more: int) -> None:
        """A new attempt that asks so many `more` than is configured."""
        self.attempt, self._more = attempt, more

    def let_go(self) -> None:
        """Nothing that was passed before counts any more; what was resumed came to nothing."""
        if self.evidence and self.evidence[-1].outcome is ChallengeOutcome.RESUMED:
            self._mark_last(ChallengeOutcome.INTERRUPTED)
        self.redrawn, self._began = 0, len(self.evidence)

    def resume(self) -> None:
        """The attempt goes on after an interruption, with another challenge in place of the voided one."""
        if self.evidence[-1].outcome is ChallengeOutcome.INTERRUPTED:
            self._mark_last(ChallengeOutcome.RESUMED)
            self.redrawn += 1

    @property
    def is_begun(self) -> bool:
        """Whether a challenge of the present attempt has come to an end."""
        return len(self.evidence) > self._began

    @property
    def passed(self) -> list[ChallengeKind]:
        """What was passed in the present attempt, in order."""
        tried = self.evidence[self._began :]
        return [item.kind for item in tried if item.outcome is ChallengeOutcome.PASSED]

    @property
    def last_passed(self) -> ChallengeKind | None:
        """None where nothing was passed yet."""
        return next(reversed(self.passed), None)

    def number(self, config: CaptureConfig, standing: ChallengeKind | None = None) -> int:
        """How many challenges the present attempt asks, with the one that stands, if one does."""
        asked = [*self.passed, standing] if standing is not None else self.passed
        number = with_a_head_movement(config.number_of_challenges + self._more, asked, config.kinds)
        return number + self.redrawn * more_after_replacement(len(config.kinds))

    def add(
        self,
        challenge: Challenge,
        judge: ChallengeJudge,
        outcome: ChallengeOutcome,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """One more challenge of the present attempt has come to an end, at `at`."""
        limits = LIMITS[challenge.kind]
        self.evidence.append(
            ChallengeEvidence(
                attempt=self.attempt,
                kind=challenge.kind,
                asked_at=asked_at,
                passed_at=at if outcome is ChallengeOutcome.PASSED else None,
                unit=limits.unit,
                required=limits.required,
                measured=None if judge.peak is None else round(judge.peak, 3),
                onset_ms=judge.onset_ms,
                apex_ms=judge.apex_ms,
                return_ms=judge.return_ms,
                time_limit_ms=challenge.time_limit_ms,
                outcome=outcome,
                challenge_id=challenge.challenge_id,
            )
        )

    def _mark_last(self, outcome: ChallengeOutcome) -> None:
        self.evidence[-1] = replace(self.evidence[-1], outcome=outcome)
