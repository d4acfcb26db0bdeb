"""A new run for a session whose attempt has begun: after a reload, on another device, in another process."""

from __future__ import annotations

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_phase import CapturePhase
from app.domain.errors import StoreUnavailable
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import DecisionWarning
from app.services.capture_view import PageState
from app.services.keep_capture import CaptureNotExpected
from app.services.traces import read_traces
from tests.services.studio import Studio, make_studio


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


@pytest.fixture
def last(sqlite_store: SqlStore) -> Studio:
    """The first attempt is the last."""
    return make_studio(sqlite_store, settings={"max_attempts": 1})


def counts(studio: Studio) -> tuple[int, int]:
    """Attempts and free retries used up, as they are stored."""
    hosted = studio.stored()[1]
    return hosted.attempts_used, hosted.quality_retries_used


def reload(studio: Studio, number: int) -> str:
    """The page comes back under another id; what it was is gone."""
    page_id = f"page-{number}"
    studio.hello(page_id=page_id)
    return page_id


def to_still(studio: Studio, page_id: str) -> None:
    """All of the way again, as that page."""
    assert studio.camera(page_id) is not None
    studio.live_capture().page_id = "page-1"
    while studio.run_of().challenge is None:
        assert studio.show().refusal is None
    studio.pass_all()
    studio.live_capture().page_id = page_id
    assert studio.run_of().phase is CapturePhase.CAPTURE


def restart(studio: Studio) -> None:
    """Another process: nothing that was in memory is left."""
    studio.live.drop(studio.hosted_id)


def assert_exhausted(session: BiometricSession) -> None:
    assert session.status is SessionStatus.REJECTED
    assert session.decision is not None
    assert session.decision.warnings == (DecisionWarning.ATTEMPTS_EXHAUSTED,)


def test_who_reloads_at_the_still_gets_the_attempt_back(studio: Studio) -> None:
    studio.up_to_still()
    view = studio.hello(page_id="page-2")
    assert (view.state, view.attempt, view.attempts_left) == (PageState.CAMERA, 1, 3)
    assert counts(studio) == (0, 1)
    to_still(studio, "page-2")
    assert counts(studio) == (1, 1)


def test_a_reload_at_the_still_of_the_last_attempt_goes_on_to_a_verdict(last: Studio) -> None:
    last.up_to_still()
    assert reload(last, 2)
    assert last.read_capture(last.hosted_id)[1].attempts_left == 1
    to_still(last, "page-2")
    last.keep()
    decided = last.decide()
    assert decided is not None
    assert decided.status is SessionStatus.APPROVED
    assert decided.attempts == 1


def test_each_reload_at_the_still_uses_up_a_free_retry_and_then_an_attempt(studio: Studio) -> None:
    studio.up_to_still()
    for number in (2, 3, 4):
        page_id = reload(studio, number)
        assert counts(studio) == (0, number - 1)
        to_still(studio, page_id)
    for attempts, number in ((1, 5), (2, 6)):
        page_id = reload(studio, number)
        assert counts(studio) == (attempts, 3)
        asked = studio.run_of().config.number_of_challenges
        to_still(studio, page_id)
        assert studio.run_of().number_of_challenges > asked, "who has used them up is asked more"
    assert_exhausted_by_hello(studio)


def assert_exhausted_by_hello(studio: Studio) -> None:
    view = studio.hello(page_id="page-9")
    assert view.outcome is not None
    assert (view.state, view.outcome.outcome, view.outcome.reason) == (
        PageState.DONE,
        "rejected",
        "attempts_exhausted",
    )
    assert_exhausted(studio.stored()[0])
    assert studio.live.get(studio.hosted_id) is None, "no frame is kept of a session that is over"
    assert studio.camera("page-9") is None


def test_the_trace_of_an_attempt_that_ended_at_the_still_is_kept(studio: Studio) -> None:
    studio.up_to_still()
    asked = studio.run_of().number_of_challenges
    reload(studio, 2)
    traces = read_traces(studio.store, studio.blobs, studio.session.session_id)
    assert [len(one.prompts) for one in traces] == [asked]


def test_a_store_that_is_away_at_the_reload_gives_the_attempt_back_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.up_to_still()
    write, calls = studio.store.begin, []

    def fails_at_the_ledger() -> object:
        calls.append(1)
        if len(calls) == 2:
            raise StoreUnavailable("away")
        return write()

    monkeypatch.setattr(studio.store, "begin", fails_at_the_ledger)
    with pytest.raises(StoreUnavailable):
        studio.hello(page_id="page-2")
    monkeypatch.undo()
    with pytest.raises(CaptureNotExpected):
        studio.keep()
    assert studio.hello(page_id="page-2").attempts_left == 3
    to_still(studio, "page-2")
    assert counts(studio) == (1, 1)


def test_a_last_attempt_that_the_process_broke_off_is_given_back(last: Studio) -> None:
    for number in (2, 3, 4):
        page_id = reload(last, number)
        last.consent()
        to_still(last, page_id)
        restart(last)
        view = last.hello(page_id=f"page-{number}0")
        assert (view.state, view.attempts_left) == (PageState.CAMERA, 1)
        assert counts(last) == (0, number - 1)
    to_still(last, "page-40")
    restart(last)
    assert_exhausted_by_hello(last)


def test_a_capture_that_is_in_outlives_the_process_and_the_page(last: Studio) -> None:
    """Its attempt is used up as well, and settled."""
    last.up_to_still().keep()
    restart(last)
    assert last.hello(page_id="page-2").state is PageState.PROCESSING
    assert counts(last) == (1, 0)
    assert last.stored()[1].state is HostedState.CAPTURED
    ended = last.decide()
    assert ended is not None
    assert ended.status is SessionStatus.APPROVED


def test_a_capture_that_comes_in_while_another_page_says_hello_stays_in(
    last: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has read a session that waits; before it looks for the run, the still has ended it."""
    last.up_to_still()
    locked = last.live.locked

    def keep_first(hosted_session_id: str) -> object:
        monkeypatch.undo()
        last.keep()
        return locked(hosted_session_id)

    monkeypatch.setattr(last.live, "locked", keep_first)
    last.hello(page_id="page-2")
    assert counts(last) == (1, 0)
    assert last.stored()[1].state is HostedState.CAPTURED
    assert last.stored()[0].status is SessionStatus.IN_PROGRESS


def test_a_session_whose_last_failure_could_not_be_written_ends_at_the_next_camera(
    last: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    last.ready().align()

    def fails() -> object:
        raise StoreUnavailable("away")

    monkeypatch.setattr(last.store, "begin", fails)
    with pytest.raises(StoreUnavailable):
        last.fail()
    monkeypatch.undo()
    assert last.camera() == []
    assert_exhausted(last.stored()[0])
    assert (last.live.get(last.hosted_id), counts(last)) == (None, (1, 0))


def test_a_camera_that_is_opened_anew_at_the_still_changes_nothing(studio: Studio) -> None:
    studio.up_to_still()
    nonce = studio.run_of().nonce
    assert studio.camera(signals=["page:no_label"]) == []
    assert (studio.run_of().phase, studio.run_of().nonce) == (CapturePhase.CAPTURE, nonce)
    assert studio.live_capture().injection_signals == ("page:no_label",)
    assert studio.keep().session.status is SessionStatus.IN_PROGRESS
