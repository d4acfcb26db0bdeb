"""INJECTION: whether frames come from a camera that works now, by what the server itself can measure.

A sensor's noise makes every picture new. So the very same bytes may come twice running (a page that asks more
often than a slow camera delivers), but never again once another picture lay between them. Everything else is a
doubt: people have virtual cameras, frozen backgrounds and quiet networks for good reasons.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import TYPICAL_SCORE, Detector, DetectorEvidence
from app.domain.frame_signals import GreyImage


@dataclass(frozen=True, slots=True)
class InjectionLimits:
    """What counts as a doubt, and how many points of 100 each takes. Below 60 the risk is elevated, below 50 high.

    Nothing takes so many alone but frames that return, three times or twice by the clock, and one that stands.
    Development clips (`bench/detectors_sequences.py`): no frame returns, noise stands still in 0–2 % of the steps.
    """

    for_returned_frame: float = 17.0
    """Each frame that is the same, byte by byte, as an earlier one with others between them."""
    for_standing_still: float = 60.0
    """Times the share of the time in which one and the same frame came for longer than `still_ms`."""
    still_ms: int = 1_000
    """A camera at two frames a second in a dark room is the slowest that pages are given."""
    for_perfect_cadence: float = 25.0
    """Frames that arrive by the clock; only beside another doubt, for a quiet network alone is none."""
    jitter_ms: float = 1.0
    """Standard deviation of the intervals; networks and schedulers add more than that."""
    for_clocks_apart: float = 20.0
    clocks_apart_share: float = 0.05
    clocks_apart_ms: float = 1_000.0
    """Page and server measured spans of time that differ by more than both."""
    for_other_encoder: float = 25.0
    """Each structure of JPEG beyond the first, or one that cannot be read."""
    for_still_noise: float = 15.0
    still_noise_share: float = 0.5
    """Of steps to another frame whose upper corner is the same, pixel by pixel."""
    noise_least: float = 2.0
    """Corners with a smaller standard deviation are black, white, or smoothed by the encoder: they say nothing."""
    intervals_min: int = 20
    frames_min: int = 8
    frames_max: int = 3_000
    """Digests that are kept: 50 kB."""


LIMITS_OF_INJECTION = InjectionLimits()


@dataclass(slots=True)
class _Run:
    """The frame that came last, and since when it has come."""

    digest: bytes = b""
    since_ms: int = 0
    patch: GreyImage | None = None


@dataclass(slots=True)
class _Seen:
    """Counted so far."""

    frames: int = 0
    returned: int = 0
    repeated: int = 0
    still_ms: int = 0
    noise_steps: int = 0
    noise_still: int = 0
    structures: set[str] = field(default_factory=set)


class InjectionDetector:
    """`FrameDetector` of INJECTION; what the client reports about itself is no part of it."""

    def __init__(self, limits: InjectionLimits = LIMITS_OF_INJECTION) -> None:
        self._limits = limits
        self._seen, self._run = _Seen(), _Run()
        self._order: deque[bytes] = deque()
        self._digests: set[bytes] = set()
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=limits.frames_max)

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame, with or without a face."""
        self._seen.frames += 1
        self._seen.structures.add(frame.signals.jpeg)
        self._arrivals.append((frame.at_ms, frame.captured_at_ms))
        digest = frame.signals.digest
        if digest == self._run.digest:
            self._seen.repeated += 1
            return
        self._end_run(frame.at_ms)
        self._seen.returned += digest in self._digests
        self._look_at_noise(frame.signals.noise)
        self._run = _Run(digest, frame.at_ms, frame.signals.noise)
        self._remember(digest)

    def _end_run(self, at_ms: int) -> None:
        lasted_ms = at_ms - self._run.since_ms
        if self._run.digest and lasted_ms > self._limits.still_ms and self._arrivals_since_run() > 1:
            self._seen.still_ms += lasted_ms

    def _arrivals_since_run(self) -> int:
        """How often the last frame came: once and then nothing is a gap, and no frame that stands."""
        count = 0
        for at_ms, _ in reversed(self._arrivals):
            if at_ms < self._run.since_ms:
                break
            count += 1
        return count - 1

    def _look_at_noise(self, patch: GreyImage) -> None:
        if self._run.patch is None or float(patch.std()) < self._limits.noise_least:
            return
        self._seen.noise_steps += 1
        self._seen.noise_still += bool(np.array_equal(patch, self._run.patch))

    def _remember(self, digest: bytes) -> None:
        self._order.append(digest)
        self._digests.add(digest)
        if len(self._order) > self._limits.frames_max:
            self._digests.discard(self._order.popleft())

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `frames_min` frames."""
        if self._seen.frames < self._limits.frames_min:
            return DetectorEvidence(
                Detector.INJECTION, None, "too_few_frames", {"frames": float(self._seen.frames)}
            )
        measured = self._measured()
        doubts = self._doubts(measured)
        score = round(max(0.0, 100.0 - sum(doubts.values())), 2)
        reason = max(doubts, key=lambda name: doubts[name]) if score < TYPICAL_SCORE else "camera"
        return DetectorEvidence(Detector.INJECTION, score, reason, measured)

    def _measured(self) -> Mapping[str, float]:
        seen = self._seen
        arrivals = np.array(self._arrivals, dtype=np.float64)
        spans = np.diff(arrivals, axis=0)
        total_ms, reported_ms = (float(value) for value in arrivals[-1] - arrivals[0])
        still_ms = seen.still_ms + self._running_still_ms()
        return {
            "frames": float(seen.frames),
            "returned_frames": float(seen.returned),
            "repeated_frames": float(seen.repeated),
            "share_standing_still": round(min(1.0, still_ms / max(total_ms, 1.0)), 3),
            "arrival_jitter_ms": round(float(spans[:, 0].std()), 2),
            "clock_jitter_ms": round(float(spans[:, 1].std()), 2),
            "clocks_apart_ms": round(abs(total_ms - reported_ms), 1),
            "total_ms": round(total_ms, 1),
            "structures": float(len(seen.structures)),
            "unreadable_structures": float("" in seen.structures),
            "still_noise_share": round(seen.noise_still / max(seen.noise_steps, 1), 3),
            "noise_steps": float(seen.noise_steps),
        }

    def _running_still_ms(self) -> int:
        lasted_ms = self._arrivals[-1][0] - self._run.since_ms
        return lasted_ms if lasted_ms > self._limits.still_ms else 0

    def _doubts(self, measured: Mapping[str, float]) -> Mapping[str, float]:
        """Points that each doubt takes."""
        limits, get = self._limits, measured.__getitem__
        has_perfect_cadence = get("frames") > limits.intervals_min and get("arrival_jitter_ms") < limits.jitter_ms
        is_apart = get("clocks_apart_ms") > max(
            limits.clocks_apart_ms, limits.clocks_apart_share * get("total_ms")
        )
        has_still_noise = (
            get("noise_steps") >= limits.intervals_min and get("still_noise_share") > limits.still_noise_share
        )
        doubts = {
            "returned_frames": limits.for_returned_frame * get("returned_frames"),
            "one_frame_stands": limits.for_standing_still * get("share_standing_still"),
            "clocks_apart": limits.for_clocks_apart if is_apart else 0.0,
            "other_encoder": limits.for_other_encoder * (get("structures") - 1.0 + get("unreadable_structures")),
            "noise_stands_still": limits.for_still_noise if has_still_noise else 0.0,
        }
        if has_perfect_cadence and any(doubts.values()):
            doubts["perfect_cadence"] = limits.for_perfect_cadence
        return doubts
