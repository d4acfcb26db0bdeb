"""Frames that are not taken, and what is kept of those that are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_events import AttemptFailed
from app.domain.capture_phase import CapturePhase
from app.domain.session import HostedState, SessionStatus
from app.services.live_capture import FORGET_AFTER_MS, PASSIVE_FRONTAL_MAX, AttemptEvidence
from app.services.observe_frame import FrameHeader, FrameLimits, FrameResult
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


@pytest.mark.parametrize("seq", [-1, 0, 1, 2])
def test_a_frame_that_is_not_newer_is_stale(studio: Studio, seq: int) -> None:
    studio.ready().camera()
    studio.hold(RESTING, 200)
    stale = studio.send(b"frame", seq=seq)
    assert (stale.refusal, stale.expected_seq) == ("stale", 3)
    assert studio.send(b"frame", seq=3).refusal is None


@pytest.mark.parametrize("seq", [4, 5, 1_000_000])
def test_after_a_frame_comes_the_next_and_no_other(studio: Studio, seq: int) -> None:
    studio.ready().camera()
    studio.hold(RESTING, 200)
    ahead = studio.send(b"frame", seq=seq)
    assert (ahead.refusal, ahead.expected_seq) == ("out_of_order", 3)
    assert studio.send(b"frame", seq=ahead.expected_seq).refusal is None


def test_a_refused_frame_whose_turn_it_was_has_used_up_its_number(studio: Studio) -> None:
    studio.ready().camera()
    studio.images.broken.add(b"garbage")
    for seq, wrong in enumerate(({"challenge_id": "any"}, {"nonce": "any"}, {}), start=1):
        assert studio.send(b"garbage", seq=seq, **wrong).expected_seq == seq + 1
    assert studio.show().refusal is None


def test_a_page_that_comes_back_goes_on_where_its_numbers_stood(studio: Studio) -> None:
    studio.ready().camera()
    studio.hold(RESTING, 300)
    studio.interrupt_capture(studio.hosted_id, PAGE)
    studio.hello()
    assert studio.send(b"frame", seq=9).expected_seq == 4
    studio.camera()
    assert studio.send(b"frame", seq=4).refusal is None


def test_each_alignment_and_each_step_has_its_nonce_and_takes_no_frame_of_another(studio: Studio) -> None:
    nonces = []
    studio.ready().camera()
    nonces.append(studio.run_of().nonce)
    studio.align()
    while studio.run_of().challenge is not None:
        nonces.append(studio.run_of().nonce)
        for old in nonces[:-1]:
            assert studio.send(b"frame", nonce=old).refusal == "other_challenge"
        studio.obey()
    assert studio.run_of().phase is CapturePhase.CAPTURE
    assert studio.send(b"frame", nonce=nonces[-1]).refusal == "other_challenge"
    assert studio.show().refusal is None
    assert len({*nonces, studio.run_of().nonce}) == len(nonces) + 1


def test_a_new_alignment_takes_no_frame_of_the_one_before(studio: Studio) -> None:
    studio.ready().camera()
    before = studio.run_of().nonce
    studio.camera()
    assert studio.run_of().nonce == before, "another camera, the same alignment"
    studio.interrupt_capture(studio.hosted_id, PAGE)
    studio.camera()
    assert studio.send(b"frame", nonce=before).refusal == "other_challenge"


def test_a_genuine_session_that_is_sent_again_is_refused_at_its_first_frame(sqlite_store: SqlStore) -> None:
    genuine = make_studio(sqlite_store)
    sent: list[tuple[FrameHeader, bytes]] = []
    observe = genuine.observe_frame

    def record(hosted_session_id: str, page_id: str, header: FrameHeader, data: bytes) -> FrameResult:
        sent.append((header, data))
        return observe(hosted_session_id, page_id, header, data)

    genuine.observe_frame = record  # type: ignore[assignment]
    genuine.up_to_still()
    replay = replayed_on(genuine)
    for header, data in sent:
        result = replay.observe_frame(replay.hosted_id, PAGE, header, data)
        assert result.refusal in ("other_challenge", "too_fast")
    assert replay.run_of().phase is CapturePhase.ALIGN
    assert replay.stored()[1].attempts_used == 0


def replayed_on(genuine: Studio) -> Studio:
    """Another session of the same person, whose camera is about to start."""
    replay = genuine.again()
    replay.analyzer.observations = [seen()]
    replay.ready().camera()
    return replay


# The page's clock


def test_a_frame_taken_no_later_than_the_one_before_is_of_another_time(studio: Studio) -> None:
    studio.ready().camera()
    studio.show()
    now_ms = studio.clock.monotonic_ms()
    for captured_at_ms in (now_ms - 1, 0, now_ms - 60_000):
        assert studio.send(b"frame", captured_at_ms=captured_at_ms).refusal == "other_time"
    assert studio.show().refusal is None


@pytest.mark.parametrize("pace", [0.5, 2.0])
def test_frames_sent_faster_or_slower_than_they_were_taken_are_refused(studio: Studio, pace: float) -> None:
    studio.ready().camera()
    refusals = [paced(studio, number, pace) for number in range(120)]
    assert refusals[:30] == [None] * 30
    assert "other_time" in refusals
    assert studio.run_of().phase is CapturePhase.ALIGN


def paced(studio: Studio, number: int, pace: float) -> str | None:
    """A frame every tenth of a second, of somebody whom no camera sees, `pace` times as fast as it was taken."""
    studio.clock.advance(milliseconds=100)
    studio.analyzer.observations = [seen(None)]
    return studio.send(b"frame", captured_at_ms=1_000 + 100 * number * pace).refusal


def test_a_clock_of_its_own_that_drifts_as_clocks_do_and_a_slow_line_are_no_trouble(studio: Studio) -> None:
    studio.ready().camera()
    for number in range(300):
        late_ms = 2_900 if number % 50 == 0 else 0
        studio.clock.advance(milliseconds=100 + late_ms)
        studio.analyzer.observations = [seen(None)]
        taken_ms = 5e11 + (studio.clock.monotonic_ms() - late_ms) * 1.0005
        assert studio.send(b"frame", captured_at_ms=taken_ms).refusal is None, number


def test_a_device_that_slept_loses_its_challenge_and_nothing_more(studio: Studio) -> None:
    studio.ready().align()
    slept_ms = 60_000
    studio.clock.advance(milliseconds=slept_ms)
    result = studio.send(b"frame", captured_at_ms=studio.clock.monotonic_ms() - slept_ms + 100)
    assert [event.reason for event in result.events if isinstance(event, AttemptFailed)] == ["interrupted"]
    studio.camera()
    studio.clock.advance(milliseconds=100)
    on_time = studio.clock.monotonic_ms() - slept_ms + 200
    assert studio.send(b"frame", captured_at_ms=on_time).refusal is None


def test_a_frame_must_answer_the_challenge_that_stands(studio: Studio) -> None:
    studio.ready().camera()
    studio.show()
    assert studio.send(b"frame", challenge_id="any").refusal == "other_challenge", "nothing is asked yet"
    studio.align()
    first = studio.run_of().challenge
    assert first is not None
    assert studio.send(b"frame", nonce="").refusal == "other_challenge"
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
    result = studio.send(b"garbage")
    assert (result.refusal, result.refused_in_a_row) == ("not_an_image", 1)


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
    assert studio.camera() == []
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
