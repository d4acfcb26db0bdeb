"""A stored verdict comes out again by the settings it names, and by others what they would have said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import InvalidState, ObjectNotFound, RecordUnreadable
from app.domain.organization import Organization
from app.domain.session import SessionStatus
from app.domain.settings import SettingsVersion
from app.domain.verdict import FoundFace, RejectionCode, SearchEvidence, Verdict
from app.services.replay_policy import Replay, ReplayPolicy
from app.services.review_session import ReviewSession
from tests.services.studio import TEXT, Studio, make_studio

V = Verdict


def decided(store: SqlStore, person: bytes | None = None, **settings: Any) -> Studio:
    studio = make_studio(store, settings=settings)
    studio.person = person or studio.person
    studio.up_to_still().keep()
    studio.decide()
    return studio


def replayed(studio: Studio, with_version: int | None = None) -> Replay:
    return ReplayPolicy(store=studio.store)(studio.session.session_id, with_version)


def new_version(studio: Studio, number: int, **changes: Any) -> None:
    organization: Organization = studio.caller.organization
    settings = replace(organization.settings, policy_version=number, **changes)
    with studio.store.begin() as uow:
        uow.settings.add(SettingsVersion(organization.organization_id, settings, studio.clock.now(), "test"))
        uow.commit()


@pytest.mark.parametrize(
    ("settings", "person", "verdict", "code"),
    [
        ({}, None, V.APPROVED, None),
        ({"review_band": 70.5}, None, V.IN_REVIEW, None),
        ({}, b"somebody else", V.REJECTED, RejectionCode.FACE_MATCH_SCORE_LOW),
        ({"cross_entity_policy": "reject", "liveness_profile": "strict"}, None, V.APPROVED, None),
    ],
)
def test_what_was_decided_comes_out_again(
    store: SqlStore, settings: dict[str, Any], person: bytes | None, verdict: Verdict, code: RejectionCode | None
) -> None:
    found = replayed(decided(store, person, **settings))
    assert found.is_same
    assert (found.recomputed.verdict, found.recomputed.rejection_code) == (verdict, code)
    assert found.recorded == found.recomputed
    assert not found.lacks_search


def test_settings_of_later_change_nothing_and_can_be_asked(sqlite_store: SqlStore) -> None:
    studio = decided(sqlite_store)
    new_version(studio, 2, review_band=70.5)
    new_version(studio, 3, cross_entity_policy="review")
    assert replayed(studio).is_same
    stricter = replayed(studio, 2)
    assert not stricter.is_same
    assert (stricter.recorded.verdict, stricter.recomputed.verdict) == (V.APPROVED, V.IN_REVIEW)
    assert (stricter.recorded.policy_version, stricter.recomputed.policy_version) == (1, 2)
    unmeasured = replayed(studio, 3)
    assert (unmeasured.recomputed.verdict, unmeasured.lacks_search) == (V.IN_REVIEW, True)


@pytest.mark.parametrize("act", ["approve", "reject", None])
def test_what_a_person_decided_after_a_review_is_no_difference(sqlite_store: SqlStore, act: str | None) -> None:
    studio = decided(sqlite_store, review_band=70.5)
    if act is not None:
        review = ReviewSession(store=studio.store, clock=studio.clock, randomness=studio.randomness)
        getattr(review, act)(studio.caller, studio.session.session_id, "looked at it")
    found = replayed(studio)
    assert found.is_same
    assert found.recorded.verdict is V.IN_REVIEW


def tampered(studio: Studio, **changes: Any) -> None:
    session, _ = studio.stored()
    with studio.store.begin() as uow:
        assert uow.sessions.swap(session.status, replace(session, **changes))
        uow.commit()


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"status": SessionStatus.REJECTED, "rejection_code": RejectionCode.CAPTURE_DECLINED},
        lambda s: {"decision": replace(s.decision, face_match=replace(s.decision.face_match, score=1.0))},
        lambda s: {"decision": replace(s.decision, liveness=replace(s.decision.liveness, continuity_score=1.0))},
    ],
)
def test_what_was_changed_in_the_store_is_found_out(
    sqlite_store: SqlStore, change: Callable[[Any], dict[str, Any]]
) -> None:
    studio = decided(sqlite_store)
    tampered(studio, **change(studio.stored()[0]))
    assert not replayed(studio).is_same


def test_without_a_verdict_there_is_nothing_to_compare(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store)
    with pytest.raises(InvalidState):
        replayed(studio)
    studio.clock.advance(days=2)
    studio.read_capture(studio.hosted_id)
    assert studio.stored()[0].status is SessionStatus.EXPIRED
    with pytest.raises(InvalidState):
        replayed(studio)
    with pytest.raises(ObjectNotFound):
        ReplayPolicy(store=sqlite_store)(studio.randomness.object_id())


def test_a_version_that_is_not_kept_is_not_guessed(sqlite_store: SqlStore) -> None:
    studio = decided(sqlite_store)
    with pytest.raises(RecordUnreadable):
        replayed(studio, 9)


def test_ends_before_a_comparison_are_recomputed_too(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store)
    studio.hello()
    assert studio.record_consent.decline(studio.hosted_id, TEXT) is not None
    found = replayed(studio)
    assert found.is_same
    assert found.recorded.rejection_code is RejectionCode.CAPTURE_DECLINED


def test_attempts_that_are_used_up_are_recomputed_too(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, settings={"max_attempts": 1}).ready().align()
    ended = studio.fail().ended
    assert ended is not None
    assert ended.status is SessionStatus.REJECTED
    assert replayed(studio).is_same


A, B = "01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-8000-00000000000b"


@pytest.mark.parametrize(
    ("blocklist", "threshold", "lacks"),
    [
        ((A, B), 60.0, False),
        ((A, B), 40.0, False),  # A itself is found then
        ((A,), 40.0, False),
        ((B,), 60.0, False),  # nobody above it was left out
        ((B,), 40.0, True),
        ((B,), 70.0, False),
    ],
)
def test_a_face_that_another_hid_is_not_taken_for_none(
    sqlite_store: SqlStore, blocklist: tuple[str, ...], threshold: float, lacks: bool
) -> None:
    """Of faces below the threshold the best alone is kept: B may have been just behind A."""
    studio = decided(sqlite_store, blocklist=(A, B))
    with studio.store.begin() as uow:
        session = uow.sessions.get(studio.session.organization_id, True, studio.session.session_id)
        assert session is not None
        assert session.decision is not None
        search = SearchEvidence(60.0, (FoundFace(A, 50.0, is_own=False),), searched=2, not_searched=0)
        changed = replace(session, decision=replace(session.decision, blocklist=search))
        assert uow.sessions.swap(session.status, changed)
        uow.commit()
    new_version(studio, 2, blocklist=blocklist, duplicate_threshold=threshold)
    found = replayed(studio, 2)
    assert found.lacks_search is lacks
    if lacks:
        assert found.recomputed.verdict is V.IN_REVIEW
