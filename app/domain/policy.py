"""Policy: evidence in, verdict out. Pure, so that a verdict can be recomputed from what was stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from app.domain.comparison import DEFAULT_THRESHOLD
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.fusion import STRICT_SCORE, fuse_detectors
from app.domain.review import is_unsure, review_reasons
from app.domain.search_policy import blocklist_warnings, duplicate_warnings, judge_blocklist, judge_duplicates
from app.domain.settings import STANDARD, STRICT, SessionPolicy
from app.domain.verdict import (
    ChallengeEvidence,
    ChallengeOutcome,
    Decision,
    DecisionWarning,
    FaceMatchEvidence,
    LivenessEvidence,
    PassivePadEvidence,
    PresentationOutcome,
    RejectionCode,
    ReviewReason,
    Verdict,
)

MIN_CONTINUITY_SCORE = DEFAULT_THRESHOLD
"""Faces of one capture must match each other as strictly as the default decision threshold asks."""

MIN_PASSIVE_SCORE = 40.0
"""Fused passive score below which the presentation counts as an attack; measured in docs/liveness.md."""

MIN_PASSIVE_SCORE_CARRIED = 10.0
MIN_PASSIVE_SCORES_CARRIED = 20.0
"""As low may one network alone be, or the mean of several, in `standard`, where SHAPE and TEXTURE carry the
presentation.

`fr_liveness` gave a live clip 17 and MiniFASNet one 38, which may be the same (mean 27.5); prints had 0 and
replays 0 to 14 but for one (design, docs/liveness.md). Of those that are sure the word stands.
"""

MIN_PASSIVE_FRAMES = 3
"""Fewer scored frames than this are no measurement."""


@dataclass(frozen=True)
class PolicyResult:
    """The verdict with its code, a sentence for the integrator, all warnings, and what a person has to look at."""

    verdict: Verdict
    rejection_code: RejectionCode | None
    message: str | None
    warnings: tuple[str, ...]
    review_reasons: tuple[ReviewReason, ...] = ()


def fuse_passive(frames: Sequence[Mapping[str, float]]) -> PassivePadEvidence:
    """Mean over models of the median over frames, on 0–100.

    The models err on different material, so the mean of their medians beats either alone
    (docs/liveness.md). No model or too few frames: score None.
    """
    models = sorted({model for frame in frames for model in frame})
    if not models or len(frames) < MIN_PASSIVE_FRAMES:
        return PassivePadEvidence(score=None, frames=len(frames), models=tuple(models))
    medians = [median(frame[model] for frame in frames if model in frame) for model in models]
    return PassivePadEvidence(score=round(100 * fmean(medians), 2), frames=len(frames), models=tuple(models))


def weakest_passive(
    aligned: Sequence[Mapping[str, float]], identity: Sequence[Mapping[str, float]], asked: int
) -> PassivePadEvidence:
    """The frames that the verdict's identity rests on must look bona fide by themselves.

    `aligned` are frames of the alignment, `identity` the one that ended each challenge and the final
    still. Were they pooled, a live face that holds still for long would outvote an attack that follows.
    Sessions that ask too few challenges for a measurement of their own (they go to review) are pooled.
    """
    pooled = fuse_passive([*aligned, *identity])
    if asked < MIN_PASSIVE_FRAMES:
        return pooled
    own = fuse_passive(identity)
    before = fuse_passive(aligned).score
    score = own.score if own.score is None or before is None else min(own.score, before)
    return PassivePadEvidence(score=score, frames=pooled.frames, models=pooled.models)


def judge_liveness(
    *,
    challenges: Sequence[ChallengeEvidence],
    attempt: int,
    asked: int,
    passive: PassivePadEvidence,
    continuity_score: float | None,
    profile: str,
    detectors: Sequence[DetectorEvidence] = (),
    has_continuity_failed: bool = False,
) -> LivenessEvidence:
    """Fuse the evidence of one capture. Fail closed: what could not be measured is not a pass.

    `has_continuity_failed` only says why there is no continuity score; it changes no outcome.
    """
    passed = _passed_in_a_row(challenges, attempt)
    warnings: list[str] = []
    is_passive_missing = passive.score is None
    least_passive = least_passive_score(passive, detectors, profile)
    # `not >=` on purpose: what is no number must not pass.
    if passive.score is not None and not passive.score >= least_passive:
        warnings += [DecisionWarning.LIVENESS_FACE_ATTACK.value, DecisionWarning.LOW_LIVENESS_SCORE.value]
    if continuity_score is not None and not continuity_score >= MIN_CONTINUITY_SCORE:
        warnings.append(DecisionWarning.FACE_CHANGED_DURING_CAPTURE.value)
    fused = fuse_detectors(detectors, profile)
    is_attack = bool(warnings) or fused.is_attack
    if passive.score is not None and not passive.score >= MIN_PASSIVE_SCORE:
        warnings.append(DecisionWarning.LOW_LIVENESS_SCORE.value)
    warnings = list(dict.fromkeys([*warnings, *(one.value for one in fused.warnings)]))
    if is_attack:
        outcome = PresentationOutcome.PRESENTATION_ATTACK
    elif passed < asked:
        outcome = PresentationOutcome.UNDETERMINED
        warnings.append(DecisionWarning.CHALLENGE_FAILED.value)
    elif (
        continuity_score is None
        or (is_passive_missing and (passive.models or profile == STRICT))
        or (profile == STRICT and is_unsure(detectors))
    ):
        outcome = PresentationOutcome.UNDETERMINED
    else:
        outcome = PresentationOutcome.BONA_FIDE
    shares = [100.0 * min(passed, asked) / asked if asked else 100.0]
    shares += [one for one in (passive.score, fused.weakest) if one is not None]
    return LivenessEvidence(
        outcome=outcome,
        score=0.0 if outcome is not PresentationOutcome.BONA_FIDE else round(min(shares), 2),
        attempts=attempt,
        asked=asked,
        challenges=tuple(challenges),
        passive=passive,
        continuity_score=continuity_score,
        warnings=tuple(warnings),
        has_continuity_failed=has_continuity_failed,
        detectors=tuple(detectors),
        profile=profile,
    )


CARRYING = (Detector.SHAPE, Detector.TEXTURE)
"""A head with depth whose skin changes as it moves: neither a print nor one picture on a screen."""


def least_passive_score(passive: PassivePadEvidence, detectors: Sequence[DetectorEvidence], profile: str) -> float:
    """Below which the passive score refuses. Networks err on living people, too: they are not the sole judge."""
    sure = {one.detector for one in detectors if one.score is not None and one.score >= STRICT_SCORE}
    if profile != STANDARD or not sure.issuperset(CARRYING):
        return MIN_PASSIVE_SCORE
    return MIN_PASSIVE_SCORE_CARRIED if len(passive.models) == 1 else MIN_PASSIVE_SCORES_CARRIED


REPLACED = frozenset({ChallengeOutcome.SWAPPED, ChallengeOutcome.RESUMED})
"""Challenges in whose place another was drawn within the same attempt."""


def _passed_in_a_row(challenges: Sequence[ChallengeEvidence], attempt: int) -> int:
    """How many of the last challenges were passed without a failure between: those of the capture itself.

    The number of the attempt alone does not tell: one that was given back is numbered again.
    """
    passed = 0
    for item in reversed(challenges):
        if item.outcome in REPLACED:
            continue
        if item.attempt != attempt or item.outcome is not ChallengeOutcome.PASSED:
            break
        passed += 1
    return passed


def compare_with_threshold(
    score: float | None, policy: SessionPolicy, warnings: Sequence[str] = (), *, has_failed: bool = False
) -> FaceMatchEvidence:
    """Face match evidence at the policy's threshold. `has_failed` only says why there is no score."""
    threshold = policy.score_decline_threshold
    noted = list(warnings)
    if score is None:
        noted.append(DecisionWarning.FACE_MATCH_NOT_COMPUTED.value)
    elif score < threshold:
        noted.append(DecisionWarning.LOW_FACE_MATCH_SIMILARITY.value)
    return FaceMatchEvidence(
        score=score,
        threshold=threshold,
        is_match=score is not None and score >= threshold,
        warnings=tuple(noted),
        has_failed=has_failed,
    )


def decide(decision: Decision, policy: SessionPolicy) -> PolicyResult:
    """The verdict on complete evidence. Liveness first: a match proves nothing about who sits there.

    What is missing because the matching core failed, or somebody could not be searched, neither approves nor
    rejects: a person looks at it, unless something that was measured rejects. The same holds in the standard
    profile for what the detectors leave open (`is_unsure`); in the strict one that is no pass. Skin that was not
    seen to move is reviewed in both: what is asked for is the draw's doing, and some can do nothing else.
    """
    liveness, face_match = decision.liveness, decision.face_match
    warnings = _all_warnings(decision, policy)
    is_live = liveness is not None and liveness.outcome is PresentationOutcome.BONA_FIDE
    if not is_live and not _lacks_only_continuity(liveness, policy):
        return PolicyResult(
            Verdict.REJECTED,
            RejectionCode.CAPTURE_DECLINED,
            "The capture did not show a live person throughout.",
            warnings,
        )
    if face_match is None or not (face_match.has_failed if face_match.score is None else face_match.is_match):
        return PolicyResult(
            Verdict.REJECTED,
            RejectionCode.FACE_MATCH_SCORE_LOW,
            "The face does not match the approved reference portrait.",
            warnings,
        )
    blocked = judge_blocklist(decision.blocklist, policy)
    if blocked is Verdict.REJECTED:
        return PolicyResult(
            Verdict.REJECTED,
            RejectionCode.FACE_IN_BLOCKLIST,
            "The face is on the organization's block list.",
            warnings,
        )
    duplicates = judge_duplicates(decision.cross_entity, policy)
    if duplicates is Verdict.REJECTED:
        return PolicyResult(
            Verdict.REJECTED,
            RejectionCode.CROSS_ENTITY,
            "The face belongs to another entity of the organization.",
            warnings,
        )
    if reasons := review_reasons(decision, policy):
        return PolicyResult(Verdict.IN_REVIEW, None, None, warnings, reasons)
    return PolicyResult(Verdict.APPROVED, None, None, warnings)


def concluded(decision: Decision, result: PolicyResult) -> Decision:
    """The evidence together with what policy made of it, as it is kept."""
    return replace(
        decision, warnings=result.warnings, verdict=result.verdict, review_reasons=result.review_reasons
    )


def measured_by(decision: Decision, policy: SessionPolicy) -> Decision:
    """The same measurements with what this policy concludes from each: its thresholds, its profile."""
    liveness, face_match = decision.liveness, decision.face_match
    if liveness is not None:
        liveness = judge_liveness(
            challenges=liveness.challenges,
            attempt=liveness.attempts,
            asked=liveness.asked,
            passive=liveness.passive,
            continuity_score=liveness.continuity_score,
            profile=policy.liveness_profile,
            detectors=liveness.detectors,
            has_continuity_failed=liveness.has_continuity_failed,
        )
    if face_match is not None:
        found = [one for one in face_match.warnings if one not in _OF_THE_COMPARISON]
        face_match = compare_with_threshold(face_match.score, policy, found, has_failed=face_match.has_failed)
    return replace(decision, liveness=liveness, face_match=face_match)


def _lacks_only_continuity(liveness: LivenessEvidence | None, policy: SessionPolicy) -> bool:
    """Whether the capture would be bona fide, had the matching core measured that it shows one face."""
    if liveness is None or not liveness.has_continuity_failed or liveness.continuity_score is not None:
        return False
    if liveness.outcome is not PresentationOutcome.UNDETERMINED:
        return False
    had_it = judge_liveness(
        challenges=liveness.challenges,
        attempt=liveness.attempts,
        asked=liveness.asked,
        passive=liveness.passive,
        continuity_score=MIN_CONTINUITY_SCORE,
        profile=policy.liveness_profile,
        detectors=liveness.detectors,
    )
    return had_it.outcome is PresentationOutcome.BONA_FIDE


_OF_THE_COMPARISON = frozenset(
    {DecisionWarning.FACE_MATCH_NOT_COMPUTED.value, DecisionWarning.LOW_FACE_MATCH_SIMILARITY.value}
)
_OF_SEARCHES = frozenset(
    {
        DecisionWarning.DUPLICATED_FACE.value,
        DecisionWarning.POSSIBLE_DUPLICATED_FACE.value,
        DecisionWarning.FACE_IN_BLOCKLIST.value,
    }
)
"""Warnings that policy itself adds: a decision that holds them from before is judged anew."""


def _all_warnings(decision: Decision, policy: SessionPolicy) -> tuple[str, ...]:
    """Every warning once, in order of appearance."""
    parts = [one for one in decision.warnings if one not in _OF_SEARCHES]
    parts += decision.liveness.warnings if decision.liveness else ()
    parts += decision.face_match.warnings if decision.face_match else ()
    parts += blocklist_warnings(decision.blocklist, policy)
    parts += duplicate_warnings(decision.cross_entity, policy)
    return tuple(dict.fromkeys(parts))
