"""One capture as it runs: alignment, challenges one at a time, coloured light where it is asked for, the still.

Pure: frames come in as observations with a time, what happened comes out as events. Drawing and ids
are handed in. One run serves one session; nothing here is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from app.domain.attempt_record import AttemptRecord
from app.domain.capture_config import CaptureConfig
from app.domain.capture_events import (
    AlignProgress,
    AttemptFailed,
    CaptureEvent,
    ChallengeAsked,
    ChallengeJudged,
    ChallengeProgress,
    StillRequested,
)
from app.domain.capture_phase import BETWEEN_CHALLENGES, FRAME_PHASES, CapturePhase, Suspended
from app.domain.challenge import (
    MIN_KINDS_FOR_VERDICT,
    Challenge,
    ChallengeKind,
    Choose,
    draw_next,
    number_of_challenges,
)
from app.domain.face import FaceMeasurement, Observation
from app.domain.hint_pace import CoverPatience, HintPace
from app.domain.light import (
    ChooseColour,
    LightNoticed,
    LightShow,
    LightStanding,
    Lit,
    draw_light,
)
from app.domain.liveness import ChallengeJudge, Neutral, neutral_of
from app.domain.quality import Hint, HintCode, alignment_hint, is_steady, presence_hint
from app.domain.verdict import ChallengeEvidence, ChallengeOutcome

FREE_OUTCOMES = frozenset({ChallengeOutcome.FACE_LOST, ChallengeOutcome.INTERRUPTED})
"""Outcomes that say nothing about the person: the picture failed, not the movement."""


class CaptureRun:
    """The run of one session through its attempts."""

    def __init__(
        self,
        config: CaptureConfig,
        *,
        choose: Choose,
        choose_colour: ChooseColour,
        new_id: Callable[[], str],
        new_nonce: Callable[[], str],
    ) -> None:
        self.config = config
        self.phase = CapturePhase.IDLE
        self.record = AttemptRecord()
        self.challenge: Challenge | None = None
        self.nonce = ""
        self.light = config.light
        self._choose, self._choose_colour = choose, choose_colour
        self._new_id, self._new_nonce = new_id, new_nonce
        self._show: LightShow | None = None
        self.asked_ms: int | None = None
        self.neutral: Neutral | None = None
        self._suspended: Suspended | None = None
        self._resumed_from: ChallengeKind | None = None
        self._judge: ChallengeJudge | None = None
        self._phase_since_ms, self._attempt_since_ms = 0, 0
        self._asked_at: datetime | None = None
        self._last_frame_ms: int | None = None
        self._hints, self._covers = HintPace(config), CoverPatience(config)
        self._held: list[tuple[int, FaceMeasurement]] = []

    @property
    def attempt(self) -> int:
        """The present attempt, numbered from 1; 0 before the first."""
        return self.record.attempt

    @property
    def evidence(self) -> list[ChallengeEvidence]:
        """Each challenge of all attempts that has come to an end."""
        return self.record.evidence

    @property
    def frame_nonce(self) -> str | None:
        """What frames must carry now: each alignment and each step has its own. None while none are wanted."""
        return self.nonce if self.phase in FRAME_PHASES else None

    @property
    def is_light_unanswered(self) -> bool:
        """Whether the notice of the light challenge stands, and the person has not answered it."""
        return self.phase is CapturePhase.LIGHT and self._show is None

    @property
    def lit(self) -> Lit | None:
        """The colour that the screen was told to show, None where it was told none."""
        return self._show.lit if self._show is not None and self.phase is CapturePhase.LIGHT else None

    @property
    def number_of_challenges(self) -> int:
        """How many the present attempt asks: more for each one that was drawn anew, and after many failures."""
        return self.record.number(self.config, self.challenge.kind if self.challenge is not None else None)

    def align(self, attempt: int, now_ms: int, more: int = 0) -> list[CaptureEvent]:
        """Begin an attempt (numbered from 1) with alignment; whatever ran before is dropped. It asks `more`."""
        self._let_go()
        self.record.begin(attempt, more)
        self._show, self.light = None, self.config.light
        return self._begin_alignment(now_ms)

    def resume(self, now_ms: int) -> list[CaptureEvent] | None:
        """Go on with an attempt that was interrupted a moment ago: alignment, then another challenge.

        What was passed stays passed, and more is asked. None where nothing is to be resumed, or not any more.
        """
        suspended, limits = self._suspended, self.config
        if suspended is None or self.phase is not CapturePhase.IDLE or limits.needs_review:
            return None
        is_late = now_ms - suspended.since_ms > limits.resume_within_ms
        if is_late or now_ms - self._attempt_since_ms >= limits.attempt_limit_ms:
            return None
        self.record.resume()
        self._suspended, self._resumed_from = None, suspended.kind
        return self._begin_alignment(now_ms)

    def reconfigure(self, config: CaptureConfig) -> None:
        """What the person asks for on the page. While something is asked of them it stays as it is.

        Who has declined the light is not asked again.
        """
        if self.config.light is LightStanding.DECLINED:
            config = replace(config, light=LightStanding.DECLINED)
        if config == self.config or self.phase not in BETWEEN_CHALLENGES:
            return
        self._let_go()
        self.config, self.light = config, config.light

    def _let_go(self) -> None:
        """Nothing that was passed before counts any more, and what was suspended is not resumed."""
        self._suspended, self._resumed_from = None, None
        self.record.let_go()

    def _begin_alignment(self, now_ms: int) -> list[CaptureEvent]:
        self.phase, self.challenge, self._judge, self._held = CapturePhase.ALIGN, None, None, []
        self.asked_ms, self.neutral, self.nonce = None, None, self._new_nonce()
        self._phase_since_ms, self._last_frame_ms = now_ms, None
        return self._hints.show(None, now_ms, is_new_step=True)

    def stop(self) -> None:
        """No frame counts from here on."""
        self.phase, self.challenge, self._judge = CapturePhase.STOPPED, None, None
        self._suspended = None

    def give_up(self, reason: str) -> AttemptFailed:
        """End the attempt for a reason of the session's own, such as its budget."""
        was_counted = self.challenge is not None or self.record.is_begun
        self.stop()
        return AttemptFailed(reason, is_free=False, was_counted=was_counted)

    def passed_count(self) -> int:
        """Challenges passed in the present attempt."""
        return len(self.record.passed)

    def observe(self, observation: Observation, now_ms: int, at: datetime) -> list[CaptureEvent]:
        """Take one frame. `now_ms` is monotonic, `at` the wall clock for the evidence."""
        events: list[CaptureEvent] = []
        gap_ms = now_ms - self._last_frame_ms if self._last_frame_ms is not None else 0
        self._last_frame_ms = now_ms
        is_gap = gap_ms > self.config.gap_limit_ms
        if self.phase is CapturePhase.CHALLENGE and is_gap:
            events += self._suspend(at, now_ms - gap_ms)
        elif self.phase is CapturePhase.ALIGN:
            self._held = [] if is_gap else self._held
            events += self._align_frame(observation, now_ms, at)
        elif self.phase is CapturePhase.CHALLENGE:
            events += self._challenge_frame(observation, now_ms, at)
        elif self.phase is CapturePhase.LIGHT:
            events += self._light_frame(observation, now_ms, is_gap=is_gap)
        elif self.phase is CapturePhase.CAPTURE:
            events += self._capture_frame(observation, now_ms)
        return events

    def interrupt(self, at: datetime) -> list[CaptureEvent]:
        """The page was hidden or the connection lost: what was asked is not asked again.

        The run then waits for the page to come back with its camera.
        """
        since_ms = self._phase_since_ms if self._last_frame_ms is None else self._last_frame_ms
        events: list[CaptureEvent] = []
        match self.phase:
            case CapturePhase.CHALLENGE:
                return self._suspend(at, since_ms)
            case CapturePhase.LIGHT:
                events.append(self._light_failed(ChallengeOutcome.INTERRUPTED))
            case CapturePhase.ALIGN if self._resumed_from is not None:
                self._suspended = Suspended(self._resumed_from, since_ms)
            case CapturePhase.ALIGN:
                pass
            case _:
                return []
        self.phase = CapturePhase.IDLE
        return events

    def _suspend(self, at: datetime, since_ms: int) -> list[CaptureEvent]:
        """The challenge that stands is void, and the attempt can be resumed."""
        kind = self.challenge.kind if self.challenge is not None else None
        events = self._judged(ChallengeOutcome.INTERRUPTED, at)
        self.phase = CapturePhase.IDLE
        self._suspended = None if kind is None else Suspended(kind, since_ms)
        return events

    def answer_light(self, *, is_accepted: bool, now_ms: int) -> list[CaptureEvent] | None:
        """The person has read the notice: the colours begin, or are left out. None where no notice stands.

        Who has declined is not asked again in a later attempt.
        """
        if not self.is_light_unanswered:
            return None
        if not is_accepted:
            self.light = LightStanding.DECLINED
            self.config = replace(self.config, light=self.light)
            return self._request_still(now_ms)
        self._show = LightShow(self.nonce, draw_light(self._choose_colour), now_ms)
        return [self._show.shown]

    def swap(self, challenge_id: str, now_ms: int, at: datetime) -> list[CaptureEvent] | None:
        """Draw another movement instead of one the person cannot do; costs no attempt, and more is asked.

        The ability is not asked for again, and the number of challenges follows the rule for the kinds
        that are left. None where it is not the challenge that stands, or too few kinds would be left.
        """
        if self.challenge is None or self.challenge.challenge_id != challenge_id:
            return None
        kind = self.challenge.kind
        left = tuple(item for item in self.config.kinds if item.ability is not kind.ability)
        if len(left) < MIN_KINDS_FOR_VERDICT:
            return None
        number = number_of_challenges(len(left), self.config.number_of_challenges)
        self._record(ChallengeOutcome.SWAPPED, at)
        self.record.redrawn += 1
        self.config = replace(self.config, kinds=left, number_of_challenges=number)
        return self._ask_next(now_ms, at)

    def _align_frame(self, observation: Observation, now_ms: int, at: datetime) -> list[CaptureEvent]:
        if now_ms - self._phase_since_ms >= self.config.align_limit_ms:
            self.stop()
            return [AttemptFailed("not_aligned", is_free=True, was_counted=False)]
        hint = alignment_hint(observation, self.config.quality)
        if self._covers.has_lasted(hint, now_ms):
            self.config = replace(self.config, quality=self.config.quality.patient())
            hint = alignment_hint(observation, self.config.quality)
        if hint is None and observation.face is not None:
            self._held.append((now_ms, observation.face))
            if not is_steady(self._held[0][1], self._held[-1][1]):
                hint, self._held = Hint(HintCode.HOLD_STILL), self._held[-1:]
        else:
            self._held = []
        events = self._hints.show(hint, now_ms)
        held_ms = now_ms - self._held[0][0] if self._held else 0
        if held_ms < self.config.hold_ms or len(self._held) < self.config.hold_frames:
            return [*events, AlignProgress(min(99, 100 * held_ms // self.config.hold_ms))]
        self.neutral = neutral_of([face for _, face in self._held])
        dropped, self._resumed_from = self._resumed_from, None
        if dropped is None:
            self._attempt_since_ms = now_ms
        return [*events, AlignProgress(100), *self._ask_next(now_ms, at, dropped, is_first=True)]

    def _ask_next(
        self, now_ms: int, at: datetime, dropped: ChallengeKind | None = None, *, is_first: bool = False
    ) -> list[CaptureEvent]:
        index, self.challenge, self._judge = self.passed_count(), None, None
        if index >= self.number_of_challenges:
            if self.light is not LightStanding.ASKED:
                return self._request_still(now_ms)
            self.phase, self.nonce = CapturePhase.LIGHT, self._new_nonce()
            return [*self._hints.show(None, now_ms, is_new_step=True), LightNoticed(self.nonce)]
        if self.neutral is None:
            raise RuntimeError("a challenge needs the neutral face of a completed alignment")
        kind = draw_next(self.config.kinds, self.record.last_passed, self._choose, dropped)
        self.nonce = self._new_nonce()
        self.challenge = Challenge(
            challenge_id=self._new_id(),
            nonce=self.nonce,
            kind=kind,
            index=index,
            total=self.record.number(self.config, kind),
            time_limit_ms=self.config.challenge_limit_ms,
        )
        self.phase = CapturePhase.CHALLENGE
        self._judge = ChallengeJudge(kind, self.neutral, self.config.challenge_limit_ms, self.config.quality)
        self.asked_ms, self._asked_at = now_ms, at
        return [*self._hints.show(None, now_ms, is_new_step=True), ChallengeAsked(self.challenge, is_first)]

    def _request_still(self, now_ms: int) -> list[CaptureEvent]:
        self.phase, self._phase_since_ms = CapturePhase.CAPTURE, now_ms
        self.nonce = self._new_nonce()
        return [*self._hints.show(None, now_ms, is_new_step=True), StillRequested(self.nonce)]

    def _light_frame(self, observation: Observation, now_ms: int, *, is_gap: bool) -> list[CaptureEvent]:
        """While the notice is read nothing is judged; a sequence that is not seen to its end is worth nothing."""
        if now_ms - self._attempt_since_ms >= self.config.attempt_limit_ms:
            self.stop()
            return [AttemptFailed(ChallengeOutcome.TIMED_OUT.value, is_free=True)]
        if self._show is None:
            return []
        trouble = self._show.trouble(observation, self.config.quality, now_ms)
        if is_gap:
            trouble = ChallengeOutcome.INTERRUPTED
        if trouble is not None:
            return [self._light_failed(trouble)]
        events = self._hints.show(presence_hint(observation, self.config.quality), now_ms)
        if not self._show.is_due(now_ms):
            return events
        shown = self._show.advance(now_ms)
        if shown is not None:
            return [*events, shown]
        self.light = LightStanding.SHOWN
        return [*events, *self._request_still(now_ms)]

    def _light_failed(self, outcome: ChallengeOutcome) -> AttemptFailed:
        self.stop()
        return AttemptFailed(outcome.value, is_free=outcome in FREE_OUTCOMES)

    def _challenge_frame(self, observation: Observation, now_ms: int, at: datetime) -> list[CaptureEvent]:
        if self._judge is None or self.challenge is None:
            return []
        if now_ms - self._attempt_since_ms >= self.config.attempt_limit_ms:
            return self._judged(ChallengeOutcome.TIMED_OUT, at)
        judgement = self._judge.observe(observation, now_ms - (self.asked_ms or 0))
        if judgement.outcome is None:
            progress = ChallengeProgress(self.challenge.challenge_id, judgement.percent)
            return [progress, *self._hints.show(judgement.hint, now_ms)]
        events = self._judged(judgement.outcome, at)
        if judgement.outcome is ChallengeOutcome.PASSED:
            events += self._ask_next(now_ms, at)
        return events

    def _capture_frame(self, observation: Observation, now_ms: int) -> list[CaptureEvent]:
        """All is shown; a still that does not come is the connection's fault, so the attempt may be free."""
        if now_ms - self._attempt_since_ms >= self.config.attempt_limit_ms:
            self.stop()
            return [AttemptFailed(ChallengeOutcome.TIMED_OUT.value, is_free=True)]
        return self._hints.show(alignment_hint(observation, self.config.quality), now_ms)

    def _judged(self, outcome: ChallengeOutcome, at: datetime) -> list[CaptureEvent]:
        """Record the evidence; anything but a pass ends the attempt."""
        challenge = self.challenge
        if challenge is None:
            return []
        self._record(outcome, at)
        events: list[CaptureEvent] = [ChallengeJudged(challenge.challenge_id, outcome)]
        if outcome is not ChallengeOutcome.PASSED:
            self.stop()
            events.append(AttemptFailed(outcome.value, is_free=outcome in FREE_OUTCOMES))
        return events

    def _record(self, outcome: ChallengeOutcome, at: datetime) -> None:
        challenge, judge, asked_at = self.challenge, self._judge, self._asked_at
        if challenge is None or judge is None or asked_at is None:
            return
        self.record.add(challenge, judge, outcome, asked_at, at)
