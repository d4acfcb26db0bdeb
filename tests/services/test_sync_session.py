"""Sync: what the hosted session says, the session shows, verdict included, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from app.adapters.db.tables import BiometricSessionRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import MatchingUnavailable, ObjectNotFound
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import Decision, RejectionCode
from app.services.decide_waiting import DecideWaiting
from app.services.sync_session import SyncSession
from tests.builders import add_organization, caller_of
from tests.domain.evidence import decision
from tests.fakes import EPOCH
from tests.services.studio import ABANDON_AFTER, Studio, make_studio

S = SessionStatus


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def unexpected(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def syncing(studio: Studio, told: list[str] | None = None, **changes: Any) -> SyncSession:
    sync = SyncSession(
        store=studio.store,
        clock=studio.clock,
        randomness=studio.randomness,
        abandon_after=ABANDON_AFTER,
        decide_capture=studio.decide_capture,
        tell=([] if told is None else told).append,
        note_failure=unexpected,
    )
    return replace(sync, **changes)


def synced(studio: Studio, told: list[str] | None = None) -> BiometricSession:
    """The answer, which is what is stored, and is the same when asked again."""
    sync = syncing(studio, told)
    session = sync(studio.caller, studio.session.session_id)
    trail = studio.audit()
    assert session == studio.stored()[0]
    assert sync(studio.caller, studio.session.session_id) == session
    assert studio.audit() == trail
    return session


def rewrite(studio: Studio, session: dict[str, Any], hosted: dict[str, Any]) -> None:
    """Leave the two halves as they could stand after a crash in the middle of something."""
    before, before_hosted = studio.stored()
    with studio.store.begin() as uow:
        uow.sessions.save_hosted(replace(before_hosted, **hosted))
        assert uow.sessions.swap(before.status, replace(before, **session))
        uow.commit()


def ends(studio: Studio) -> list[str]:
    words = {status.value for status in S if status.is_terminal} | {"in_review"}
    return [action for action in studio.audit() if action.split(".")[1] in words]


def test_what_is_as_it_should_be_is_left_alone(studio: Studio) -> None:
    told: list[str] = []
    assert synced(studio, told) == studio.session
    studio.up_to_still()
    before = studio.stored()
    assert synced(studio, told) == before[0]
    assert (studio.stored(), told) == (before, [])


def test_a_session_whose_time_is_over_ends(studio: Studio) -> None:
    studio.clock.advance(hours=24)
    assert synced(studio).status is S.EXPIRED
    assert ends(studio) == ["biometric_session.expired"]


def test_a_capture_that_waits_is_decided_at_once_and_its_page_is_told(studio: Studio) -> None:
    studio.up_to_still().keep()
    told: list[str] = []
    session = synced(studio, told)
    assert (session.status, session.completed_at) == (S.APPROVED, studio.clock.now())
    assert told == [studio.hosted_id]
    assert ends(studio) == ["biometric_session.approved"]


def test_while_the_core_is_away_it_says_so_and_nothing_is_lost(studio: Studio) -> None:
    studio.up_to_still().keep()
    told: list[str] = []
    before = studio.stored()
    studio.core.is_away = True
    for _ in range(2):
        with pytest.raises(MatchingUnavailable):
            syncing(studio, told)(studio.caller, studio.session.session_id)
    assert (studio.stored(), told) == (before, [])
    studio.core.is_away = False
    assert synced(studio).status is S.APPROVED


def test_a_core_that_is_away_matters_only_where_something_waits_for_it(studio: Studio) -> None:
    studio.core.is_away = True
    assert synced(studio).status is S.PENDING


@pytest.mark.parametrize(
    ("evidence", "status", "is_in_review", "code"),
    [
        (decision(), S.APPROVED, False, None),
        (decision(score=12.0), S.REJECTED, False, RejectionCode.FACE_MATCH_SCORE_LOW),
        (decision(passed=1), S.REJECTED, False, RejectionCode.CAPTURE_DECLINED),
        (decision(needs_review=True), S.IN_PROGRESS, True, None),
    ],
)
def test_a_verdict_that_was_lost_on_its_way_is_made_from_the_evidence_again(
    studio: Studio, evidence: Decision, status: SessionStatus, is_in_review: bool, code: RejectionCode | None
) -> None:
    """Nobody's face is compared for it: the core is away."""
    rewrite(studio, {"status": S.IN_PROGRESS}, {"state": HostedState.DECIDED, "evidence": evidence})
    studio.core.is_away = True
    studio.clock.advance(days=40)
    told: list[str] = []
    session = synced(studio, told)
    assert (session.status, session.is_in_review, session.rejection_code) == (status, is_in_review, code)
    assert session.decision is not None
    assert session.decision.liveness == evidence.liveness
    assert len(ends(studio)) == len(told) == 1


def test_evidence_that_was_never_complete_is_completed(studio: Studio) -> None:
    studio.up_to_still().keep()
    evidence = studio.stored()[1].evidence
    assert evidence is not None
    assert evidence.face_match is None
    rewrite(studio, {}, {"state": HostedState.DECIDED})
    session = synced(studio)
    assert session.status is S.APPROVED
    assert session.decision is not None
    assert session.decision.face_match is not None


def test_a_session_that_began_unnoticed_is_in_progress(studio: Studio) -> None:
    rewrite(studio, {}, {"state": HostedState.CONSENTED})
    session = synced(studio)
    assert (session.status, session.started_at) == (S.IN_PROGRESS, EPOCH)


def test_a_capture_of_a_session_that_seems_never_to_have_begun_is_decided(studio: Studio) -> None:
    studio.up_to_still().keep()
    rewrite(studio, {"status": S.PENDING, "started_at": None}, {})
    studio.clock.advance(days=2)
    assert synced(studio).status is S.APPROVED


def test_a_review_is_not_decided_by_the_core_again(studio: Studio) -> None:
    studio.up_to_still().keep()
    rewrite(studio, {"is_in_review": True, "decision": decision()}, {})
    made = studio.core.templates_made
    studio.decide()
    session = synced(studio)
    assert (session.status, session.is_in_review) == (S.IN_PROGRESS, True)
    assert (studio.stored()[1].state, studio.core.templates_made) == (HostedState.DECIDED, made)


def test_attempts_are_those_of_the_hosted_session(studio: Studio) -> None:
    studio.ready().align()
    session, hosted = studio.stored()
    assert session.attempts == hosted.attempts_used == 1
    with studio.store.begin() as uow:
        uow.sessions.connection.execute(sa.update(BiometricSessionRow).values(attempts=0))
        uow.commit()
    assert synced(studio).attempts == 1


@pytest.mark.parametrize("status", [status for status in S if status.is_terminal])
def test_what_has_ended_stays_as_it_ended(studio: Studio, status: SessionStatus) -> None:
    rewrite(studio, {"status": status}, {"state": HostedState.DECIDED, "evidence": decision()})
    studio.clock.advance(days=2)
    assert synced(studio).status is status
    assert ends(studio) == []


def test_a_page_that_cannot_be_told_changes_nothing(studio: Studio) -> None:
    def tell(_: str) -> None:
        raise OSError("no such socket")

    noted: list[str] = []
    studio.up_to_still().keep()
    sync = syncing(studio, tell=tell, note_failure=lambda what, _: noted.append(what))
    assert sync(studio.caller, studio.session.session_id).status is S.APPROVED
    assert noted == [f"telling the page of {studio.hosted_id}"]


def test_sessions_of_others_do_not_exist(studio: Studio) -> None:
    other = add_organization(
        studio.store,
        replace(studio.caller.organization, organization_id=studio.randomness.object_id(), slug="globex"),
    )
    for stranger in (caller_of(other), replace(studio.caller, is_test=False)):
        with pytest.raises(ObjectNotFound):
            syncing(studio)(stranger, studio.session.session_id)


@pytest.mark.parametrize("is_lost", [False, True])
def test_of_syncs_and_the_background_at_once_exactly_one_decides(store: SqlStore, is_lost: bool) -> None:
    """On both databases: a capture that waits, and a verdict that was lost."""
    studio = make_studio(store)
    studio.up_to_still().keep()
    if is_lost:
        rewrite(studio, {}, {"state": HostedState.DECIDED, "evidence": decision()})
    studio.clock.advance(seconds=60)
    background = DecideWaiting(
        store=store,
        decide_capture=studio.decide_capture,
        clock=studio.clock,
        tell=list[str]().append,
        note_failure=unexpected,
    )
    jobs: list[Callable[[], object]] = [background, studio.decide]
    jobs += [lambda: syncing(studio)(studio.caller, studio.session.session_id)] * 4
    together = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        together.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        answers = list(threads.map(run, jobs))
    stored = studio.stored()[0]
    assert stored.status is S.APPROVED
    assert all(answer == stored for answer in answers[2:])
    assert ends(studio) == ["biometric_session.approved"]
