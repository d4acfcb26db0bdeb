"""Searches in the policy: what they lead to, that a stricter one lets nobody else through, and replays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.policy import decide, measured_by
from app.domain.search_policy import judge_duplicates, judge_reference
from app.domain.settings import OrganizationSettings, SessionPolicy, policy_of
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    FoundFace,
    RejectionCode,
    SearchEvidence,
    Verdict,
)
from tests.domain.evidence import decision, judged
from tests.domain.test_policy_properties import CHALLENGES, CONTINUITY, MAYBE_SCORES, PASSIVE, RANK, SCORES

W = DecisionWarning
OFF, REVIEW, REJECT = (
    policy_of(OrganizationSettings(cross_entity_policy=one)) for one in ("off", "review", "reject")
)
STRICTNESS = {"off": 0, "review": 1, "reject": 2}


def found(score: float, *, not_searched: int = 0, entity_id: str = "b", is_own: bool = False) -> SearchEvidence:
    return SearchEvidence(60.0, (FoundFace(entity_id, score, is_own),), 5, not_searched)


NOBODY = SearchEvidence(60.0, (), 5, 0)


def crossed(search: SearchEvidence | None, **changes: object) -> Decision:
    return replace(decision(), cross_entity=search, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "search", "verdict", "code", "warnings"),
    [
        (OFF, None, Verdict.APPROVED, None, ()),
        (OFF, found(99.0), Verdict.APPROVED, None, ()),
        (REVIEW, NOBODY, Verdict.APPROVED, None, ()),
        (REVIEW, found(59.99), Verdict.APPROVED, None, ()),
        (REVIEW, found(60.0), Verdict.IN_REVIEW, None, (W.POSSIBLE_DUPLICATED_FACE,)),
        (REVIEW, None, Verdict.IN_REVIEW, None, ()),
        (REVIEW, replace(NOBODY, not_searched=1), Verdict.IN_REVIEW, None, ()),
        (REJECT, found(59.99), Verdict.APPROVED, None, ()),
        (REJECT, found(60.0), Verdict.REJECTED, RejectionCode.CROSS_ENTITY, (W.DUPLICATED_FACE,)),
        (REJECT, found(60.0, not_searched=9), Verdict.REJECTED, RejectionCode.CROSS_ENTITY, (W.DUPLICATED_FACE,)),
        (REJECT, found(float("nan")), Verdict.REJECTED, RejectionCode.CROSS_ENTITY, (W.DUPLICATED_FACE,)),
        (REJECT, found(100.0, is_own=True), Verdict.APPROVED, None, ()),
        (REJECT, None, Verdict.IN_REVIEW, None, ()),
        (REJECT, replace(NOBODY, not_searched=1), Verdict.IN_REVIEW, None, ()),
    ],
)
def test_a_face_of_somebody_else(
    policy: SessionPolicy,
    search: SearchEvidence | None,
    verdict: Verdict,
    code: RejectionCode | None,
    warnings: tuple[str, ...],
) -> None:
    result = decide(crossed(search), policy)
    assert (result.verdict, result.rejection_code, result.warnings) == (verdict, code, warnings)
    assert judge_duplicates(search, policy) is verdict


def blocking(*listed: str) -> SessionPolicy:
    return policy_of(OrganizationSettings(blocklist=listed))


@pytest.mark.parametrize(
    ("policy", "search", "verdict"),
    [
        (blocking("b"), found(60.0), Verdict.REJECTED),
        (blocking("b"), found(59.99), Verdict.APPROVED),
        (blocking("b"), found(0.0, is_own=True), Verdict.REJECTED),
        (blocking("c"), found(99.0, is_own=True), Verdict.APPROVED),
        (blocking("c"), found(60.0), Verdict.APPROVED),
        (blocking(), found(60.0), Verdict.APPROVED),
        (blocking("b"), None, Verdict.IN_REVIEW),
        (blocking("b"), found(1.0, not_searched=1), Verdict.IN_REVIEW),
    ],
)
def test_a_blocked_face(policy: SessionPolicy, search: SearchEvidence | None, verdict: Verdict) -> None:
    result = decide(replace(decision(), blocklist=search), policy)
    assert result.verdict is verdict
    is_blocked = verdict is Verdict.REJECTED
    assert result.rejection_code is (RejectionCode.FACE_IN_BLOCKLIST if is_blocked else None)
    assert result.warnings == ((W.FACE_IN_BLOCKLIST,) if is_blocked else ())


def test_what_was_measured_of_the_person_comes_first() -> None:
    policy = replace(REJECT, blocklist=("b",))
    whole = crossed(found(99.0), blocklist=found(99.0))
    low = replace(whole, face_match=decision(score=1.0).face_match)
    assert decide(low, policy).rejection_code is RejectionCode.FACE_MATCH_SCORE_LOW
    assert decide(low, policy).warnings == (
        W.LOW_FACE_MATCH_SIMILARITY,
        W.FACE_IN_BLOCKLIST,
        W.DUPLICATED_FACE,
    )
    assert decide(whole, policy).rejection_code is RejectionCode.FACE_IN_BLOCKLIST
    not_live = replace(whole, liveness=judged(passed=0))
    assert decide(not_live, policy).rejection_code is RejectionCode.CAPTURE_DECLINED


SEARCHES = st.none() | st.builds(
    SearchEvidence,
    st.just(60.0),
    st.lists(st.builds(FoundFace, st.sampled_from("abc"), SCORES, st.booleans()), max_size=3).map(tuple),
    st.integers(0, 5),
    st.integers(0, 2),
)
POLICIES = st.builds(
    OrganizationSettings,
    score_decline_threshold=SCORES,
    review_band=st.sampled_from([0.0, 10.0]),
    liveness_profile=st.sampled_from(["standard", "strict"]),
    cross_entity_policy=st.sampled_from(["off", "review", "reject"]),
    duplicate_threshold=SCORES,
    blocklist=st.sets(st.sampled_from("abc")).map(lambda ids: tuple(sorted(ids))),
).map(policy_of)


@st.composite
def evidence(draw: st.DrawFn) -> Decision:
    liveness = judged(challenges=draw(CHALLENGES), passive=draw(PASSIVE), continuity_score=draw(CONTINUITY))
    whole = decision(score=draw(MAYBE_SCORES), needs_review=draw(st.booleans()), liveness=liveness)
    return replace(whole, cross_entity=draw(SEARCHES), blocklist=draw(SEARCHES))


@st.composite
def stricter_pairs(draw: st.DrawFn) -> tuple[SessionPolicy, SessionPolicy]:
    """A policy, and one that is stricter in some of its parts and laxer in none."""
    one, other = draw(POLICIES), draw(POLICIES)
    low, high = sorted((one.score_decline_threshold, other.score_decline_threshold))
    bands = sorted((one.review_band, other.review_band))
    duplicates = sorted((one.duplicate_threshold, other.duplicate_threshold))
    crosses = sorted((one.cross_entity_policy, other.cross_entity_policy), key=lambda name: STRICTNESS[name])
    profiles = sorted((one.liveness_profile, other.liveness_profile))
    lax = replace(
        one,
        score_decline_threshold=low,
        review_band=bands[0],
        duplicate_threshold=duplicates[1],
        cross_entity_policy=crosses[0],
        liveness_profile=profiles[0],
    )
    strict = replace(
        lax,
        score_decline_threshold=high,
        review_band=bands[1],
        duplicate_threshold=duplicates[0],
        cross_entity_policy=crosses[1],
        liveness_profile=profiles[1],
        blocklist=tuple(sorted({*one.blocklist, *other.blocklist})),
    )
    return lax, strict


@given(evidence(), stricter_pairs())
def test_a_stricter_policy_never_leads_to_a_better_verdict(
    whole: Decision, policies: tuple[SessionPolicy, SessionPolicy]
) -> None:
    lax, strict = (decide(measured_by(whole, policy), policy).verdict for policy in policies)
    assert RANK[strict] <= RANK[lax]


@given(evidence(), POLICIES)
def test_a_decision_that_is_judged_again_comes_out_alike(whole: Decision, policy: SessionPolicy) -> None:
    first = decide(measured_by(whole, policy), policy)
    stored = replace(measured_by(whole, policy), warnings=first.warnings, verdict=first.verdict)
    assert measured_by(stored, policy) == stored
    again = decide(stored, policy)
    assert (again.verdict, again.rejection_code, set(again.warnings)) == (
        first.verdict,
        first.rejection_code,
        set(first.warnings),
    )


@given(evidence(), POLICIES)
def test_an_approval_rests_on_searches_that_were_made_and_found_nobody(
    whole: Decision, policy: SessionPolicy
) -> None:
    if decide(measured_by(whole, policy), policy).verdict is not Verdict.APPROVED:
        return
    if policy.searches_others:
        assert whole.cross_entity is not None
        assert whole.cross_entity.not_searched == 0
        others = [one for one in whole.cross_entity.found if not one.is_own]
        assert all(one.score < policy.duplicate_threshold for one in others)
    if policy.blocklist:
        assert whole.blocklist is not None
        assert whole.blocklist.not_searched == 0


@given(SEARCHES, SEARCHES, POLICIES)
def test_no_reference_is_approved_that_a_session_of_its_face_would_not_be(
    others: SearchEvidence | None, blocklist: SearchEvidence | None, policy: SessionPolicy
) -> None:
    """Nor is it better off where all else of the session is beyond doubt."""
    certain = replace(policy, score_decline_threshold=0.0, review_band=0.0)
    whole = crossed(others, blocklist=blocklist)
    in_session = decide(measured_by(whole, certain), certain).verdict
    assert judge_reference(others, blocklist, policy, "nobody on the list") is in_session


@given(SEARCHES, SEARCHES, POLICIES)
def test_no_reference_of_somebody_on_the_block_list_is_approved(
    others: SearchEvidence | None, blocklist: SearchEvidence | None, policy: SessionPolicy
) -> None:
    policy = replace(policy, blocklist=("listed",))
    assert judge_reference(others, blocklist, policy, "listed") is Verdict.REJECTED
