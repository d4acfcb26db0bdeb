"""Traces of attempts: kept for whoever must explain a verdict, and for nobody else."""

from __future__ import annotations

import json

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.challenge import ChallengeKind
from app.domain.errors import ObjectNotFound, RecordUnreadable
from app.domain.watch import Prompt, Trace, TracePoint
from app.services.read_media import ReadMedia
from app.services.traces import read_trace, read_traces, write_trace
from tests.services.studio import Studio, make_studio

POINT = TracePoint(100, 0, 1.5, -2.0, 0.1, 0.02, 0.5, 0.1, 1.2, 120.0)
TRACE = Trace((POINT, TracePoint(200, None, None, None, None, None, None, None, None, 12.0)), ())


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def traces(studio: Studio) -> tuple[Trace, ...]:
    return read_traces(studio.store, studio.blobs, studio.session.session_id)


def test_a_trace_reads_back_as_it_was_written() -> None:
    trace = Trace(TRACE.points, (Prompt(0, ChallengeKind.TURN_LEFT, 900, "one"),))
    assert read_trace(write_trace(trace)) == trace


def test_a_trace_whose_prompts_have_no_ids_yet_is_read_too() -> None:
    old = json.loads(write_trace(TRACE)) | {"prompts": [[0, "turn_left", 900]]}
    assert read_trace(json.dumps(old).encode()).prompts == (Prompt(0, ChallengeKind.TURN_LEFT, 900),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"columns":[],"points":[[1]],"prompts":[]}',
        b"\xff",
        write_trace(TRACE)[:-9],
        write_trace(TRACE).replace(b'"prompts":[]', b'"prompts":[[0,"blink",1,"one",2]]'),
    ],
)
def test_what_is_no_trace_is_unreadable(data: bytes) -> None:
    with pytest.raises(RecordUnreadable):
        read_trace(data)


def test_a_capture_keeps_what_its_frames_measured_and_what_was_asked(studio: Studio) -> None:
    studio.up_to_still()
    asked = [(one.kind, one.challenge_id) for one in studio.run_of().evidence]
    studio.keep()
    (trace,) = traces(studio)
    assert [(prompt.kind, prompt.challenge_id) for prompt in trace.prompts] == asked
    kinds = [kind for kind, _ in asked]
    assert [prompt.index for prompt in trace.prompts] == list(range(len(kinds)))
    during = {point.challenge_index for point in trace.points}
    assert during == {None, *range(len(kinds))}
    assert [point.at_ms for point in trace.points] == sorted(point.at_ms for point in trace.points)
    assert trace.points[0].at_ms == 0


def test_every_attempt_that_was_asked_something_leaves_its_own(studio: Studio) -> None:
    studio.ready().align()
    studio.fail()
    studio.align()
    asked = studio.run_of().config.number_of_challenges
    studio.pass_all().keep()
    first, second = traces(studio)
    assert (len(first.prompts), len(second.prompts)) == (1, asked)


def test_the_last_attempt_leaves_one_too(studio: Studio) -> None:
    studio.ready()
    for _ in range(3):
        studio.align()
        studio.fail()
    assert len(traces(studio)) == 3


def test_an_alignment_that_comes_to_nothing_leaves_none(studio: Studio) -> None:
    studio.ready().camera()
    studio.hold(None, 61_000)
    assert traces(studio) == ()


def test_a_blob_store_that_is_away_does_not_keep_an_attempt_from_ending(studio: Studio) -> None:
    studio.ready().align()
    studio.blobs.is_read_only = True
    studio.fail()
    assert traces(studio) == ()
    assert studio.stored()[1].attempts_used == 1


def test_a_trace_is_no_image_that_the_api_hands_out(studio: Studio) -> None:
    studio.up_to_still().keep()
    read = ReadMedia(store=studio.store, blobs=studio.blobs, clock=studio.clock, randomness=studio.randomness)
    with pytest.raises(ObjectNotFound):
        read(studio.caller, studio.session.session_id, "trace")
