"""What the detectors' evidence amounts to, by profile. Pure, so that it can be made again from what was stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence
from app.domain.settings import STANDARD, STRICT
from app.domain.verdict import DecisionWarning, InjectionEvidence


@dataclass(frozen=True)
class Rule:
    """How a detector counts. `rejects_below` None: it only warns, below `LIMIT_SCORE`."""

    rejects_below: float | None
    warning: DecisionWarning


STRICT_SCORE = 60.0
"""The `strict` profile keeps a quarter of the way from the limit to what is typical as a margin."""

_ATTACK, _INJECTED = DecisionWarning.LIVENESS_FACE_ATTACK, DecisionWarning.FRAME_INJECTION_SUSPECTED
_CHANGED, _REPLAYED = DecisionWarning.FACE_CHANGED_DURING_CAPTURE, DecisionWarning.REPLAYED_FRAMES

_WARNING_OF: Mapping[Detector, DecisionWarning] = {
    Detector.SHAPE: _ATTACK,
    Detector.TEXTURE: _ATTACK,
    Detector.TIMING: _ATTACK,
    Detector.MICRO_MOTION: _ATTACK,
    Detector.TRACK: _CHANGED,
    Detector.PHOTOMETRY: _ATTACK,
    Detector.INJECTION: _INJECTED,
    Detector.LIGHT_RESPONSE: _ATTACK,
    Detector.REPLAY: _REPLAYED,
}
_WARNS_ONLY = frozenset({Detector.MICRO_MOTION, Detector.PHOTOMETRY})
"""In `standard` these do not reject alone: still people and lamps that flicker are no attack."""

RULES: Mapping[str, Mapping[Detector, Rule]] = {
    STANDARD: {
        detector: Rule(None if detector in _WARNS_ONLY else LIMIT_SCORE, warning)
        for detector, warning in _WARNING_OF.items()
    },
    STRICT: {detector: Rule(STRICT_SCORE, warning) for detector, warning in _WARNING_OF.items()},
}


class Standing(StrEnum):
    """How a detector's evidence stands under a profile."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class Fused:
    """`is_attack`: at least one detector rejects. `weakest` is the lowest score of those that may reject."""

    is_attack: bool
    weakest: float | None
    warnings: tuple[DecisionWarning, ...]


def limit_of(detector: Detector, profile: str) -> float:
    """The score below which the profile doubts what the detector saw."""
    return RULES[profile][detector].rejects_below or LIMIT_SCORE


def standing(evidence: DetectorEvidence, profile: str) -> Standing:
    """`not >=` on purpose: what is no number must not pass."""
    if evidence.score is None:
        return Standing.NOT_MEASURED
    if evidence.score >= limit_of(evidence.detector, profile):
        return Standing.PASSED
    rejects = RULES[profile][evidence.detector].rejects_below is not None
    return Standing.FAILED if rejects else Standing.WARNED


def fuse_detectors(evidence: Sequence[DetectorEvidence], profile: str) -> Fused:
    """The weakest link counts: an attack that deceives all detectors but one is still an attack."""
    rules, found = RULES[profile], [(one, standing(one, profile)) for one in evidence]
    doubted = [rules[one.detector].warning for one, how in found if how in (Standing.FAILED, Standing.WARNED)]
    scores = [one.score for one in evidence if one.score is not None and rules[one.detector].rejects_below]
    return Fused(
        is_attack=any(how is Standing.FAILED for _, how in found),
        weakest=min(scores, default=None),
        warnings=tuple(dict.fromkeys(doubted)),
    )


def injection_evidence(signals: Sequence[str], evidence: Sequence[DetectorEvidence]) -> InjectionEvidence:
    """How likely it is that the frames came from no camera.

    `signals` are what the browser reported: who forges frames can leave them out, and an honest person may use a
    virtual camera, so they elevate the risk and no more. What the server measured can make it high.
    """
    doubts = [
        (one.reason, one.score)
        for one in evidence
        if one.detector is Detector.INJECTION and one.score is not None and not one.score >= STRICT_SCORE
    ]
    named = (*signals, *(reason for reason, _ in doubts))
    if any(not score >= LIMIT_SCORE for _, score in doubts):
        return InjectionEvidence("high", named)
    return InjectionEvidence("elevated" if named else "low", named)
