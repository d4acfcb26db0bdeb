"""Attempts: counted when the first challenge is asked, given back for quality at most three times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_events import AttemptFailed
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability
from app.domain.session import SessionStatus
from app.domain.verdict import ChallengeOutcome, DecisionWarning, PresentationOutcome, RejectionCode
from app.services.capture_view import PageState
from app.services.observe_frame import FrameResult
from app.services.traces import read_traces
from tests.faces import RESTING, seen
from tests.services.studio import PAGE, Studio, make_studio

DARK = replace(RESTING, luma=20.0)


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def counts(studio: Studio) -> tuple[int, int]:
    """Attempts and free retries used up, as they are stored."""
    hosted = studio.stored()[1]
    live = studio.live.get(studio.hosted_id)
    if live is not None:
        assert (live.attempts_used, live.quality_retries_used) == (
            hosted.attempts_used,
            hosted.quality_retries_used,
        )
    return hosted.attempts_used, hosted.quality_retries_used


def lose_face(studio: Studio) -> FrameResult:
    return studio.align().hold(None, 2_000)


def test_an_attempt_counts_when_its_first_challenge_is_asked_and_not_before(studio: Studio) -> None:
    studio.ready().camera()
    studio.hold(DARK, 2_000)
    assert counts(studio) == (0, 0)
    studio.align()
    assert counts(studio) == (1, 0)
    studio.pass_all()
    assert counts(studio) == (1, 0)


def test_the_page_is_at_the_attempt_that_runs_or_else_at_the_next(studio: Studio) -> None:
    def attempt_shown() -> tuple[PageState, int]:
        view = studio.read_capture(studio.hosted_id)[1]
        return view.state, view.attempt

    assert attempt_shown() == (PageState.CONSENT, 1)
    studio.ready().camera()
    assert attempt_shown() == (PageState.ALIGN, 1)
    studio.align()
    assert attempt_shown() == (PageState.CHALLENGE, 1)
    studio.fail()
    assert attempt_shown() == (PageState.RETRY, 2)
    lose_face(studio)
    assert attempt_shown() == (PageState.RETRY, 2), "a free one is numbered again"
    studio.align().pass_all()
    assert attempt_shown() == (PageState.CAPTURE, 2)
    studio.keep()
    assert attempt_shown() == (PageState.PROCESSING, 2)
    studio.decide()
    assert attempt_shown() == (PageState.DONE, 2)


def test_three_failed_attempts_reject_the_session(studio: Studio) -> None:
    studio.ready()
    for attempt in (1, 2, 3):
        result = studio.align().fail()
        assert counts(studio) == (attempt, 0)
        assert (result.ended is not None) is (attempt == 3)
    session, hosted = studio.stored()
    assert (session.status, session.rejection_code) == (SessionStatus.REJECTED, RejectionCode.CAPTURE_DECLINED)
    assert session.decision is not None
    assert session.decision.warnings == (DecisionWarning.ATTEMPTS_EXHAUSTED,)
    assert session.decision.liveness is not None
    assert session.decision.liveness.outcome is not PresentationOutcome.BONA_FIDE
    assert [item.outcome for item in session.decision.liveness.challenges] == [ChallengeOutcome.WRONG_MOVEMENT] * 3
    assert session.decision.face_match is None
    assert studio.live.get(studio.hosted_id) is None, "no frame is kept of a session that is over"
    assert studio.camera() is None
    assert studio.audit().count("biometric_session.rejected") == 1
    _, view = studio.read_capture(studio.hosted_id)
    assert (view.state, view.attempts_left) == (PageState.DONE, 0)
    assert view.outcome is not None
    assert (view.outcome.outcome, view.outcome.reason) == ("rejected", "attempts_exhausted")
    assert (hosted.attempts_used, session.attempts, view.attempt) == (3, 3, 3)


@pytest.mark.parametrize("allowed", [1, 2, 5])
def test_the_organization_says_how_many_attempts_there_are(sqlite_store: SqlStore, allowed: int) -> None:
    studio = make_studio(sqlite_store, settings={"max_attempts": allowed}).ready()
    for _ in range(allowed - 1):
        assert studio.align().fail().ended is None
    assert studio.align().fail().ended is not None


def test_a_lost_face_is_free_three_times_and_then_costs(studio: Studio) -> None:
    studio.ready()
    for retries in (1, 2, 3):
        assert lose_face(studio).ended is None
        assert counts(studio) == (0, retries)
    for attempt in (1, 2):
        assert lose_face(studio).ended is None
        assert counts(studio) == (attempt, 3)
    ended = lose_face(studio).ended
    assert ended is not None
    assert ended.status is SessionStatus.REJECTED
    assert counts(studio) == (3, 3)


def test_an_alignment_that_never_succeeds_is_free_three_times_and_then_costs(studio: Studio) -> None:
    studio.ready()
    expected = [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]
    for stored in expected:
        studio.camera()
        assert studio.hold(DARK, 62_000, every_ms=2_000).ended is None
        assert counts(studio) == stored
    studio.camera()
    assert studio.hold(DARK, 62_000, every_ms=2_000).ended is not None
    assert counts(studio) == (3, 3)


def test_a_hidden_page_voids_the_challenge_for_free(studio: Studio) -> None:
    studio.ready().align()
    result = studio.interrupt_capture(studio.hosted_id, PAGE)
    assert (len(result.events), result.ended) == (2, None)
    assert counts(studio) == (0, 1)
    assert studio.interrupt_capture(studio.hosted_id, PAGE).events == []
    assert counts(studio) == (0, 1)
    assert studio.run_of().phase is CapturePhase.IDLE


def test_interruptions_beyond_the_free_ones_end_the_session_too(studio: Studio) -> None:
    studio.ready()
    for _ in range(5):
        studio.align()
        assert studio.interrupt_capture(studio.hosted_id, PAGE).ended is None
    studio.align()
    ended = studio.interrupt_capture(studio.hosted_id, PAGE).ended
    assert ended is not None
    assert ended.status is SessionStatus.REJECTED
    assert studio.live.get(studio.hosted_id) is None


def test_only_the_own_page_can_interrupt(studio: Studio) -> None:
    studio.ready().align()
    assert studio.interrupt_capture(studio.hosted_id, "page-2") == FrameResult()
    assert studio.run_of().phase is CapturePhase.CHALLENGE


def test_a_reload_gives_no_attempt_back(studio: Studio) -> None:
    studio.ready().align().fail()
    studio.align()
    view = studio.hello(page_id="page-2")
    assert (view.attempts_left, counts(studio)) == (1, (2, 0))
    last = studio.run_of().evidence[-1]
    assert last.outcome is ChallengeOutcome.INTERRUPTED, "what stood is not forgotten"


def test_an_attempt_that_began_while_the_second_page_said_hello_counts(studio: Studio) -> None:
    """The first page's count is ahead of what the second one has read from the store."""
    studio.ready().align()
    studio.live_capture().attempts_used = 2
    studio.hello(page_id="page-2")
    assert studio.live_capture().attempts_used == 2


def test_attempts_outlive_the_process(studio: Studio) -> None:
    studio.ready().align().fail()
    studio.live.drop(studio.hosted_id)
    assert studio.hello(page_id="page-2").attempts_left == 2


def test_a_swap_costs_no_attempt_and_is_granted_twice_a_session(studio: Studio) -> None:
    studio.ready().align()
    for swaps in (1, 2):
        challenge = studio.run_of().challenge
        assert challenge is not None
        assert studio.swap_challenge(studio.hosted_id, PAGE, challenge.challenge_id)
        assert len(studio.live_capture().swapped) == swaps
        assert challenge.kind.ability in studio.live_capture().swapped
    challenge = studio.run_of().challenge
    assert challenge is not None
    assert studio.swap_challenge(studio.hosted_id, PAGE, challenge.challenge_id) is None
    assert counts(studio) == (1, 0)


def test_what_cannot_be_swapped_is_not_counted_as_a_swap(studio: Studio) -> None:
    studio.ready().align()
    assert studio.swap_challenge(studio.hosted_id, PAGE, "another") is None
    assert studio.swap_challenge(studio.hosted_id, "page-2", "another") is None
    assert studio.live_capture().swapped == frozenset()


def test_a_reload_neither_renews_the_swaps_nor_asks_again_what_was_swapped(studio: Studio) -> None:
    studio.ready().align()
    for _ in range(2):
        challenge = studio.run_of().challenge
        assert challenge is not None
        studio.swap_challenge(studio.hosted_id, PAGE, challenge.challenge_id)
    swapped = studio.live_capture().swapped
    studio.hello(page_id="page-2")
    live = studio.live_capture()
    assert live.swapped == swapped
    assert not swapped & {kind.ability for kind in live.run.config.kinds}


def test_without_any_kind_left_the_attempt_counts_with_the_request_for_a_still(studio: Studio) -> None:
    studio.ready(avoid=list(Ability)).align()
    assert studio.run_of().phase is CapturePhase.CAPTURE
    assert counts(studio) == (1, 0)


def test_more_time_doubles_limits_and_bytes(studio: Studio) -> None:
    studio.hello()
    usual = studio.run_of().config
    studio.hello(page_id="page-2", has_more_time=True)
    config = studio.run_of().config
    for name in ("challenge_limit_ms", "align_limit_ms", "attempt_limit_ms", "attempt_bytes"):
        assert getattr(config, name) == 2 * getattr(usual, name)


def test_a_frame_that_ends_the_attempt_ends_it_once_even_if_it_is_one_too_many(studio: Studio) -> None:
    studio.ready().align()
    live = studio.live_capture()
    live.evidence.received_bytes = live.run.config.attempt_bytes
    result = studio.show(seen(), after_ms=3_100)
    assert [event.reason for event in result.events if isinstance(event, AttemptFailed)] == ["interrupted"]
    assert counts(studio) == (0, 1)


def test_a_flood_of_bytes_ends_the_attempt_once(studio: Studio) -> None:
    studio.ready().align()
    live = studio.live_capture()
    live.evidence.received_bytes = live.run.config.attempt_bytes - 1
    result = studio.show(seen())
    assert [getattr(event, "reason", None) for event in result.events][-1] == "too_much_data"
    assert counts(studio) == (1, 0)
    assert studio.show(seen()).refusal == "not_expected"


def test_a_line_that_is_lost_for_a_moment_costs_neither_the_attempt_nor_what_was_passed(studio: Studio) -> None:
    studio.ready().align().obey()
    for free in (1, 2, 3):
        studio.show()
        assert studio.interrupt_capture(studio.hosted_id, PAGE).ended is None
        assert counts(studio) == (0, free), "given back while nobody knows whether the page returns"
        studio.clock.advance(seconds=6)
        assert studio.hello().state is PageState.CAMERA
        studio.align()
        assert counts(studio) == (1, free)
        asked = studio.run_of().challenge
        assert asked is not None
        assert (asked.index, asked.total) == (1, studio.run_of().config.number_of_challenges + free)
    studio.pass_all()
    studio.keep()
    traces = read_traces(studio.store, studio.blobs, studio.session.session_id)
    assert [len(one.prompts) for one in traces][:3] == [2, 1, 1], "each stretch has its own, none is told twice"
    assert len(traces) == 4


def test_what_is_interrupted_for_long_begins_anew(studio: Studio) -> None:
    studio.ready().align().obey()
    studio.interrupt_capture(studio.hosted_id, PAGE)
    studio.clock.advance(seconds=16)
    studio.hello()
    studio.align()
    asked = studio.run_of().challenge
    assert asked is not None
    assert (asked.index, counts(studio)) == (0, (1, 1))
    assert studio.live_capture().evidence.challenge_frames == []


def test_an_attempt_that_was_not_given_back_is_not_resumed_either(studio: Studio) -> None:
    studio.ready()
    for _ in range(3):
        lose_face(studio)
    studio.align().obey()
    studio.interrupt_capture(studio.hosted_id, PAGE)
    studio.align()
    asked = studio.run_of().challenge
    assert asked is not None
    assert (asked.index, counts(studio)) == (0, (2, 3))


def test_wishes_said_before_the_challenges_are_heeded_on_the_same_page(studio: Studio) -> None:
    studio.ready()
    usual = studio.run_of().config
    studio.hello(avoid=[Ability.BLINK, Ability.SMILE], has_more_time=True)
    config = studio.run_of().config
    assert config.challenge_limit_ms == 2 * usual.challenge_limit_ms
    assert {kind.ability for kind in usual.kinds} - {kind.ability for kind in config.kinds} == {
        Ability.BLINK,
        Ability.SMILE,
    }
    assert config.number_of_challenges > usual.number_of_challenges
    studio.align()
    studio.hello()
    assert studio.run_of().config is config, "not while something is asked"


def test_every_attempt_that_came_to_nothing_is_told_in_the_decision(studio: Studio) -> None:
    """Also where nothing was asked in it: the face was not found, or the photo was no use."""
    studio.ready().camera()
    studio.hold(None, 61_000)
    lose_face(studio)
    studio.align().fail()
    studio.align().pass_all()
    studio.keep()
    session = studio.decide()
    assert session is not None
    decision = session.decision
    assert decision is not None
    told = [(one.attempt, one.reason, one.is_counted) for one in decision.failures]
    assert told == [(1, "not_aligned", False), (1, "face_lost", False), (1, "wrong_movement", True)]
    assert [one.at for one in decision.failures] == sorted(one.at for one in decision.failures)


def test_the_last_failure_is_told_too_and_an_interruption_that_was_resumed(studio: Studio) -> None:
    studio.ready().camera()
    studio.align()
    studio.interrupt_capture(studio.hosted_id, PAGE)
    for _ in range(3):
        studio.align().fail()
    decision = studio.stored()[0].decision
    assert decision is not None
    told = [(one.attempt, one.reason, one.is_counted) for one in decision.failures]
    assert told == [(1, "interrupted", False), *((number, "wrong_movement", True) for number in (1, 2, 3))]
