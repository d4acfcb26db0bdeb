"""The final still: one, for the right attempt, with one face in it; then the capture is in."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability
from app.domain.errors import StoreUnavailable
from app.domain.face import Observation
from app.domain.organization import Capture
from app.domain.session import HostedState, SessionStatus
from app.domain.verdict import PresentationOutcome
from app.services.keep_capture import CaptureNotExpected, StillUnusable
from app.services.ports import BlobAddress
from tests.faces import seen
from tests.services.studio import PAD_MODEL, Studio, make_studio


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def captures(studio: Studio) -> dict[str, Capture]:
    with studio.store.read() as uow:
        found = [one for one in uow.captures.of_session(studio.session.session_id) if one.is_image]
    assert len({item.kind for item in found}) == len(found)
    return {item.kind: item for item in found}


def refusal_of(studio: Studio, frame: Observation | None = None, still: bytes | None = None) -> StillUnusable:
    with pytest.raises(StillUnusable) as caught:
        studio.keep(still, frame=frame)
    return caught.value


def test_the_capture_is_kept_with_every_frame_the_verdict_rests_on(studio: Studio) -> None:
    studio.up_to_still()
    live = studio.live_capture()
    best, challenge_frames = live.evidence.best_still, live.evidence.challenge_frames
    still = studio.picture("the still")
    studio.keep(still)
    stored = captures(studio)
    images = {kind: studio.blobs.blobs[item.blob_id][1] for kind, item in stored.items()}
    assert images == {"selfie": best, "still": still, **{item.kind: item.jpeg for item in challenge_frames}}
    assert len(images) == 6
    for kind, item in stored.items():
        assert item.sha256 == hashlib.sha256(images[kind]).hexdigest()
        address = studio.blobs.blobs[item.blob_id][0]
        assert (address.entity_id, address.record_id, address.kind) == (item.entity_id, item.capture_id, kind)


def test_the_session_waits_with_its_evidence_and_nothing_stays_in_memory(studio: Studio) -> None:
    studio.up_to_still().keep()
    session, hosted = studio.stored()
    assert (session.status, hosted.state) == (SessionStatus.IN_PROGRESS, HostedState.CAPTURED)
    assert (hosted.captured_at, hosted.attempts_used, session.attempts) == (studio.clock.now(), 1, 1)
    assert studio.live.get(studio.hosted_id) is None
    evidence = hosted.evidence
    assert evidence is not None
    assert evidence.liveness is not None
    assert (evidence.liveness.asked, len(evidence.liveness.challenges)) == (4, 4)
    assert evidence.liveness.passive.score == 95.0
    assert evidence.liveness.outcome is PresentationOutcome.UNDETERMINED, "nobody has compared the faces yet"
    assert (evidence.face_match, evidence.models, evidence.needs_review) == (None, (PAD_MODEL,), False)


@pytest.mark.parametrize("claims", [{"nonce": "another"}, {"attempt": 0}, {"attempt": 2}])
def test_a_ticket_of_something_else_changes_nothing(studio: Studio, claims: dict[str, object]) -> None:
    studio.up_to_still()
    with pytest.raises(CaptureNotExpected):
        studio.keep(**claims)  # type: ignore[arg-type]
    assert studio.run_of().phase is CapturePhase.CAPTURE
    assert captures(studio) == {}
    assert studio.keep().session.session_id == studio.session.session_id


def test_a_still_is_not_expected_before_it_is_asked_for(studio: Studio) -> None:
    studio.ready()
    for stretch in (studio.camera, studio.align):
        stretch()
        with pytest.raises(CaptureNotExpected):
            studio.keep()
    studio.fail()
    with pytest.raises(CaptureNotExpected):
        studio.keep()
    assert captures(studio) == {}


def test_the_ticket_of_an_earlier_attempt_is_void(studio: Studio) -> None:
    studio.up_to_still()
    live = studio.live_capture()
    attempt, nonce = live.attempts_used, live.run.nonce
    studio.hello(page_id="page-2")
    studio.seq = 0
    assert studio.begin_alignment(studio.hosted_id, "page-2", []) == []
    with pytest.raises(CaptureNotExpected):
        studio.keep(attempt=attempt, nonce=nonce)


def test_a_second_still_is_not_expected(studio: Studio) -> None:
    studio.up_to_still()
    nonce = studio.run_of().nonce
    studio.keep()
    with pytest.raises(CaptureNotExpected):
        studio.keep_capture(studio.hosted_id, 1, nonce, b"still")
    assert len(captures(studio)) == 6


def test_of_eight_stills_at_once_exactly_one_is_kept(studio: Studio) -> None:
    studio.up_to_still()
    nonce, together = studio.run_of().nonce, Barrier(8)
    stills = [studio.picture(f"still {number}") for number in range(8)]
    studio.analyzer.observations = [seen()]

    def keep(still: bytes) -> bytes | None:
        together.wait()
        try:
            studio.keep_capture(studio.hosted_id, 1, nonce, still)
        except CaptureNotExpected:
            return None
        return still

    with ThreadPoolExecutor(8) as threads:
        won = [still for still in threads.map(keep, stills) if still is not None]
    assert len(won) == 1
    assert studio.blobs.blobs[captures(studio)["still"].blob_id][1] == won[0]
    assert len(captures(studio)) == 6


@pytest.mark.parametrize("frame", [seen(None), seen(second_face_ratio=0.7)], ids=["nobody", "two"])
def test_a_still_without_one_face_may_be_sent_again_twice(studio: Studio, frame: Observation) -> None:
    studio.up_to_still()
    for _ in range(2):
        problem = refusal_of(studio, frame)
        assert (problem.problem, problem.is_attempt_over, problem.ended) == ("no_face", False, None)
    assert studio.keep().session.status is SessionStatus.IN_PROGRESS
    assert studio.stored()[1].attempts_used == 1


def test_the_third_still_without_a_face_ends_the_attempt_for_quality(studio: Studio) -> None:
    studio.up_to_still()
    over = [refusal_of(studio, seen(None)).is_attempt_over for _ in range(3)]
    assert over == [False, False, True]
    hosted = studio.stored()[1]
    assert (hosted.attempts_used, hosted.quality_retries_used) == (0, 1)
    with pytest.raises(CaptureNotExpected):
        studio.keep()
    studio.align().pass_all()
    assert not refusal_of(studio, seen(None)).is_attempt_over, "the next attempt counts its stills anew"
    assert studio.keep().session.status is SessionStatus.IN_PROGRESS


def test_stills_that_are_no_image_count_alike(studio: Studio) -> None:
    studio.up_to_still()
    studio.images.broken.add(b"garbage")
    problems = [refusal_of(studio, still=b"garbage") for _ in range(3)]
    assert [(item.problem, item.is_attempt_over) for item in problems] == [
        ("not_an_image", False),
        ("not_an_image", False),
        ("not_an_image", True),
    ]


def test_refused_stills_of_an_attempt_do_not_count_in_the_next(studio: Studio) -> None:
    studio.up_to_still()
    refusal_of(studio, seen(None))
    refusal_of(studio, seen(None))
    live = studio.live_capture()
    live.evidence.received_bytes = live.run.config.attempt_bytes
    studio.show()
    studio.align().pass_all()
    assert not refusal_of(studio, seen(None)).is_attempt_over


def test_stills_without_a_face_end_the_session_with_its_last_attempt(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, settings={"max_attempts": 1}).ready()
    for _ in range(3):
        studio.align()
        studio.interrupt_capture(studio.hosted_id, "page-1")
    studio.align().pass_all()
    refusal_of(studio, seen(None))
    refusal_of(studio, seen(None))
    last = refusal_of(studio, seen(None))
    assert last.ended == studio.stored()[0]
    assert last.ended is not None
    assert last.ended.status is SessionStatus.REJECTED
    assert studio.live.get(studio.hosted_id) is None, "no frame is kept of a session that is over"


def test_without_anything_to_ask_stills_still_cost_attempts(sqlite_store: SqlStore) -> None:
    """No challenge was asked, so none counted the attempt; it must not be given back either."""
    studio = make_studio(sqlite_store).ready(avoid=list(Ability))
    attempts = 0
    for _ in range(6):
        studio.align()
        for _ in range(3):
            problem = refusal_of(studio, seen(None))
        attempts += 1
    assert (attempts, problem.ended is not None) == (6, True)
    assert studio.stored()[1].attempts_used == 3


def test_a_store_that_cannot_be_written_loses_nothing(studio: Studio) -> None:
    studio.up_to_still()
    studio.blobs.is_read_only = True
    with pytest.raises(StoreUnavailable):
        studio.keep()
    assert studio.run_of().phase is CapturePhase.CAPTURE
    studio.blobs.is_read_only = False
    studio.keep()
    assert len(captures(studio)) == 6


def test_a_session_that_was_cancelled_meanwhile_takes_no_still(studio: Studio) -> None:
    studio.up_to_still()
    studio.cancel(studio.caller, studio.session.session_id)
    with pytest.raises(CaptureNotExpected):
        studio.keep()
    assert (captures(studio), len(studio.blobs.blobs)) == ({}, 1)


def test_a_cancel_while_the_capture_is_stored_leaves_no_image_behind(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.up_to_still()
    put = studio.blobs.put

    def put_and_cancel(address: BlobAddress, data: bytes) -> str:
        blob_id = put(address, data)
        if address.kind == "challenge-4":
            studio.cancel(studio.caller, studio.session.session_id)
        return blob_id

    monkeypatch.setattr(studio.blobs, "put", put_and_cancel)
    with pytest.raises(CaptureNotExpected):
        studio.keep()
    assert (captures(studio), len(studio.blobs.blobs)) == ({}, 1)
