"""Why a session is left to a person: nothing that was measured rejects it, and something is left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.light_response import is_answer_missing
from app.domain.detectors.texture import is_skin_unseen
from app.domain.detectors.track import could_hide_cuts
from app.domain.search_policy import faces_of_others, judge_blocklist, judge_duplicates
from app.domain.settings import SessionPolicy
from app.domain.verdict import Decision, PresentationOutcome, ReviewReason, Verdict


def is_unsure(evidence: Sequence[DetectorEvidence]) -> bool:
    """No attack was seen, but one could have gone unseen: no answer to a demanded light, slow frames."""
    return is_answer_missing(evidence) or could_hide_cuts(evidence)


def review_reasons(decision: Decision, policy: SessionPolicy) -> tuple[ReviewReason, ...]:
    """Everything that keeps evidence without a fault from being approved; empty where nothing does."""
    return (*_of_liveness(decision), *_of_comparison(decision, policy), *_of_searches(decision, policy))


def _of_liveness(decision: Decision) -> Iterator[ReviewReason]:
    liveness = decision.liveness
    if decision.needs_review:
        yield ReviewReason.FEW_MOVEMENTS
    if liveness is None:
        return
    if is_answer_missing(liveness.detectors):
        yield ReviewReason.LIGHT_UNANSWERED
    if could_hide_cuts(liveness.detectors):
        yield ReviewReason.CUTS_COULD_HIDE
    if is_skin_unseen(liveness.detectors):
        yield ReviewReason.SKIN_UNSEEN
    if liveness.outcome is not PresentationOutcome.BONA_FIDE:
        yield ReviewReason.CONTINUITY_NOT_MEASURED


def _of_comparison(decision: Decision, policy: SessionPolicy) -> Iterator[ReviewReason]:
    score = decision.face_match.score if decision.face_match else None
    if score is None:
        yield ReviewReason.FACE_NOT_COMPARED
    elif score < policy.score_decline_threshold + policy.review_band:
        yield ReviewReason.SCORE_IN_REVIEW_BAND


def _of_searches(decision: Decision, policy: SessionPolicy) -> Iterator[ReviewReason]:
    is_known = bool(faces_of_others(decision.cross_entity, policy))
    others = Verdict.APPROVED if is_known else judge_duplicates(decision.cross_entity, policy)
    if is_known:
        yield ReviewReason.FACE_OF_ANOTHER_ENTITY
    if Verdict.IN_REVIEW in (others, judge_blocklist(decision.blocklist, policy)):
        yield ReviewReason.NOT_ALL_SEARCHED
