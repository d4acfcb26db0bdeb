"""Captures that run now, in this process's memory: frames and their evidence never touch the disk."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.domain.capture import CaptureRun
from app.domain.challenge import Ability
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.attempt import new_watch
from app.domain.detectors.light_response import with_standing
from app.domain.frame_order import FrameOrder
from app.domain.verdict import AttemptFailure
from app.domain.watch import AttemptWatch

FORGET_AFTER_MS = 30 * 60 * 1_000
"""Longer than any session stays in progress without activity."""


FINGERPRINTS_MAX = 2_048
"""Fingerprints of an attempt's frames that are kept, the latest: three minutes at ten frames a second."""

PASSIVE_FRONTAL_MAX = 12
"""Passive PAD scores of frontal frames that are kept: the latest."""


FREE_QUALITY_RETRIES = 3
"""How often a session may fail for the picture alone without losing an attempt."""


@dataclass(frozen=True)
class KeptFrame:
    """A JPEG frame kept as evidence. `kind` is `still` or `challenge-N`."""

    kind: str
    jpeg: bytes


@dataclass(frozen=True)
class MovedFrame:
    """The frame of a challenge that shows the least of its movement that counts: who made it can be told."""

    challenge_id: str
    amount: float
    jpeg: bytes


@dataclass
class AttemptEvidence:
    """What one attempt leaves beside the run's own evidence; emptied when the next begins."""

    best_still: bytes | None = None
    best_quality: float = -1.0
    best_passive: Mapping[str, float] = field(default_factory=dict)
    moved: MovedFrame | None = None
    challenge_frames: list[KeptFrame] = field(default_factory=list)
    passive_frontal: deque[Mapping[str, float]] = field(default_factory=lambda: deque(maxlen=PASSIVE_FRONTAL_MAX))
    fingerprints: deque[int] = field(default_factory=lambda: deque(maxlen=FINGERPRINTS_MAX))
    passive_challenges: list[Mapping[str, float]] = field(default_factory=list)
    good_frames: int = 0
    received_bytes: int = 0
    watch: AttemptWatch = field(default_factory=new_watch, compare=False)


@dataclass
class LiveCapture:
    """One hosted session while its page is connected. Everything here is guarded by `lock`."""

    hosted_session_id: str
    run: CaptureRun
    page_id: str
    attempts_allowed: int
    attempts_used: int
    quality_retries_used: int
    lock: threading.RLock = field(default_factory=threading.RLock)
    evidence: AttemptEvidence = field(default_factory=AttemptEvidence)
    injection_signals: tuple[str, ...] = ()
    order: FrameOrder = field(default_factory=FrameOrder)
    recent_ms: deque[int] = field(default_factory=deque)
    refused_in_a_row: int = 0
    was_dropped: bool = False
    touched_ms: int | None = None
    put_ms: int = 0
    stills_refused: int = 0
    swapped: frozenset[Ability] = frozenset()
    failures: tuple[AttemptFailure, ...] = ()

    @property
    def last_used_ms(self) -> int:
        """When a frame was last noted, monotonic."""
        return max(self.put_ms, self.touched_ms or 0)

    @property
    def attempts_left(self) -> int:
        """Attempts that can still begin."""
        return max(0, self.attempts_allowed - self.attempts_used)

    @property
    def free_failures_left(self) -> int:
        """How often it may still fail for the picture alone, or be interrupted, at no cost."""
        return max(0, FREE_QUALITY_RETRIES - self.quality_retries_used)

    def detectors(self) -> tuple[DetectorEvidence, ...]:
        """What the detectors have found in the attempt, and what became of the light challenge."""
        return with_standing(self.evidence.watch.evidence(), self.run.light)


class LiveCaptures:
    """All live captures of this process, by hosted session id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captures: dict[str, LiveCapture] = {}

    def get(self, hosted_session_id: str) -> LiveCapture | None:
        """The live capture, None where no page of the session is connected here."""
        with self._lock:
            return self._captures.get(hosted_session_id)

    def put(self, capture: LiveCapture, now_ms: int) -> None:
        """Add, or replace what another page of the session left; forget those nobody came back to."""
        capture.put_ms = now_ms
        with self._lock:
            stale = [key for key, held in self._captures.items() if now_ms - held.last_used_ms > FORGET_AFTER_MS]
            for key in stale:
                del self._captures[key]
            self._captures[capture.hosted_session_id] = capture

    def drop(self, hosted_session_id: str) -> None:
        """Forget the capture and with it every frame it holds."""
        with self._lock:
            self._captures.pop(hosted_session_id, None)

    def count(self) -> int:
        """How many run now."""
        with self._lock:
            return len(self._captures)

    @contextmanager
    def locked(self, hosted_session_id: str) -> Iterator[LiveCapture | None]:
        """The capture under its own lock; sessions never wait for each other.

        Whoever waited while another page took over gets that page's capture.
        """
        while (capture := self.get(hosted_session_id)) is not None:
            with capture.lock:
                if self.get(hosted_session_id) is capture:
                    yield capture
                    return
        yield None
