"""The light challenge through the use cases: who is shown it, and what becomes of those who do not answer it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_events import StillRequested
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.face import BgrImage, Observation
from app.domain.frame_signals import FrameSignals
from app.domain.light import LIGHT_RGB, LightNoticed, LightShown
from app.domain.session import BiometricSession, SessionStatus
from app.domain.verdict import PresentationOutcome
from app.services.capture_view import PageState
from app.services.replay_policy import ReplayPolicy
from tests.fakes import FakeFrameSignals
from tests.services.studio import PAGE, Studio, make_studio

FLASH = frozenset({Ability.FLASH})
ALL_KINDS = frozenset(Ability) - FLASH


@dataclass
class LitSignals:
    """A face before the screen of the studio: it answers by `share` of the room's own light."""

    studio: Studio
    share: float

    def measure(self, image: BgrImage, data: bytes, observation: Observation) -> FrameSignals:
        lit = self.studio.run_of().lit
        red, green, blue = LIGHT_RGB.get(lit.colour, (0, 0, 0)) if lit else (0, 0, 0)
        lamp = 1 + 0.01 * (hashlib.blake2b(data).digest()[0] / 255)  # no light is quite still
        skin = [
            lamp * own * (1 + self.share * (one / 255) ** 2.2) ** 0.45
            for own, one in zip((95, 120, 165), (blue, green, red), strict=True)
        ]
        signals = FakeFrameSignals().measure(image, data, observation)
        return replace(
            signals, skin=(skin[0], skin[1], skin[2]), surroundings=(lamp * 128, lamp * 128, lamp * 128)
        )


def studio_of(store: SqlStore, share: float = 0.2, *, profile: str = "standard", **session: Any) -> Studio:
    studio = make_studio(store, settings={"light_challenge": True, "liveness_profile": profile}, **session)
    studio.observe_frame = replace(studio.observe_frame, signals=LitSignals(studio, share))
    return studio


def answer(studio: Studio, *, is_accepted: bool = True, page_id: str = PAGE) -> bool:
    result = studio.answer_light(studio.hosted_id, page_id, is_accepted=is_accepted)
    studio.events += result.events if result else ()
    return result is not None


def shine(studio: Studio) -> Studio:
    """Let the screen shine, and look at it to the end."""
    assert answer(studio)
    while studio.run_of().phase is CapturePhase.LIGHT:
        assert studio.show().refusal is None
    return studio


def decided(studio: Studio) -> BiometricSession:
    studio.keep()
    session = studio.decide()
    assert session is not None
    return session


def evidence(session: BiometricSession) -> DetectorEvidence | None:
    assert session.decision is not None
    assert session.decision.liveness is not None
    found = [one for one in session.decision.liveness.detectors if one.detector is Detector.LIGHT_RESPONSE]
    return found[0] if found else None


def reason(session: BiometricSession) -> str | None:
    found = evidence(session)
    return None if found is None else found.reason


def is_reproduced(studio: Studio) -> bool:
    return ReplayPolicy(store=studio.store)(studio.session.session_id, None).is_same


def test_without_the_setting_nothing_is_asked_and_nothing_said(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store).up_to_still()
    session = decided(studio)
    assert (session.status, evidence(session)) == (SessionStatus.APPROVED, None)


def test_who_answers_the_light_is_approved(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store).up_to_still()
    assert isinstance(studio.events[-1], LightNoticed)
    assert studio.read_capture(studio.hosted_id)[1].state is PageState.LIGHT
    session = decided(shine(studio))
    found = evidence(session)
    assert found is not None
    assert (found.reason, (found.score or 0) >= 80) == ("skin_answers", True)
    assert session.status is SessionStatus.APPROVED
    assert is_reproduced(studio)


@pytest.mark.parametrize(
    ("profile", "status", "outcome"),
    [
        ("standard", None, PresentationOutcome.BONA_FIDE),
        ("strict", SessionStatus.REJECTED, PresentationOutcome.UNDETERMINED),
    ],
)
@pytest.mark.parametrize("how", ["no_response_visible", "declined", "declined in hello"])
def test_no_answer_is_never_a_silent_pass(
    sqlite_store: SqlStore, profile: str, status: SessionStatus | None, outcome: PresentationOutcome, how: str
) -> None:
    """In standard a person looks at it; in strict it is undetermined."""
    studio = studio_of(sqlite_store, 0.0, profile=profile)
    studio.ready(avoid=FLASH if how == "declined in hello" else ()).align().pass_all()
    if how == "declined":
        assert answer(studio, is_accepted=False)
    elif how == "no_response_visible":
        shine(studio)
    assert isinstance(studio.events[-1], StillRequested)
    session = decided(studio)
    assert reason(session) == how.removesuffix(" in hello")
    assert session.decision is not None
    assert session.decision.liveness is not None
    assert session.decision.liveness.outcome is outcome
    assert (session.is_in_review, session.status) == (status is None, status or SessionStatus.IN_PROGRESS)
    assert is_reproduced(studio)


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_what_the_integrator_waives_is_not_demanded(sqlite_store: SqlStore, profile: str) -> None:
    studio = studio_of(sqlite_store, profile=profile, avoid=FLASH).up_to_still()
    assert isinstance(studio.events[-1], StillRequested)
    assert not [event for event in studio.events if isinstance(event, LightNoticed)]
    assert studio.run_of().config.light.value == "avoided"
    assert reason(decided(studio)) == "avoided"


def test_what_the_integrator_waives_costs_nothing(sqlite_store: SqlStore) -> None:
    assert decided(studio_of(sqlite_store, avoid=FLASH).up_to_still()).status is SessionStatus.APPROVED


def test_where_no_movement_can_be_asked_a_person_looks_without_any_light(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store, avoid=ALL_KINDS).ready().align()
    assert studio.run_of().phase is CapturePhase.CAPTURE
    assert decided(studio).is_in_review


def test_nothing_of_what_coloured_light_shows_is_kept_as_a_picture(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store).up_to_still()
    kept = studio.live_capture().evidence
    before = (kept.best_still, kept.good_frames, len(kept.passive_frontal))
    assert answer(studio)
    for _ in range(30):
        studio.show()
    assert (kept.best_still, kept.good_frames, len(kept.passive_frontal)) == before


def test_frames_in_coloured_light_carry_the_sequence_s_nonce(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store).up_to_still()
    assert answer(studio)
    (shown,) = [event for event in studio.events if isinstance(event, LightShown)]
    assert studio.run_of().frame_nonce == shown.nonce
    assert studio.send(studio.picture("x"), nonce="of another step").refusal == "other_challenge"
    assert studio.show().refusal is None


def test_only_the_bound_page_answers_and_only_once(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store).up_to_still()
    assert not answer(studio, page_id="another-page")
    assert answer(studio)
    assert not answer(studio, is_accepted=False)
    assert studio.camera() is None, "no way back to the alignment"


def test_a_face_that_is_lost_in_coloured_light_costs_no_attempt(sqlite_store: SqlStore) -> None:
    studio = studio_of(sqlite_store).up_to_still()
    assert answer(studio)
    used = studio.live_capture().attempts_used
    studio.hold(None, 2_000)
    assert studio.run_of().phase is CapturePhase.STOPPED
    assert studio.live_capture().attempts_used == used - 1
    studio.align().pass_all()
    session = decided(shine(studio))
    assert (reason(session), session.status) == ("skin_answers", SessionStatus.APPROVED)
