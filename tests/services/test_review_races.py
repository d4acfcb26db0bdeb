"""Of all who want to end a session, or judge a validation, at once: one winner, one entry in the audit trail.

On both databases, several rounds each: a race that is lost once in a while is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import ComparisonScore, Template
from app.domain.errors import InvalidState
from app.domain.organization import KycValidation, ValidationStatus
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import DecisionWarning
from app.services.cancel_session import CancelSession
from app.services.list_sessions import ListSessions
from app.services.read_session import ReadSession
from app.services.review_session import ReviewSession
from app.services.review_validation import ReviewValidation
from tests.builders import Builder, add_organization, caller_of, decision
from tests.fakes import EPOCH, FakeClock, SeededRandomness
from tests.services.races import REASON, ROUNDS, Job, World, at_once
from tests.services.studio import ABANDON_AFTER, Studio, make_studio


@pytest.fixture
def world(store: SqlStore) -> World:
    build = Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    entity = build.entity(organization)
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return World(store, build, caller_of(organization), entity, FakeClock())


def test_of_approve_reject_and_cancel_exactly_one_ends_a_review(world: World) -> None:
    review: ReviewSession = world.use_case(ReviewSession)
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    for _ in range(ROUNDS):
        session_id = world.add(
            HostedState.DECIDED, status=SessionStatus.IN_PROGRESS, is_in_review=True, decision=decision()
        ).session_id
        jobs: list[Job] = [
            partial(review.approve, world.caller, session_id, REASON),
            partial(review.reject, world.caller, session_id, REASON),
            partial(cancel, world.caller, session_id),
        ]
        won = [answer for answer in at_once(jobs * 2) if answer is not None]
        assert len(won) == 1
        with world.store.read() as uow:
            stored = uow.sessions.get(world.entity.organization_id, True, session_id)
        assert stored is not None
        assert stored == won[0]
        assert world.trail_of(session_id) == [f"biometric_session.{stored.status.value}"]


def test_however_it_is_found_out_a_session_runs_out_of_time_once(world: World) -> None:
    listing: ListSessions = world.use_case(ListSessions, abandon_after=ABANDON_AFTER)
    reading: ReadSession = world.use_case(ReadSession, abandon_after=ABANDON_AFTER)
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    for number in range(ROUNDS):
        session = world.add(HostedState.CREATED, expires_at=world.clock.now())
        world.clock.advance(minutes=1)

        everything = partial(listing, world.caller, entity_id=None, status=None, limit=100, offset=0)
        jobs: list[Job] = [
            everything,
            everything,
            partial(reading.by_id, world.caller, session.session_id),
            partial(cancel, world.caller, session.session_id),
        ]
        *_, read, cancelled = at_once(jobs)
        assert isinstance(read, BiometricSession)
        assert (read.status, cancelled) == (SessionStatus.EXPIRED, None), number
        assert world.trail_of(session.session_id) == ["biometric_session.expired"]


def test_of_lists_that_end_many_sessions_at_once_none_stands_in_anothers_way(world: World) -> None:
    """Ending them one by one in different orders, two transactions would wait for each other for ever."""
    listing: ListSessions = world.use_case(ListSessions, abandon_after=ABANDON_AFTER)
    made = []
    for number in range(12):
        world.entity = world.build.entity(world.caller.organization)
        with world.store.begin() as uow:
            uow.entities.add(world.entity)
            uow.commit()
        created_at = EPOCH + timedelta(seconds=(number * 5) % 12)
        made.append(world.add(HostedState.CREATED, created_at=created_at))
    world.clock.advance(days=2)
    jobs: list[Job] = [
        partial(listing, world.caller, entity_id=None, status=None, limit=limit, offset=0)
        for limit in (5, 8, 12, 100)
    ]
    at_once(jobs * 2)
    for session in made:
        assert world.trail_of(session.session_id) == ["biometric_session.expired"]


def test_of_policy_and_a_cancel_one_wins_and_a_review_that_was_lost_is_none(store: SqlStore) -> None:
    studio = make_studio(store, settings={"review_band": 90.0})
    studio.up_to_still().keep()
    review = ReviewSession(store=store, clock=studio.clock, randomness=studio.randomness)

    def approve_as_soon_as_possible() -> object:
        for _ in range(50):
            try:
                return review.approve(studio.caller, studio.session.session_id, REASON)
            except InvalidState:
                if studio.stored()[0].status.is_terminal:
                    return None
        return None

    def cancel() -> object:
        return studio.cancel(studio.caller, studio.session.session_id)

    at_once([studio.decide, studio.decide, cancel, approve_as_soon_as_possible])
    stored = studio.stored()[0]
    ends = [action for action in studio.audit() if action.split(".")[1] in ("approved", "cancelled")]
    assert ends == [f"biometric_session.{stored.status.value}"]
    assert not stored.is_in_review
    assert studio.audit().count("biometric_session.in_review") <= 1


@pytest.mark.parametrize(
    ("status", "rivals"),
    [
        (ValidationStatus.IN_REVIEW, ("approve", "cancel")),
        (ValidationStatus.IN_REVIEW, ("reject", "cancel")),
        (ValidationStatus.APPROVED, ("reject",)),
        (ValidationStatus.REJECTED, ("approve",)),
    ],
)
def test_of_judgements_of_a_validation_exactly_one_is_passed(
    world: World, status: ValidationStatus, rivals: Sequence[str]
) -> None:
    review: ReviewValidation = world.use_case(ReviewValidation)
    for _ in range(ROUNDS):
        validation = world.build.validation(world.entity, status=status)
        with world.store.begin() as uow:
            uow.validations.add(validation)
            uow.commit()
        jobs: list[Job] = [
            partial(getattr(review, rival), world.caller, validation.validation_id, REASON) for rival in rivals
        ]
        won = [answer for answer in at_once(jobs * 3) if answer is not None]
        assert len(won) == 1
        assert isinstance(won[0], KycValidation)
        assert world.trail_of(validation.validation_id) == [f"kyc_validation.{won[0].status.value}"]


def withdraw(studio: Studio, validation_id: str) -> None:
    review = ReviewValidation(store=studio.store, clock=studio.clock, randomness=studio.randomness)
    review.reject(studio.caller, validation_id, REASON)


def reference_of(studio: Studio) -> KycValidation:
    with studio.store.read() as uow:
        found = uow.validations.latest_approved(studio.session.organization_id, True, studio.session.entity_id)
    assert found is not None
    return found


def test_no_verdict_rests_on_a_reference_that_was_rejected_before_it(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rejected after the comparison and before the verdict: it is made anew, without it."""
    studio = make_studio(store)
    studio.up_to_still().keep()
    reference, compare = reference_of(studio), studio.core.compare
    asked = 0

    def compare_late(probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        nonlocal asked
        asked += 1
        if asked == 1:
            withdraw(studio, reference.validation_id)
        return compare(probe, references)

    monkeypatch.setattr(studio.core, "compare", compare_late)
    session = studio.decide()
    assert session is not None
    assert session.status is SessionStatus.REJECTED
    assert session.decision is not None
    assert DecisionWarning.NO_REFERENCE_IMAGE.value in session.decision.warnings


def test_a_verdict_and_a_withdrawal_at_once_have_an_order(store: SqlStore) -> None:
    """An approval that was written after the rejection would have been made without its reference."""
    studio = make_studio(store)
    studio.up_to_still().keep()
    reference = reference_of(studio)
    at_once([studio.decide, lambda: withdraw(studio, reference.validation_id), studio.decide])
    trail = [action for action in studio.audit() if action.split(".")[1] in ("approved", "rejected")]
    assert sorted(trail) in (
        ["biometric_session.approved", "kyc_validation.rejected"],
        ["biometric_session.rejected", "kyc_validation.rejected"],
    )
    if "biometric_session.approved" in trail:
        assert trail.index("biometric_session.approved") < trail.index("kyc_validation.rejected")
