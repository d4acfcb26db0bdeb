"""Hello, consent, withdrawal: what the person at the page can do, and what time does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.adapters.db.session_repository import SqlBiometricSessions
from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability, ChallengeKind
from app.domain.errors import InvalidState
from app.domain.session import HostedState, SessionStatus
from app.domain.verdict import DecisionWarning, RejectionCode
from app.services.capture_view import PageState
from tests.services.studio import ABANDON_AFTER, PAGE, TEXT, Studio, make_studio

SECOND = timedelta(seconds=1)


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def test_a_link_preview_begins_nothing_and_hello_does(studio: Studio) -> None:
    studio.read_capture(studio.hosted_id)
    assert studio.stored()[0].status is SessionStatus.PENDING
    view = studio.hello()
    session, hosted = studio.stored()
    assert (session.status, session.started_at) == (SessionStatus.IN_PROGRESS, studio.clock.now())
    assert (hosted.page_id, view.state, view.attempts_left) == (PAGE, PageState.CONSENT, 3)
    assert studio.audit() == ["biometric_session.in_progress", "hosted_session.page_bound"]


def test_hello_may_be_repeated_and_finds_the_same_run(studio: Studio) -> None:
    studio.ready().align()
    live, run = studio.live_capture(), studio.run_of()
    assert studio.hello().state is PageState.CHALLENGE
    assert studio.live_capture() is live
    assert studio.run_of() is run
    assert studio.audit().count("hosted_session.page_bound") == 1


def test_a_second_page_takes_over_with_a_run_of_its_own(studio: Studio) -> None:
    studio.ready().align()
    first = studio.run_of()
    assert studio.hello(page_id="page-2").state is PageState.CAMERA
    assert studio.run_of() is not first
    assert first.challenge is None, "frames on their way to the first page find nothing"
    assert studio.stored()[1].page_id == "page-2"


def test_the_first_page_s_still_is_void_once_a_second_page_has_taken_over(studio: Studio) -> None:
    studio.up_to_still()
    first = studio.run_of()
    studio.hello(page_id="page-2")
    assert first.phase is CapturePhase.STOPPED
    assert studio.run_of().phase is CapturePhase.IDLE


def test_the_page_s_wishes_and_the_integrator_s_are_taken_together(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, avoid=frozenset({Ability.HEAD_TURN}), challenges_at_least=6)
    studio.hello(avoid=[Ability.SMILE])
    config = studio.run_of().config
    assert {kind.ability for kind in config.kinds} == {
        Ability.LOOK,
        Ability.BLINK,
        Ability.MOUTH,
        Ability.APPROACH,
    }
    assert (config.number_of_challenges, config.needs_review) == (6, False)


def test_who_may_be_asked_to_come_closer_has_room_for_it(studio: Studio) -> None:
    studio.hello()
    assert ChallengeKind.MOVE_CLOSER in studio.run_of().config.kinds
    near = studio.run_of().config.quality.max_face_height_share
    studio.hello(page_id="page-2", avoid=[Ability.APPROACH])
    assert near * 1.2 <= studio.run_of().config.quality.max_face_height_share + 0.01


def test_consent_is_kept_with_its_text_and_twice_is_once(studio: Studio) -> None:
    studio.hello()
    assert studio.consent()
    hosted = studio.stored()[1]
    assert hosted.state is HostedState.CONSENTED
    assert (hosted.consent_version, hosted.consent_hash, hosted.consent_language) == (
        TEXT.version,
        TEXT.sha256,
        TEXT.language,
    )
    first_at = hosted.consented_at
    studio.clock.advance(seconds=5)
    assert studio.consent()
    assert studio.stored()[1].consented_at == first_at
    assert studio.audit().count("consent.accepted") == 1


def test_there_is_nothing_to_consent_to_before_hello_or_after_the_end(studio: Studio) -> None:
    assert not studio.consent()
    assert studio.stored()[1].state is HostedState.CREATED
    studio.hello()
    studio.cancel(studio.caller, studio.session.session_id)
    assert not studio.consent()
    assert "consent.accepted" not in studio.audit()


@pytest.mark.parametrize("is_consented", [False, True])
def test_who_declines_ends_the_session(studio: Studio, is_consented: bool) -> None:
    studio.hello()
    if is_consented:
        studio.consent()
        studio.align()
    ended = studio.record_consent.decline(studio.hosted_id, TEXT)
    session = studio.stored()[0]
    assert ended == session
    assert (session.status, session.rejection_code) == (SessionStatus.REJECTED, RejectionCode.CAPTURE_DECLINED)
    assert session.decision is not None
    assert session.decision.warnings == (DecisionWarning.CONSENT_DECLINED,)
    assert studio.live.get(studio.hosted_id) is None
    assert studio.audit().count("consent.declined") == 1
    view = studio.hello()
    assert view.outcome is not None
    assert (view.state, view.outcome.outcome, view.outcome.reason) == (
        PageState.DONE,
        "declined",
        "consent_declined",
    )


def test_declining_too_early_twice_or_too_late_changes_nothing(studio: Studio) -> None:
    assert studio.record_consent.decline(studio.hosted_id, TEXT) is None
    studio.up_to_still().keep()
    assert studio.record_consent.decline(studio.hosted_id, TEXT) is None
    assert studio.stored()[0].status is SessionStatus.IN_PROGRESS
    studio.decide()
    assert studio.record_consent.decline(studio.hosted_id, TEXT) is None
    assert studio.stored()[0].status is SessionStatus.APPROVED
    assert "consent.declined" not in studio.audit()


def test_a_decline_that_another_end_has_overtaken_leaves_no_trace(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.hello()
    monkeypatch.setattr(SqlBiometricSessions, "swap", lambda *_: False)
    assert studio.record_consent.decline(studio.hosted_id, TEXT) is None
    assert "consent.declined" not in studio.audit()


def test_who_withdraws_abandons_the_session_once(studio: Studio) -> None:
    assert studio.withdraw(studio.hosted_id) is None, "it has not begun"
    studio.ready().align()
    ended = studio.withdraw(studio.hosted_id)
    assert ended == studio.stored()[0]
    assert ended is not None
    assert ended.status is SessionStatus.ABANDONED
    assert studio.live.get(studio.hosted_id) is None
    assert studio.withdraw(studio.hosted_id) is None
    assert studio.audit().count("biometric_session.abandoned") == 1


def test_nobody_withdraws_a_capture_that_is_in(studio: Studio) -> None:
    studio.up_to_still().keep()
    assert studio.withdraw(studio.hosted_id) is None
    assert studio.stored()[0].status is SessionStatus.IN_PROGRESS


def test_a_link_that_was_never_opened_expires_when_it_is_looked_at(studio: Studio) -> None:
    studio.clock.advance(hours=24)
    loaded, view = studio.read_capture(studio.hosted_id)
    assert (loaded.session.status, view.state) == (SessionStatus.EXPIRED, PageState.DONE)
    assert studio.stored()[0].status is SessionStatus.EXPIRED
    view = studio.hello()
    assert view.outcome is not None
    assert view.outcome.outcome == "expired"
    assert studio.audit() == ["biometric_session.expired"]


def test_hello_applies_expiry_itself(studio: Studio) -> None:
    studio.clock.advance(hours=24)
    assert studio.hello().state is PageState.DONE
    assert studio.stored()[0].status is SessionStatus.EXPIRED
    assert studio.live.get(studio.hosted_id) is None


def test_silence_abandons_and_hello_is_no_silence(studio: Studio) -> None:
    studio.ready()
    studio.clock.advance(seconds=(ABANDON_AFTER - SECOND).total_seconds())
    assert studio.hello(page_id="page-2").state is PageState.CAMERA
    studio.clock.advance(seconds=(ABANDON_AFTER - SECOND).total_seconds())
    assert studio.read_capture(studio.hosted_id)[1].outcome is None
    studio.clock.advance(seconds=1)
    assert studio.read_capture(studio.hosted_id)[0].session.status is SessionStatus.ABANDONED


def test_time_does_not_end_a_session_whose_capture_is_in(studio: Studio) -> None:
    studio.up_to_still().keep()
    studio.clock.advance(days=3)
    loaded, view = studio.read_capture(studio.hosted_id)
    assert (loaded.session.status, view.state) == (SessionStatus.IN_PROGRESS, PageState.PROCESSING)
    ended = studio.decide()
    assert ended is not None
    assert ended.status is SessionStatus.APPROVED


def test_the_redirect_carries_session_status_and_result_beside_what_was_there(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, callback="https://a.example/done?x=1#end")
    studio.up_to_still().keep()
    session = studio.decide()
    assert session is not None
    view = studio.hello()
    assert view.outcome is not None
    assert view.outcome.redirect is not None
    base, _, result = view.outcome.redirect.url.partition("&result=")
    assert base == f"https://a.example/done?x=1&sessionId={session.session_id}&status=approved"
    assert result.endswith("#end")
    assert view.outcome.redirect.status == "approved"


def test_what_is_over_cannot_be_cancelled(studio: Studio) -> None:
    studio.up_to_still().keep()
    studio.decide()
    with pytest.raises(InvalidState):
        studio.cancel(studio.caller, studio.session.session_id)
    assert studio.stored()[0].status is SessionStatus.APPROVED
