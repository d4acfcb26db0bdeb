"""What searches lead to by themselves: among the organization's other entities, and on its block list."""

from __future__ import annotations

from app.domain.settings import REJECT, SessionPolicy
from app.domain.verdict import DecisionWarning, FoundFace, SearchEvidence, Verdict


def judge_duplicates(search: SearchEvidence | None, policy: SessionPolicy) -> Verdict:
    """What a search among the organization's other entities leads to by itself. Not searched: a person looks."""
    if not policy.searches_others:
        return Verdict.APPROVED
    if faces_of_others(search, policy):
        return Verdict.REJECTED if policy.cross_entity_policy == REJECT else Verdict.IN_REVIEW
    return Verdict.APPROVED if _is_complete(search) else Verdict.IN_REVIEW


def faces_of_others(search: SearchEvidence | None, policy: SessionPolicy) -> tuple[FoundFace, ...]:
    """Other entities whose face it is, by the policy's threshold."""
    if search is None or not policy.searches_others:
        return ()
    return tuple(one for one in search.found if not one.is_own and not one.score < policy.duplicate_threshold)


def faces_blocked(search: SearchEvidence | None, policy: SessionPolicy) -> tuple[FoundFace, ...]:
    """Blocked entities whose face it is; the probe's own entity whatever its score, if it is one of them."""
    if search is None:
        return ()
    blocked = frozenset(policy.blocklist)
    return tuple(
        one
        for one in search.found
        if one.entity_id in blocked and (one.is_own or not one.score < policy.duplicate_threshold)
    )


def judge_blocklist(search: SearchEvidence | None, policy: SessionPolicy, entity_id: str | None = None) -> Verdict:
    """What the block list leads to by itself. Not everybody on it compared: a person looks.

    `entity_id` is whose face it is said to be, where the search may not have found them by an enrolment.
    """
    if entity_id in policy.blocklist or faces_blocked(search, policy):
        return Verdict.REJECTED
    return Verdict.APPROVED if not policy.blocklist or _is_complete(search) else Verdict.IN_REVIEW


def judge_reference(
    others: SearchEvidence | None, blocklist: SearchEvidence | None, policy: SessionPolicy, entity_id: str
) -> Verdict:
    """What a portrait becomes that is brought in as approved, by whose face it is besides."""
    judged = (judge_blocklist(blocklist, policy, entity_id), judge_duplicates(others, policy))
    return next((one for one in (Verdict.REJECTED, Verdict.IN_REVIEW) if one in judged), Verdict.APPROVED)


def blocklist_warnings(
    search: SearchEvidence | None, policy: SessionPolicy, entity_id: str | None = None
) -> tuple[str, ...]:
    """What is said where the face, or whose it is said to be, is on the block list."""
    is_blocked = judge_blocklist(search, policy, entity_id) is Verdict.REJECTED
    return (DecisionWarning.FACE_IN_BLOCKLIST.value,) if is_blocked else ()


def duplicate_warnings(search: SearchEvidence | None, policy: SessionPolicy) -> tuple[str, ...]:
    """What is said where it is another entity's face."""
    if not faces_of_others(search, policy):
        return ()
    is_rejected = policy.cross_entity_policy == REJECT
    warning = DecisionWarning.DUPLICATED_FACE if is_rejected else DecisionWarning.POSSIBLE_DUPLICATED_FACE
    return (warning.value,)


def _is_complete(search: SearchEvidence | None) -> bool:
    """Whether everybody was searched who was to be."""
    return search is not None and search.not_searched == 0
