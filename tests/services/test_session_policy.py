"""Sessions are run by their workflow, and judged by the settings that were in force when they were captured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import RecordUnreadable
from app.domain.session import HostedState, SessionStatus
from app.domain.settings import Workflow
from app.services.review_session import ReviewSession
from app.services.sync_session import SyncSession
from tests.services.desk import Desk
from tests.services.studio import ABANDON_AFTER, Studio, make_studio

STRANGER = b"somebody else"


def desk_of(studio: Studio) -> Desk:
    return Desk(studio.store, studio.clock, studio.caller)


def unexpected(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def syncing(studio: Studio) -> SyncSession:
    return SyncSession(
        store=studio.store,
        clock=studio.clock,
        randomness=studio.randomness,
        abandon_after=ABANDON_AFTER,
        decide_capture=studio.decide_capture,
        tell=lambda _: None,
        note_failure=unexpected,
    )


@pytest.fixture
def stranger(sqlite_store: SqlStore) -> Studio:
    """Somebody else, whom a threshold of zero lets pass."""
    studio = make_studio(sqlite_store, settings={"score_decline_threshold": 0.0})
    studio.person = STRANGER
    return studio


@pytest.mark.parametrize("by", ["the upload", "sync"])
def test_a_threshold_that_changes_after_the_capture_changes_no_verdict(stranger: Studio, by: str) -> None:
    stranger.up_to_still().keep()
    desk_of(stranger).patch(score_decline_threshold=90.0)
    if by == "the upload":
        session = stranger.decide()
    else:
        session = syncing(stranger)(stranger.caller, stranger.session.session_id)
    assert session is not None
    assert session.status is SessionStatus.APPROVED
    assert session.decision is not None
    assert session.decision.policy_version == 1
    assert session.decision.face_match is not None
    assert session.decision.face_match.threshold == 0.0


def test_one_that_changed_before_the_capture_counts(stranger: Studio) -> None:
    stranger.up_to_still()
    desk_of(stranger).patch(score_decline_threshold=90.0)
    stranger.keep()
    session = stranger.decide()
    assert session is not None
    assert session.status is SessionStatus.REJECTED
    assert session.decision is not None
    assert session.decision.policy_version == 2


def test_a_lost_verdict_is_made_again_by_the_version_of_its_evidence(stranger: Studio) -> None:
    stranger.up_to_still().keep()
    decided = stranger.decide()
    assert decided is not None
    before, hosted = stranger.stored()
    running = replace(before, status=SessionStatus.IN_PROGRESS, completed_at=None, decision=None)
    with stranger.store.begin() as uow:
        assert uow.sessions.swap(before.status, running)
        uow.sessions.save_hosted(replace(hosted, state=HostedState.DECIDED))
        uow.commit()
    desk_of(stranger).patch(score_decline_threshold=90.0)
    session = syncing(stranger)(stranger.caller, stranger.session.session_id)
    assert session.status is SessionStatus.APPROVED
    assert session.decision == decided.decision


def test_a_review_keeps_the_decision_as_it_was_made(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, settings={"review_band": 90.0})
    studio.up_to_still().keep()
    waiting = studio.decide()
    assert waiting is not None
    assert waiting.is_in_review
    desk_of(studio).patch(review_band=0.0, score_decline_threshold=100.0)
    review = ReviewSession(store=studio.store, clock=studio.clock, randomness=studio.randomness)
    session = review.approve(studio.caller, studio.session.session_id, "it is her")
    assert session.decision == waiting.decision
    assert session.decision is not None
    assert session.decision.policy_version == 1


def test_without_its_version_there_is_no_verdict_by_another(stranger: Studio) -> None:
    stranger.up_to_still().keep()
    session, hosted = stranger.stored()
    assert hosted.evidence is not None
    with stranger.store.begin() as uow:
        uow.sessions.save_hosted(replace(hosted, evidence=replace(hosted.evidence, policy_version=9)))
        uow.commit()
    with pytest.raises(RecordUnreadable):
        stranger.decide()
    assert stranger.stored()[0] == session


LOOSE = Workflow("default")
OWN = Workflow(
    "own", liveness_profile="strict", challenges=6, score_decline_threshold=0.0, review_band=0.0, max_attempts=1
)


@pytest.fixture
def with_own(sqlite_store: SqlStore) -> Studio:
    """A session with a workflow of its own in an organization that sets everything otherwise."""
    return make_studio(
        sqlite_store,
        settings={"workflows": (LOOSE, OWN), "score_decline_threshold": 90.0, "review_band": 10.0},
        workflow_id="own",
    )


def test_a_session_asks_what_its_workflow_asks(with_own: Studio) -> None:
    with_own.ready().align()
    asked = with_own.run_of().challenge
    assert asked is not None
    assert asked.total == 6
    assert with_own.fail().ended is not None
    session = with_own.stored()[0]
    assert (session.status, session.attempts) == (SessionStatus.REJECTED, 1)
    assert with_own.read_capture(with_own.hosted_id)[1].attempts_left == 0


@pytest.mark.parametrize(("wished", "total"), [(5, 6), (8, 8)])
def test_whoever_opens_the_session_may_raise_the_number_but_not_lower_it(
    sqlite_store: SqlStore, wished: int, total: int
) -> None:
    settings = {"workflows": (LOOSE, OWN)}
    studio = make_studio(sqlite_store, settings=settings, workflow_id="own", challenges_at_least=wished)
    asked = studio.ready().align().run_of().challenge
    assert asked is not None
    assert asked.total == total


def test_it_is_judged_by_its_workflow(with_own: Studio) -> None:
    with_own.person = STRANGER
    with_own.up_to_still().keep()
    session = with_own.decide()
    assert session is not None
    assert (session.status, session.is_in_review) == (SessionStatus.APPROVED, False)
    assert session.decision is not None
    assert session.decision.face_match is not None
    assert session.decision.face_match.threshold == 0.0
    assert session.decision.liveness is not None
    assert session.decision.liveness.asked == 6


def test_its_liveness_profile_is_its_workflows(with_own: Studio) -> None:
    with_own.pad.probabilities = {}
    with_own.up_to_still().keep()
    session = with_own.decide()
    assert session is not None
    assert session.status is SessionStatus.REJECTED


def test_removing_a_workflow_does_not_change_what_stands(with_own: Studio) -> None:
    with_own.person = STRANGER
    desk = desk_of(with_own)
    desk.change.remove_workflow(desk.caller, "own")
    desk.patch(max_attempts=9)
    with_own.ready().align()
    assert with_own.live_capture().attempts_allowed == 1
    kept = with_own.pass_all().keep()
    assert kept.hosted.evidence is not None
    assert kept.hosted.evidence.policy_version == 1
    session = with_own.decide()
    assert session is not None
    assert session.status is SessionStatus.APPROVED
