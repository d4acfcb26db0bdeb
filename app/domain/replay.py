"""Whether the frames of an attempt were seen in another session: the evidence of the replay ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.domain.detector_evidence import Detector, DetectorEvidence, graded

Fingerprints = NDArray[np.uint64]
"""Of the frames of one session, any number."""

FINGERPRINTS_KEPT = 24
"""Frames of a session that the ledger remembers, spread over its challenges: about one a second."""

NEAR_BITS = 6
"""Fingerprints that differ in so many bits or fewer are of one frame; by chance one pair in 10¹¹ does."""

FRAMES_MIN = 16
"""Frames that are needed to say anything: three seconds at the slowest rate that a session is run at."""

REPLAYED_RATIO = 0.2
"""Limit of the share of another session's remembered frames that come again.

Chosen on the development clips. Copies of all frames have 0.37 or more of people before the camera (0.81 at the
median; means over the kinds of copies), 0.19 and 0.29 of two recordings of screens; another part of the same
sitting, seconds later, 0.04 or less. Speakers who look straight ahead for three seconds have up to 0.41 against
the very next second; no session asks for that.
"""

TYPICAL_RATIO = 0.05

_BLOCK = 2_048
"""Fingerprints compared at once, against all of the attempt's: a few megabytes."""


@dataclass(frozen=True)
class StoredFingerprints:
    """A session's entry in the replay ledger: fingerprints, encrypted."""

    session_id: str
    organization_id: str
    entity_id: str
    is_test: bool
    sealed: bytes
    created_at: datetime


def spread(fingerprints: Sequence[int]) -> Fingerprints:
    """`FINGERPRINTS_KEPT` of an attempt's fingerprints, evenly from the first to the last."""
    every = np.array(fingerprints, np.uint64)
    if len(every) <= FINGERPRINTS_KEPT:
        return every
    return every[np.linspace(0, len(every) - 1, FINGERPRINTS_KEPT).round().astype(np.intp)]


def judge_replay(fingerprints: Sequence[int], earlier: Sequence[Fingerprints]) -> DetectorEvidence:
    """Evidence from an attempt's fingerprints and those that are remembered of other sessions.

    The session with most frames in common counts. None for a score where the attempt has too few frames.
    """
    measured = {"frames": float(len(fingerprints)), "compared_sessions": float(len(earlier))}
    if len(fingerprints) < FRAMES_MIN:
        return DetectorEvidence(Detector.REPLAY, None, "too_few_frames", measured)
    again = max(_seen_again(np.unique(np.array(fingerprints, np.uint64)), earlier), default=0)
    ratio = again / FINGERPRINTS_KEPT
    measured |= {"seen_again": float(again), "seen_again_ratio": round(ratio, 3)}
    score = graded(ratio, limit=REPLAYED_RATIO, typical=TYPICAL_RATIO)
    reason = "frames_of_another_session" if ratio >= REPLAYED_RATIO else "frames_not_seen_before"
    return DetectorEvidence(Detector.REPLAY, score, reason, measured)


def _seen_again(own: Fingerprints, earlier: Sequence[Fingerprints]) -> list[int]:
    """How many of each session's fingerprints are near one of our own."""
    known = [one for one in earlier if len(one)]
    if not known:
        return []
    together = np.concatenate(known)
    blocks = (together[begin : begin + _BLOCK, np.newaxis] for begin in range(0, len(together), _BLOCK))
    is_near = np.concatenate([(np.bitwise_count(block ^ own) <= NEAR_BITS).any(axis=1) for block in blocks])
    begins = np.cumsum([0, *(len(one) for one in known[:-1])])
    return [int(count) for count in np.add.reduceat(is_near.astype(np.int64), begins)]
