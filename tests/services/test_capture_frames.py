"""Frames that are not taken, and what is kept of those that are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture import AttemptFailed, CapturePhase
from app.domain.session import HostedState, SessionStatus
from app.services.live_capture import FORGET_AFTER_MS, PASSIVE_FRONTAL_MAX, AttemptEvidence
from app.services.observe_frame import FrameLimits
from app.services.start_capture import UnknownHostedSession
from tests.faces import RESTING, seen
from tests.services.studio import PAGE, Studio, make_studio

LIMITS = FrameLimits()
DARK = replace(RESTING, luma=20.0)


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def test_frames_are_not_expected_before_hello_consent_and_camera(studio: Studio) -> None:
    assert studio.show().refusal == "not_expected"
    studio.hello()
    assert studio.show().refusal == "not_expected"
    assert studio.camera() is None, "no camera without consent"
    studio.consent()
    assert studio.show().refusal == "not_expected"
    assert studio.camera() == []
    assert studio.show().refusal is None


def test_frames_are_not_expected_after_the_attempt_or_the_session(studio: Studio) -> None:
    studio.ready().align().fail()
    assert studio.show().refusal == "not_expected"
    studio.align().pass_all()
    studio.keep()
    assert studio.show().refusal == "not_expected"
    assert studio.camera() is None
    studio.decide()
    assert studio.show().refusal == "not_expected"
    assert studio.camera() is None


def test_frames_of_another_page_are_not_expected(studio: Studio) -> None:
    studio.ready().camera()
    studio.show()
    studio.hello(page_id="page-2")
    assert studio.camera() is None, "the first page has been superseded"
    assert studio.camera("page-2") == []
    assert studio.send(b"frame").refusal == "not_expected"
    studio.analyzer.observations = [seen()]
    assert studio.send(b"frame", page_id="page-2").refusal is None


@pytest.mark.parametrize("seq", [0, 4, 5])
def test_a_frame_that_is_not_newer_is_stale(studio: Studio, seq: int) -> None:
    studio.ready().camera()
    studio.analyzer.observations = [seen()]
    assert studio.send(b"frame", seq=5).refusal is None
    assert studio.send(b"frame", seq=seq).refusal == "stale"
    assert studio.send(b"frame", seq=6).refusal is None


def test_a_frame_must_answer_the_challenge_that_stands(studio: Studio) -> None:
    studio.ready().camera()
    studio.show()
    assert studio.send(b"frame", challenge_id="any").refusal == "other_challenge", "nothing is asked yet"
    studio.align()
    first = studio.run_of().challenge
    assert first is not None
    assert studio.send(b"frame", challenge_id=None).refusal == "other_challenge"
    studio.obey()
    assert studio.send(b"frame", challenge_id=first.challenge_id).refusal == "other_challenge"
    assert len(studio.run_of().evidence) == 1


def test_a_frame_may_be_as_large_as_the_limit(studio: Studio) -> None:
    studio.ready().camera()
    studio.analyzer.observations = [seen()]
    assert studio.send(b"x" * LIMITS.max_bytes).refusal is None
    assert studio.send(b"x" * (LIMITS.max_bytes + 1)).refusal == "too_large"


def test_twenty_frames_a_second_and_no_more(studio: Studio) -> None:
    studio.ready().camera()
    refusals = [studio.show(after_ms=10).refusal for _ in range(25)]
    assert refusals == [None] * 20 + ["too_fast"] * 5
    assert studio.show(after_ms=749).refusal == "too_fast"
    assert studio.show(after_ms=11).refusal is None, "a second after the first one"


def test_garbage_is_no_image_and_refusals_are_counted_until_a_good_frame(studio: Studio) -> None:
    studio.ready().camera()
    studio.images.broken.add(b"garbage")
    counts = [studio.send(b"garbage").refused_in_a_row for _ in range(3)]
    assert counts == [1, 2, 3]
    result = studio.send(b"garbage", challenge_id="any")
    assert (result.refusal, result.refused_in_a_row) == ("other_challenge", 4)
    assert studio.show().refusal is None
    assert studio.send(b"garbage") == replace(result, refusal="not_an_image", refused_in_a_row=1)


def test_refused_frames_neither_move_the_run_nor_cost_anything(studio: Studio) -> None:
    studio.ready().align()
    studio.images.broken.add(b"garbage")
    challenge = studio.run_of().challenge
    for _ in range(10):
        studio.send(b"garbage")
        studio.send(b"frame", challenge_id="another")
    assert studio.run_of().challenge == challenge
    assert studio.stored()[1].attempts_used == 1
    assert studio.obey().refusal is None
    assert studio.run_of().passed_count() == 1


def test_a_second_camera_message_goes_on_with_the_alignment_its_time_and_its_budget(studio: Studio) -> None:
    studio.ready().camera()
    studio.hold(DARK, 40_000, every_ms=2_000)
    evidence = studio.live_capture().evidence
    spent = evidence.received_bytes
    assert studio.camera(signals=["page:canvas"]) == []
    assert (studio.live_capture().evidence, evidence.received_bytes) == (evidence, spent)
    assert spent > 0
    result = studio.hold(DARK, 22_000, every_ms=2_000)
    assert [event.reason for event in result.events if isinstance(event, AttemptFailed)] == ["not_aligned"]
    assert studio.live_capture().injection_signals == ("page:canvas",)


def test_a_second_camera_message_never_ends_a_challenge(studio: Studio) -> None:
    studio.ready().align()
    challenge = studio.run_of().challenge
    assert studio.camera() is None
    assert studio.run_of().challenge is challenge
    studio.pass_all()
    assert studio.camera() is None
    assert studio.run_of().phase is CapturePhase.CAPTURE


def test_the_best_frame_and_those_that_ended_a_challenge_are_kept(studio: Studio) -> None:
    studio.ready().camera()
    studio.show(replace(RESTING, smile=0.5, sharpness=20.0))
    first = studio.live_capture().evidence.best_still
    studio.show(RESTING)
    best = studio.live_capture().evidence.best_still
    assert first not in (None, best)
    studio.show(replace(RESTING, eyes_closed=0.4))
    assert studio.live_capture().evidence.best_still == best
    studio.align().pass_all()
    kinds = [frame.kind for frame in studio.live_capture().evidence.challenge_frames]
    assert kinds == ["challenge-1", "challenge-2", "challenge-3", "challenge-4"]
    assert len({frame.jpeg for frame in studio.live_capture().evidence.challenge_frames}) == 4


def test_a_new_attempt_keeps_no_frame_of_the_one_before(studio: Studio) -> None:
    studio.ready().align().obey()
    studio.fail()
    studio.camera()
    assert studio.live_capture().evidence == AttemptEvidence()


def test_passive_detection_looks_at_good_frames_only_and_not_at_all_of_them(studio: Studio) -> None:
    studio.ready().camera()
    studio.hold(DARK, 1_000)
    assert list(studio.live_capture().evidence.passive_frontal) == []
    studio.align()
    evidence = studio.live_capture().evidence
    assert 3 <= len(evidence.passive_frontal) < evidence.good_frames
    assert evidence.passive_frontal[0] == {"pad": 0.95}


def test_passive_detection_keeps_the_latest_frontal_frames_the_best_and_one_of_each_challenge(
    studio: Studio,
) -> None:
    studio.up_to_still()
    evidence = studio.live_capture().evidence
    assert (evidence.best_passive, evidence.passive_challenges) == ({"pad": 0.95}, [{"pad": 0.95}] * 4)
    studio.is_attack = lambda _: True
    studio.hold(RESTING, 10_000)
    assert list(evidence.passive_frontal) == [{"pad": 0.05}] * PASSIVE_FRONTAL_MAX
    assert evidence.best_passive == {"pad": 0.95}, "no frame was better than the best"


def test_signals_of_all_camera_messages_are_kept(studio: Studio) -> None:
    studio.ready()
    studio.camera(signals=["virtual_camera_label"])
    studio.camera(signals=["page:canvas", "virtual_camera_label"])
    studio.hello(page_id="page-2")
    assert studio.live_capture().injection_signals == ("virtual_camera_label", "page:canvas")


def test_frames_are_activity(studio: Studio) -> None:
    studio.ready().camera()
    for _ in range(3):
        studio.clock.advance(minutes=10)
        studio.camera()
        studio.show()
    assert studio.read_capture(studio.hosted_id)[0].session.status is SessionStatus.IN_PROGRESS
    assert studio.stored()[0].last_activity_at == studio.clock.now()


def test_a_frame_tells_that_the_integrator_has_cancelled(studio: Studio) -> None:
    studio.ready().align()
    studio.cancel(studio.caller, studio.session.session_id)
    result = studio.hold(RESTING, 6_000)
    assert result.ended is not None
    assert result.ended.status is SessionStatus.CANCELLED
    assert studio.live.get(studio.hosted_id) is None


def test_a_capture_nobody_came_back_to_is_forgotten(studio: Studio) -> None:
    studio.ready()
    live = studio.live_capture()
    other = replace(live, hosted_session_id="other")
    studio.live.put(other, FORGET_AFTER_MS - 1)
    assert studio.live.count() == 2
    studio.live.put(other, FORGET_AFTER_MS + 1)
    assert (studio.live.count(), studio.live.get(studio.hosted_id)) == (1, None)


def test_frames_of_no_session_at_all(studio: Studio) -> None:
    with pytest.raises(UnknownHostedSession):
        studio.start_capture("01900000-0000-7000-8000-ffffffffffff", page_id=PAGE, avoid=(), has_more_time=False)
    assert studio.stored()[1].state is HostedState.CREATED
    assert studio.session.expires_at - studio.clock.now() == timedelta(hours=24)
