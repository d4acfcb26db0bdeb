"""Frames that come again in another session, and what is remembered of a session to notice them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.replay import FINGERPRINTS_KEPT
from app.services import replay_ledger
from app.services.keep_capture import Kept
from app.services.replay_ledger import PruneReplays
from tests.fakes import EPOCH, FakeFingerprintVault
from tests.services.studio import LEDGER_RETENTION, Studio, make_studio

SEEN, NEW = "frames_of_another_session", "frames_not_seen_before"


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store, has_replay_ledger=True)


def evidence_of(kept: Kept) -> DetectorEvidence | None:
    """The ledger's evidence in a capture that is in."""
    assert kept.hosted.evidence is not None
    assert kept.hosted.evidence.liveness is not None
    found = [one for one in kept.hosted.evidence.liveness.detectors if one.detector is Detector.REPLAY]
    return found[0] if found else None


def keep(studio: Studio, frames: list[int] | None = None) -> DetectorEvidence | None:
    """A session up to its still; `frames` are the fingerprints its camera is taken to have shown."""
    studio.up_to_still()
    if frames is not None:
        fingerprints = studio.live_capture().evidence.fingerprints
        fingerprints.clear()
        fingerprints.extend(frames)
    return evidence_of(studio.keep())


def replay(studio: Studio) -> Studio:
    """The next session of the same person, in the ledger as well."""
    studio.decide()
    return studio.again(has_replay_ledger=True)


def fingerprints_of(studio: Studio) -> list[int]:
    """What the ledger holds, of all sessions."""
    session = replace(studio.session, session_id="0" * 32)
    with studio.store.read() as uow:
        entries = uow.replays.to_compare(session, EPOCH - timedelta(days=365), 100, 100)
    return [int(one) for opened in FakeFingerprintVault().open(entries) if opened is not None for one in opened]


def test_frames_that_were_shown_before_are_noticed(studio: Studio) -> None:
    first = keep(studio)
    assert first is not None
    assert (first.score, first.reason) == (100.0, NEW)
    remembered = fingerprints_of(studio)
    assert len(remembered) == FINGERPRINTS_KEPT
    again = keep(replay(studio), [one ^ 0b111111 for one in remembered])
    assert again is not None
    assert (again.score, again.reason, again.measured["seen_again_ratio"]) == (0.0, SEEN, 1.0)


def test_the_next_session_of_the_same_person_is_no_replay(studio: Studio) -> None:
    keep(studio)
    second = keep(replay(studio), [one ^ 0b1111111 for one in fingerprints_of(studio)])
    assert second is not None
    assert (second.score, second.reason) == (100.0, NEW)
    assert second.measured["compared_sessions"] == 1


def test_frames_of_the_attempt_s_own_session_do_not_count(studio: Studio) -> None:
    studio.ready().align().obey()
    studio.fail()
    found = keep_after_retry(studio)
    assert (found.score, found.measured["compared_sessions"]) == (100.0, 0)


def keep_after_retry(studio: Studio) -> DetectorEvidence:
    studio.align().pass_all()
    found = evidence_of(studio.keep())
    assert found is not None
    return found


def test_a_new_attempt_begins_with_no_frames(studio: Studio) -> None:
    studio.ready().align().obey()
    assert studio.live_capture().evidence.fingerprints
    studio.fail()
    studio.align()
    assert len(studio.live_capture().evidence.fingerprints) == 0, "nothing is asked of who still aligns"


def test_test_sessions_take_no_part_unless_asked_for(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store)
    assert keep(studio) is None
    assert fingerprints_of(studio) == []


def test_live_sessions_always_take_part(studio: Studio) -> None:
    live = replace(studio.session, is_test=False, has_replay_ledger=False)
    assert live.is_in_replay_ledger
    keep(studio)
    assert studio.keep_capture.replays.compare(live, list(range(99)))[0].measured["compared_sessions"] == 0
    assert not replace(live, is_test=True).is_in_replay_ledger


def test_other_organizations_are_not_looked_at(studio: Studio) -> None:
    keep(studio)
    other = replace(studio.session, organization_id=studio.session.session_id, entity_id=studio.session.session_id)
    (found,) = studio.keep_capture.replays.compare(other, fingerprints_of(studio))
    assert found.measured["compared_sessions"] == 0


def test_what_the_ledger_remembers_is_bounded_in_time(studio: Studio) -> None:
    keep(studio)
    remembered = fingerprints_of(studio)
    prune = PruneReplays(store=studio.store, clock=studio.clock, retention=LEDGER_RETENTION)
    next_one = replay(studio).session
    compare = studio.keep_capture.replays.compare
    studio.clock.at = EPOCH + LEDGER_RETENTION
    assert compare(next_one, remembered)[0].reason == SEEN
    assert not prune()
    assert fingerprints_of(studio) == remembered
    studio.clock.advance(hours=1)
    assert compare(next_one, remembered)[0].reason == NEW, "not even before it is removed"
    assert not prune()
    assert fingerprints_of(studio) == []


def test_entries_go_in_batches(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(studio)
    keep(replay(studio))
    monkeypatch.setattr(replay_ledger, "PRUNE_BATCH", 1)
    studio.clock.advance(days=LEDGER_RETENTION.days + 1)
    prune = PruneReplays(store=studio.store, clock=studio.clock, retention=LEDGER_RETENTION)
    assert [prune(), prune(), prune()] == [True, True, False]


def test_entries_of_an_erased_person_are_ignored(studio: Studio) -> None:
    keep(studio)
    remembered = fingerprints_of(studio)
    session = replay(studio).session
    ledger = replace(studio.keep_capture.replays, vault=NobodyOpens())
    (found,) = ledger.compare(session, remembered)
    assert (found.reason, found.measured["compared_sessions"]) == (NEW, 0)


class NobodyOpens(FakeFingerprintVault):
    """A vault whose keys are destroyed."""

    def _opened(self, stored: object) -> None:
        return None
