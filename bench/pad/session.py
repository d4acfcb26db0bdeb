"""One session from hello to verdict: what is before the camera against the server's own use cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.capture_events import AttemptFailed, CaptureEvent, ChallengeAsked, ChallengeJudged, StillRequested
from app.domain.challenge import ChallengeKind
from app.domain.organization import Caller
from app.domain.session import BiometricSession
from app.services.keep_capture import StillUnusable
from app.services.observe_frame import FrameHeader
from app.services.record_consent import ConsentText
from bench.pad.studio import Studio

PAGE = "page-of-the-bench"
CONSENT = ConsentText(version="1", sha256="0" * 64, language="en")
LATENCY_MS = (25.0, 45.0)
"""From the camera to the server, a home's uplink."""

RETRY_MS = 2_000.0
"""How long somebody reads what went wrong before they try again."""

LONGEST_MS = 15 * 60 * 1_000.0
"""A session is stopped after this, whatever comes."""

STILLS_TRIED = 3
NOT_ALIGNED_MAX = 2
"""So many minutes before the camera without one second that alignment accepts: whoever it is gives up."""


class Actor(Protocol):
    """What is before the camera, or in its place. Times are milliseconds of the page's clock."""

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A challenge is shown."""

    def rest(self, now_ms: float) -> None:
        """Nothing is asked any more, or not yet: each attempt begins so."""

    def frame(self, now_ms: float) -> bytes:
        """The JPEG that is sent now."""

    def still(self, now_ms: float) -> bytes:
        """The JPEG of the end."""

    def wait_ms(self) -> float:
        """Milliseconds to the next frame."""


@dataclass
class Played:
    """How a session went. `sent` are frames with the number of their challenge, None during alignment."""

    session: BiometricSession | None
    asked: list[ChallengeKind] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    sent: list[tuple[float, int | None, bytes]] = field(default_factory=list)
    still: bytes = b""
    frames: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Page:
    """Does what the page does, for one session."""

    def __init__(
        self, studio: Studio, session: BiometricSession, actor: Actor, *, keeps_frames: bool = False
    ) -> None:
        self._studio, self._services, self._actor = studio, studio.capture, actor
        self._hosted_id = session.hosted_session_id
        self._played = Played(None)
        self._keeps_frames = keeps_frames
        self._latency = studio.draw.chance.uniform(*LATENCY_MS)

    def play(self) -> Played:
        """Until the session is over."""
        clock, cpu = self._studio.clock, time.process_time()
        began_ms = clock.ms
        services = self._services
        services.start_capture(self._hosted_id, page_id=PAGE, avoid=(), has_more_time=False)
        services.record_consent.accept(self._hosted_id, CONSENT)
        while self._played.session is None and clock.ms - began_ms < LONGEST_MS and not self._has_given_up():
            if services.begin_alignment(self._hosted_id, PAGE, ()) is None:
                break
            self._actor.rest(clock.ms)
            self._attempt()
            clock.advance(RETRY_MS)
        self._played.seconds = (clock.ms - began_ms) / 1_000
        self._played.cpu_seconds = time.process_time() - cpu
        return self._played

    def _has_given_up(self) -> bool:
        latest = self._played.failures[-NOT_ALIGNED_MAX:]
        return latest == ["not_aligned"] * NOT_ALIGNED_MAX

    def _attempt(self) -> None:
        """Frames until the attempt is over, or the session."""
        while self._played.session is None:
            self._studio.clock.advance(self._actor.wait_ms())
            live = self._services.live.get(self._hosted_id)
            nonce = live.run.frame_nonce if live else None
            if live is None or nonce is None:
                return
            challenge, at_ms = live.run.challenge, self._studio.clock.ms - self._latency
            data = self._actor.frame(at_ms)
            header = FrameHeader(
                seq=live.order.next_seq,
                captured_at_ms=at_ms,
                challenge_id=challenge.challenge_id if challenge else None,
                nonce=nonce,
            )
            if self._keeps_frames:
                self._played.sent.append((at_ms, challenge.index if challenge else None, data))
            result = self._services.observe_frame(self._hosted_id, PAGE, header, data)
            self._played.frames += 1
            if result.refusal:
                self._played.refusals.append(result.refusal)
            if result.ended is not None:
                self._played.session = result.ended
            self._follow(result.events, live.attempts_used)

    def _follow(self, events: Sequence[CaptureEvent], attempt: int) -> None:
        now_ms = self._studio.clock.ms
        for event in events:
            match event:
                case ChallengeAsked(challenge):
                    self._played.asked.append(challenge.kind)
                    self._actor.ask(challenge.kind, now_ms)
                case ChallengeJudged():
                    self._actor.rest(now_ms)
                case AttemptFailed(reason=reason):
                    self._played.failures.append(reason)
                    if self._keeps_frames:
                        self._played.sent.clear()
                    self._played.asked.clear()
                case StillRequested(nonce=nonce):
                    self._upload(attempt, nonce)
                case _:
                    pass

    def _upload(self, attempt: int, nonce: str) -> None:
        """The still, a few times where it shows no face; then the verdict."""
        for _ in range(STILLS_TRIED):
            self._studio.clock.advance(400.0)
            self._played.still = self._actor.still(self._studio.clock.ms)
            try:
                self._services.keep_capture(self._hosted_id, attempt, nonce, self._played.still)
            except StillUnusable as refused:
                self._played.session = self._played.session or refused.ended
                if refused.is_attempt_over:
                    return
                continue
            self._played.session = self._services.decide_capture(self._hosted_id)
            return


def play(
    studio: Studio,
    caller: Caller,
    entity_id: str,
    avoid: Sequence[str],
    actor: Actor,
    *,
    keeps_frames: bool = False,
) -> Played:
    """Open a session for the entity and play it to its end."""
    session = studio.open(caller, entity_id, avoid)
    return Page(studio, session, actor, keeps_frames=keeps_frames).play()
