"""The heart of a session: one frame in, what the page is to be told out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.capture_events import AttemptFailed, CaptureEvent, ChallengeAsked, ChallengeJudged, StillRequested
from app.domain.capture_phase import FRAME_PHASES, CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.errors import InvalidImage
from app.domain.face import BgrImage, Observation
from app.domain.liveness import LIMITS, movement
from app.domain.quality import still_quality
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import ChallengeOutcome
from app.services.attempts import AttemptLedger, more_challenges
from app.services.frame_traffic import FrameTraffic
from app.services.live_capture import AttemptEvidence, KeptFrame, LiveCapture, LiveCaptures, MovedFrame
from app.services.ports import Clock, FaceAnalyzer, FrameSignalReader, ImageReader, PassivePad
from app.services.store import Store

PASSIVE_EVERY = 2
"""Passive PAD looks at every second frontal frame: both networks cost half of what landmarks do."""

TOUCH_EVERY_MS = 5_000
IN_THE_MIDST = frozenset({CapturePhase.CHALLENGE, CapturePhase.LIGHT})
"""Phases in which no page says that its camera begins: it has said so, or was interrupted."""
SWAPS_MAX = 2


@dataclass(frozen=True)
class FrameLimits:
    """What a page may send."""

    max_bytes: int = 262_144
    frames_per_second: int = 20


@dataclass(frozen=True)
class FrameHeader:
    """What comes with a frame: its number, the page's clock, the challenge it answers, and the nonce in force."""

    seq: int
    captured_at_ms: float
    challenge_id: str | None
    nonce: str


@dataclass(frozen=True)
class FrameResult:
    """Events for the page, or why the frame was refused. `ended` is the session where this frame ended it.

    `expected_seq` goes with a refusal: the number that the next frame must have.
    """

    events: Sequence[CaptureEvent] = field(default_factory=tuple)
    refusal: str | None = None
    refused_in_a_row: int = 0
    expected_seq: int | None = None
    ended: BiometricSession | None = None


@dataclass(frozen=True, kw_only=True)
class BeginAlignment:
    """The camera is live (or the person tries again): the next attempt starts with alignment."""

    store: Store
    clock: Clock
    ledger: AttemptLedger
    live: LiveCaptures
    traffic: FrameTraffic

    def __call__(
        self, hosted_session_id: str, page_id: str, signals: Sequence[str]
    ) -> Sequence[CaptureEvent] | None:
        """Events, or None where the session does not wait for a camera (no consent, over, other page).

        `ServerFull` where it has to wait: a session whose first attempt has begun never has to. One that has
        no attempt left ends here, without an event.
        """
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.page_id != page_id or live.run.phase in IN_THE_MIDST:
                return None
            live.injection_signals = tuple(dict.fromkeys([*live.injection_signals, *signals]))
            if live.run.phase in FRAME_PHASES:
                return []  # another camera, the same alignment or still: time and budget go on
            if not self._is_consented(hosted_session_id):
                return None
            if live.attempts_left == 0:
                self._exhaust(live)
                return []
            resumed = self._resumed(live)
            if resumed is not None:
                return resumed
            self.traffic.check(hosted_session_id, has_begun=live.attempts_used > 0)
            live.evidence, live.stills_refused = AttemptEvidence(), 0
            return live.run.align(live.attempts_used + 1, self.clock.monotonic_ms(), more_challenges(live))

    def _exhaust(self, live: LiveCapture) -> None:
        """The failure of the last attempt is counted, and could not be written when it came."""
        self.ledger.exhaust(live)
        self.live.drop(live.hosted_session_id)

    def _resumed(self, live: LiveCapture) -> Sequence[CaptureEvent] | None:
        """The attempt that was interrupted, where it was given back: so often and no more it can go on."""
        if live.attempts_used >= live.run.attempt:
            return None
        events = live.run.resume(self.clock.monotonic_ms())
        if events is None:
            return None
        if live.evidence.watch.trace.prompts:
            live.evidence.watch.cut_trace()
        return events

    def _is_consented(self, hosted_session_id: str) -> bool:
        with self.store.read() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
        return (
            found is not None
            and found[0].status is SessionStatus.IN_PROGRESS
            and not found[0].is_in_review
            and found[1].state is HostedState.CONSENTED
        )


@dataclass(frozen=True, kw_only=True)
class InterruptCapture:
    """The page went away or was hidden: the challenge that stood is void, for quality alone."""

    clock: Clock
    ledger: AttemptLedger
    live: LiveCaptures
    traffic: FrameTraffic

    def __call__(self, hosted_session_id: str, page_id: str, *, at_no_cost: bool = False) -> FrameResult:
        """Events for the page, empty where nothing was running.

        `at_no_cost`: not where it would cost an attempt. A dialog that is opened must not end a session.
        """
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.page_id != page_id or (at_no_cost and self._would_cost(live)):
                return FrameResult()
            events = live.run.interrupt(self.clock.now())
            self.traffic.rest(hosted_session_id)
            ended = None
            for event in events:
                if isinstance(event, AttemptFailed):
                    ended = self.ledger.fail(live, event)
        if ended is not None:
            self.live.drop(hosted_session_id)
        return FrameResult(events=events, ended=ended)

    def _would_cost(self, live: LiveCapture) -> bool:
        return live.run.phase in IN_THE_MIDST and live.free_failures_left == 0


@dataclass(frozen=True, kw_only=True)
class SwapChallenge:
    """The person cannot do what is asked: another movement is drawn, at most twice a session."""

    clock: Clock
    live: LiveCaptures

    def __call__(self, hosted_session_id: str, page_id: str, challenge_id: str) -> Sequence[CaptureEvent] | None:
        """Events, or None where it cannot be swapped."""
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.page_id != page_id or len(live.swapped) >= SWAPS_MAX:
                return None
            asked = live.run.challenge
            events = live.run.swap(challenge_id, self.clock.monotonic_ms(), self.clock.now())
            if events is not None and asked is not None:
                live.swapped |= {asked.kind.ability}
            return events


@dataclass(frozen=True, kw_only=True)
class AnswerLight:
    """The person has read what the light challenge is: colours begin, or are left out."""

    clock: Clock
    live: LiveCaptures
    traffic: FrameTraffic

    def __call__(self, hosted_session_id: str, page_id: str, *, is_accepted: bool) -> FrameResult | None:
        """Events for the page, or None where no notice stands."""
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.page_id != page_id:
                return None
            events = live.run.answer_light(is_accepted=is_accepted, now_ms=self.clock.monotonic_ms())
            if live.run.phase is CapturePhase.CAPTURE:
                self.traffic.rest(hosted_session_id)
        return None if events is None else FrameResult(events=events)


@dataclass(frozen=True, kw_only=True)
class ObserveFrame:
    """Decode, observe, judge, keep what is evidence. Frames of one session come one at a time, in order."""

    images: ImageReader
    analyzer: FaceAnalyzer
    signals: FrameSignalReader
    pad: PassivePad
    ledger: AttemptLedger
    store: Store
    clock: Clock
    live: LiveCaptures
    limits: FrameLimits
    traffic: FrameTraffic

    def __call__(self, hosted_session_id: str, page_id: str, header: FrameHeader, data: bytes) -> FrameResult:
        """Judge one frame. Refusals never cost an attempt, but too many in a row close the socket."""
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.page_id != page_id:
                return FrameResult(refusal="not_expected", refused_in_a_row=1)
            refusal = self._refusal(live, header, data)
            if refusal is not None:
                return self._refused(live, refusal)
            return self._in_turn(live, header, data)

    def _in_turn(self, live: LiveCapture, header: FrameHeader, data: bytes) -> FrameResult:
        """Analyse it when it is its turn. Of two frames that come too late in a row the second is taken."""
        with self.traffic.turn(live.hosted_session_id, may_be_dropped=not live.was_dropped) as turn:
            live.was_dropped = turn.is_late
            if turn.is_late:
                return self._refused(live, "late")
            try:
                image = self.images.read_frame(data)
            except InvalidImage:
                return self._refused(live, "not_an_image")
            live.refused_in_a_row, turn.is_judged = 0, True
            events = self._judge(live, header, image, data)
        if any(isinstance(event, AttemptFailed | StillRequested) for event in events):
            self.traffic.rest(live.hosted_session_id)
        # The store is slow, and others wait for the turn.
        ended = self._settle(live, events) or self._touch(live, self.clock.monotonic_ms())
        if ended is not None:
            self.live.drop(live.hosted_session_id)
        return FrameResult(events=events, ended=ended)

    def _refused(self, live: LiveCapture, refusal: str) -> FrameResult:
        live.refused_in_a_row += 1
        return FrameResult(
            refusal=refusal, refused_in_a_row=live.refused_in_a_row, expected_seq=live.order.next_seq
        )

    def _refusal(self, live: LiveCapture, header: FrameHeader, data: bytes) -> str | None:
        """Why the frame is not taken. From its turn on it has used up its number."""
        now_ms = self.clock.monotonic_ms()
        if live.run.phase not in FRAME_PHASES:
            return "not_expected"
        refusal = live.order.refusal(header.seq)
        if refusal is not None:
            return refusal
        if len(data) > self.limits.max_bytes:
            return "too_large"
        while live.recent_ms and now_ms - live.recent_ms[0] >= 1_000:
            live.recent_ms.popleft()
        if len(live.recent_ms) >= self.limits.frames_per_second:
            return "too_fast"
        live.recent_ms.append(now_ms)
        current = live.run.challenge.challenge_id if live.run.challenge else None
        if header.challenge_id != current or header.nonce != live.run.frame_nonce:
            return "other_challenge"
        return None if live.order.keeps_time(header.captured_at_ms, now_ms) else "other_time"

    def _judge(
        self, live: LiveCapture, header: FrameHeader, image: BgrImage, data: bytes
    ) -> Sequence[CaptureEvent]:
        observation = self.analyzer.observe(image)
        signals = self.signals.measure(image, data, observation)
        now_ms = self.clock.monotonic_ms()
        live.evidence.watch.observe(
            WatchedFrame(
                at_ms=now_ms,
                captured_at_ms=header.captured_at_ms,
                phase=live.run.phase,
                challenge=live.run.challenge,
                asked_ms=live.run.asked_ms,
                neutral=live.run.neutral,
                observation=observation,
                signals=signals,
                lit=live.run.lit,
            )
        )
        if live.run.lit is None:
            self._keep(live, observation, image, data)
        if signals.fingerprint is not None and live.run.challenge is not None:
            live.evidence.fingerprints.append(signals.fingerprint)
        _keep_moved_frame(live, observation, data)
        events = live.run.observe(observation, now_ms, self.clock.now())
        if any(_is_pass(event) for event in events):
            self._keep_challenge_frame(live, observation, image, data)
        live.evidence.received_bytes += len(data)
        is_running = live.run.phase in FRAME_PHASES
        if is_running and live.evidence.received_bytes > live.run.config.attempt_bytes:
            events.append(live.run.give_up("too_much_data"))
        return events

    def _keep(self, live: LiveCapture, observation: Observation, image: BgrImage, data: bytes) -> None:
        """Keep the best still of the attempt, and let passive PAD look at it and at some of the good frames.

        None of those in coloured light: neither recognizer nor passive PAD knows skin in such colours.
        """
        quality = still_quality(observation, live.run.config.quality)
        if quality is None or observation.face is None:
            return
        evidence = live.evidence
        is_best = quality > evidence.best_quality
        if is_best or evidence.good_frames % PASSIVE_EVERY == 0:
            scores = self.pad.score(image, observation.face.box)
            if scores:
                evidence.passive_frontal.append(scores)
            if is_best:
                evidence.best_quality, evidence.best_still, evidence.best_passive = quality, data, scores
        evidence.good_frames += 1

    def _keep_challenge_frame(
        self, live: LiveCapture, observation: Observation, image: BgrImage, data: bytes
    ) -> None:
        """Keep a frame that shows whose challenge it was. Passive PAD looks at the one that ended it.

        That one is frontal, as passive PAD needs it; by itself it would let somebody else make the movement.
        """
        evidence = live.evidence
        shown = data if evidence.moved is None else evidence.moved.jpeg
        evidence.challenge_frames.append(KeptFrame(f"challenge-{len(evidence.challenge_frames) + 1}", shown))
        evidence.moved = None
        scores = self.pad.score(image, observation.face.box) if observation.face else {}
        if scores:
            evidence.passive_challenges.append(scores)

    def _settle(self, live: LiveCapture, events: Sequence[CaptureEvent]) -> BiometricSession | None:
        """Make durable what the events mean for attempts."""
        ended = None
        for event in events:
            match event:
                case ChallengeAsked(is_first=True):
                    self.ledger.begin(live)
                case StillRequested() if live.run.config.number_of_challenges == 0:
                    self.ledger.begin(live)
                case AttemptFailed():
                    ended = self.ledger.fail(live, event)
                case _:
                    pass
        return ended

    def _touch(self, live: LiveCapture, now_ms: int) -> BiometricSession | None:
        """Note activity now and then; the session where somebody else has ended it meanwhile."""
        if live.touched_ms is not None and now_ms - live.touched_ms < TOUCH_EVERY_MS:
            return None
        live.touched_ms = now_ms
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(live.hosted_session_id)
            if found is None:
                return None
            uow.sessions.touch(found[0].session_id, self.clock.now())
            uow.commit()
        return found[0] if found[0].status.is_terminal else None


def _keep_moved_frame(live: LiveCapture, observation: Observation, data: bytes) -> None:
    """Hold the frame that shows the least of the movement that counts.

    Recognizers know faces the worse, the further they are turned (docs/liveness.md).
    """
    challenge, neutral, face = live.run.challenge, live.run.neutral, observation.face
    if challenge is None or neutral is None or face is None:
        return
    amount, kept = movement(challenge.kind, face, neutral), live.evidence.moved
    is_other = kept is None or kept.challenge_id != challenge.challenge_id
    if amount >= LIMITS[challenge.kind].required and (is_other or kept is None or amount < kept.amount):
        live.evidence.moved = MovedFrame(challenge.challenge_id, amount, data)


def _is_pass(event: CaptureEvent) -> bool:
    return isinstance(event, ChallengeJudged) and event.outcome is ChallengeOutcome.PASSED
