"""Policy on evidence of every kind: monotone, and closed wherever something is missing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.policy import MIN_CONTINUITY_SCORE, MIN_PASSIVE_SCORE, REPLACED, compare_with_threshold, decide
from app.domain.settings import DEFAULT_WORKFLOW, OrganizationSettings, SessionPolicy, effective
from app.domain.verdict import ChallengeOutcome, Decision, PassivePadEvidence, Verdict
from tests.domain.evidence import ASKED, decision, judged, one_challenge

SCORES = st.floats(min_value=0.0, max_value=100.0)
MAYBE_SCORES = st.none() | SCORES
CONTINUITY = st.none() | st.floats(min_value=0.0, max_value=100.0)
POLICIES = st.builds(
    OrganizationSettings,
    score_decline_threshold=SCORES,
    review_band=st.sampled_from([0.0, 5.0, 30.0]),
    liveness_profile=st.sampled_from(["standard", "strict"]),
).map(lambda settings: effective(settings, DEFAULT_WORKFLOW))
CHALLENGES = st.lists(
    st.builds(one_challenge, st.integers(1, 2), st.sampled_from(ChallengeOutcome)), max_size=6
) | st.just([one_challenge()] * ASKED)
PASSIVE = st.builds(
    PassivePadEvidence, MAYBE_SCORES, st.integers(0, 20), st.sampled_from([(), ("m",), ("m", "n")])
)
RANK = {Verdict.REJECTED: 0, Verdict.IN_REVIEW: 1, Verdict.APPROVED: 2}


def policy_at(threshold: float) -> SessionPolicy:
    return effective(OrganizationSettings(score_decline_threshold=threshold), DEFAULT_WORKFLOW)


@st.composite
def evidence(draw: st.DrawFn) -> tuple[Decision, SessionPolicy]:
    policy = draw(POLICIES)
    liveness = judged(
        challenges=draw(CHALLENGES),
        passive=draw(PASSIVE),
        continuity_score=draw(CONTINUITY),
        profile=policy.liveness_profile,
    )
    whole = decision(
        score=draw(MAYBE_SCORES),
        threshold=policy.score_decline_threshold,
        needs_review=draw(st.booleans()),
        liveness=liveness,
    )
    return whole, policy


@given(SCORES, SCORES, POLICIES, st.booleans())
def test_a_lower_score_never_leads_to_a_better_verdict(
    one: float, other: float, policy: SessionPolicy, needs_review: bool
) -> None:
    low, high = (
        decide(
            decision(score=score, threshold=policy.score_decline_threshold, needs_review=needs_review), policy
        ).verdict
        for score in sorted((one, other))
    )
    assert RANK[low] <= RANK[high]


@given(SCORES, SCORES, SCORES)
def test_a_higher_threshold_never_leads_to_a_better_verdict(score: float, one: float, other: float) -> None:
    high, low = (
        decide(decision(score=score, threshold=threshold), policy_at(threshold)).verdict
        for threshold in sorted((one, other), reverse=True)
    )
    assert RANK[high] <= RANK[low]


@given(SCORES, SCORES, CONTINUITY, CHALLENGES)
def test_a_lower_passive_score_never_leads_to_a_better_verdict(
    one: float, other: float, continuity: float | None, challenges: list[object]
) -> None:
    low, high = (
        decide(
            decision(
                liveness=judged(
                    challenges=challenges,  # type: ignore[arg-type]
                    passive=PassivePadEvidence(score, 9, ("m",)),
                    continuity_score=continuity,
                )
            ),
            policy_at(30.0),
        ).verdict
        for score in sorted((one, other))
    )
    assert RANK[low] <= RANK[high]


@given(evidence())
def test_an_approval_rests_on_every_part(drawn: tuple[Decision, SessionPolicy]) -> None:
    whole, policy = drawn
    if decide(whole, policy).verdict is not Verdict.APPROVED:
        return
    assert whole.liveness is not None
    assert whole.face_match is not None
    liveness, score = whole.liveness, whole.face_match.score
    assert not whole.needs_review
    assert score is not None
    assert score >= policy.score_decline_threshold + policy.review_band
    assert liveness.continuity_score is not None
    assert liveness.continuity_score >= MIN_CONTINUITY_SCORE
    last = [item for item in liveness.challenges if item.outcome not in REPLACED][-ASKED:]
    assert [(item.outcome, item.attempt) for item in last] == [(ChallengeOutcome.PASSED, 1)] * ASKED
    if liveness.passive.score is None:
        assert liveness.passive.models == ()
        assert policy.liveness_profile == "standard"
    else:
        assert liveness.passive.score >= MIN_PASSIVE_SCORE


@given(evidence(), st.sampled_from(["liveness", "face_match", "continuity", "score", "challenges"]))
def test_what_is_taken_away_never_approves(drawn: tuple[Decision, SessionPolicy], missing: str) -> None:
    whole, policy = drawn
    assert decide(_without(whole, policy, missing), policy).verdict is Verdict.REJECTED


@given(evidence(), st.booleans(), st.booleans())
def test_what_the_core_failed_to_measure_rejects_only_who_could_not_have_passed(
    drawn: tuple[Decision, SessionPolicy], has_continuity: bool, has_score: bool
) -> None:
    """In its place the best there could have been must be rejected too; and nothing that is missing approves."""
    whole, policy = drawn
    assert whole.liveness is not None
    assert whole.face_match is not None
    failed, best = whole, whole
    if not has_continuity:
        failed = _with_continuity(failed, policy, None)
        best = _with_continuity(best, policy, 100.0)
    if not has_score:
        failed = replace(failed, face_match=compare_with_threshold(None, policy, has_failed=True))
        best = replace(best, face_match=compare_with_threshold(100.0, policy))
    found, could_be = decide(failed, policy).verdict, decide(best, policy).verdict
    if has_continuity and has_score:
        assert found is could_be
    else:
        assert found is (Verdict.REJECTED if could_be is Verdict.REJECTED else Verdict.IN_REVIEW)


def _with_continuity(whole: Decision, policy: SessionPolicy, score: float | None) -> Decision:
    liveness = whole.liveness
    assert liveness is not None
    changed = judged(
        challenges=liveness.challenges,
        passive=liveness.passive,
        continuity_score=score,
        profile=policy.liveness_profile,
        has_continuity_failed=score is None,
    )
    return replace(whole, liveness=changed)


def _without(whole: Decision, policy: SessionPolicy, missing: str) -> Decision:
    liveness = whole.liveness
    assert liveness is not None
    match missing:
        case "liveness":
            return replace(whole, liveness=None)
        case "face_match":
            return replace(whole, face_match=None)
        case "score":
            return decision(score=None, liveness=liveness)
        case "continuity":
            rest = judged(challenges=liveness.challenges, passive=liveness.passive, continuity_score=None)
        case _:
            rest = judged(challenges=(), passive=liveness.passive, profile=policy.liveness_profile)
    return replace(whole, liveness=rest)
