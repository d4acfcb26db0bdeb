"""Somebody sits in front of a capture run: frames at a steady rate, and what came of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.capture import CaptureRun
from app.domain.capture_config import CaptureConfig
from app.domain.capture_events import AttemptFailed, CaptureEvent, ChallengeAsked, HintChanged
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind, number_of_challenges
from app.domain.face import Observation
from tests.faces import RESTING, Face, Motion, seen
from tests.fakes import EPOCH, SeededRandomness

ALL_KINDS = tuple(ChallengeKind)


def config_for(kinds: Iterable[ChallengeKind] = ALL_KINDS) -> CaptureConfig:
    """What a session with these kinds left asks."""
    left = tuple(kinds)
    return CaptureConfig(kinds=left, number_of_challenges=number_of_challenges(len(left)))


def new_run(config: CaptureConfig, seed: int = 1) -> CaptureRun:
    randomness = SeededRandomness(seed)
    return CaptureRun(
        config,
        choose=randomness.choose,
        choose_colour=randomness.choose,
        new_id=randomness.object_id,
        new_nonce=randomness.nonce,
    )


@dataclass
class Sitting:
    """`events` keeps everything since the beginning."""

    run: CaptureRun = field(default_factory=lambda: new_run(config_for()))
    fps: int = 10
    now_ms: int = 1_000_000
    base: Face = RESTING
    events: list[CaptureEvent] = field(default_factory=list)

    def begin(self, attempt: int = 1) -> Sitting:
        """Alignment begins."""
        self.events += self.run.align(attempt, self.now_ms)
        return self

    def show(self, frame: Face | Observation | None, after_ms: int | None = None) -> list[CaptureEvent]:
        """One frame, by default in the rhythm of the camera."""
        self.now_ms += 1_000 // self.fps if after_ms is None else after_ms
        observation = frame if isinstance(frame, Observation) else seen(frame)
        at = EPOCH + timedelta(milliseconds=self.now_ms)
        events = self.run.observe(observation, self.now_ms, at)
        self.events += events
        return events

    def rest(self, ms: int) -> list[CaptureEvent]:
        """Look into the camera and do nothing."""
        return self.hold(self.base, ms)

    def hold(self, frame: Face | Observation | None, ms: int) -> list[CaptureEvent]:
        """The same frame again and again."""
        frames = itertools.repeat(frame, round(ms * self.fps / 1_000))
        return [event for item in frames for event in self.show(item)]

    def align(self) -> Sitting:
        """Rest until the first challenge is asked (or nothing has to be)."""
        for _ in range(200):
            if self.run.phase is not CapturePhase.ALIGN:
                return self
            self.show(self.base)
        raise AssertionError("alignment does not end")

    def perform(self, kind: ChallengeKind) -> list[CaptureEvent]:
        """Move, until the challenge that stands is over."""
        asked = self.run.challenge
        events: list[CaptureEvent] = []
        for _, face in Motion(kind, rest_ms=300, hold_ms=1_000).frames(self.fps, self.base):
            events += self.show(face)
            if self.run.challenge is not asked:
                break
        return events

    def obey(self) -> list[CaptureEvent]:
        """Do what is asked."""
        assert self.run.challenge is not None
        return self.perform(self.run.challenge.kind)

    def pass_all(self) -> Sitting:
        """Obey until nothing is asked any more."""
        while self.run.challenge is not None:
            self.obey()
        return self

    def asked(self) -> list[ChallengeAsked]:
        return [event for event in self.events if isinstance(event, ChallengeAsked)]

    def hints(self) -> list[HintChanged]:
        return [event for event in self.events if isinstance(event, HintChanged)]

    def failures(self) -> list[AttemptFailed]:
        return [event for event in self.events if isinstance(event, AttemptFailed)]
