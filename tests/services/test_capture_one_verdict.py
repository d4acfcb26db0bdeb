"""One verdict and one end: the matching core away, asked again, or overtaken by a cancel."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import ComparisonScore, Template
from app.domain.errors import InvalidState, MatchingUnavailable
from app.domain.session import BiometricSession, SessionStatus
from app.services.capture_view import PageState
from tests.services.studio import Studio, make_studio


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def verdict(studio: Studio) -> BiometricSession:
    session = studio.decide()
    assert session is not None
    assert session == studio.stored()[0]
    return session


def test_while_the_core_is_away_the_session_waits_and_nothing_is_lost(studio: Studio) -> None:
    studio.up_to_still().keep()
    before = studio.stored()
    studio.core.is_away = True
    for _ in range(2):
        with pytest.raises(MatchingUnavailable):
            studio.decide()
        assert studio.stored() == before
        assert studio.hello(page_id="page-2").state is PageState.PROCESSING
        before = studio.stored()
    studio.core.is_away = False
    studio.clock.advance(hours=30)
    assert verdict(studio).status is SessionStatus.APPROVED


def test_a_verdict_is_written_once_and_never_changes(studio: Studio) -> None:
    studio.up_to_still().keep()
    first = verdict(studio)
    studio.clock.advance(hours=1)
    studio.core.faces.clear()
    assert verdict(studio) == first
    assert studio.audit().count("biometric_session.approved") == 1


def test_there_is_nothing_to_decide_before_the_capture_is_in(studio: Studio) -> None:
    assert studio.decide_capture("01900000-0000-7000-8000-ffffffffffff") is None
    studio.up_to_still()
    assert verdict(studio).status is SessionStatus.IN_PROGRESS
    assert studio.core.templates_made == 0


@pytest.mark.parametrize("review_band", [0.0, 90.0])
def test_a_session_cancelled_while_it_waited_stays_cancelled(sqlite_store: SqlStore, review_band: float) -> None:
    studio = make_studio(sqlite_store, settings={"review_band": review_band})
    studio.up_to_still().keep()
    studio.cancel(studio.caller, studio.session.session_id)
    before = studio.stored()
    assert verdict(studio) == before[0]
    assert studio.stored() == before
    assert studio.core.templates_made == 0, "nobody's face is compared for nothing"
    assert (before[0].status, before[0].is_in_review) == (SessionStatus.CANCELLED, False)


@pytest.mark.parametrize("review_band", [0.0, 90.0])
def test_a_cancel_between_comparison_and_verdict_wins(
    sqlite_store: SqlStore, review_band: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = make_studio(sqlite_store, settings={"review_band": review_band})
    studio.up_to_still().keep()
    compare = studio.core.compare

    def compare_late(probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        if not studio.stored()[0].status.is_terminal:
            studio.cancel(studio.caller, studio.session.session_id)
        return compare(probe, references)

    monkeypatch.setattr(studio.core, "compare", compare_late)
    session = verdict(studio)
    assert (session.status, session.is_in_review, session.decision) == (SessionStatus.CANCELLED, False, None)


def test_of_verdicts_and_a_cancel_at_once_exactly_one_ends_the_session(studio: Studio) -> None:
    studio.up_to_still().keep()
    together = Barrier(5)

    def decide() -> SessionStatus:
        together.wait()
        session = studio.decide()
        assert session is not None
        return session.status

    def cancel() -> SessionStatus:
        together.wait()
        try:
            return studio.cancel(studio.caller, studio.session.session_id).status
        except InvalidState:
            return studio.stored()[0].status

    with ThreadPoolExecutor(5) as threads:
        answers = [threads.submit(job) for job in (decide, decide, decide, decide, cancel)]
        statuses = {answer.result() for answer in answers}
    assert statuses == {studio.stored()[0].status}
    assert statuses <= {SessionStatus.APPROVED, SessionStatus.CANCELLED}
    ends = [action for action in studio.audit() if action.split(".")[1] in ("approved", "cancelled")]
    assert len(ends) == 1
