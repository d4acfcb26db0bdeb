"""From the capture to the verdict: who is approved, who is not, and that there is one verdict only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.capture_events import ChallengeProgress
from app.domain.challenge import Ability
from app.domain.comparison import Template, TemplateFormat
from app.domain.face import BgrImage, Observation
from app.domain.frame_signals import FrameSignals
from app.domain.liveness import LIMITS, movement, neutral_of
from app.domain.policy import fuse_passive
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import DecisionWarning, PresentationOutcome, RejectionCode
from app.services.capture_view import PageState
from tests.builders import PORTRAIT_BYTES
from tests.faces import RESTING, Face, measurement
from tests.fakes import FAKE_FORMAT, FakeFrameSignals, face_of
from tests.services.studio import PAD_MODEL, STRANGER, Studio, make_studio

W = DecisionWarning
LIVE, FAKE = {PAD_MODEL.name: 0.95}, {PAD_MODEL.name: 0.05}
ATTACK = (RejectionCode.CAPTURE_DECLINED, (W.LIVENESS_FACE_ATTACK, W.LOW_LIVENESS_SCORE))
FEW_KINDS = (Ability.HEAD_TURN, Ability.LOOK, Ability.BLINK)


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def verdict(studio: Studio) -> BiometricSession:
    session = studio.decide()
    assert session is not None
    assert session == studio.stored()[0]
    return session


class HiddenSkin(FakeFrameSignals):
    """A face of which the picture never shows enough to lay it flat."""

    def measure(self, image: BgrImage, data: bytes, observation: Observation) -> FrameSignals:
        return replace(super().measure(image, data, observation), texture=None)


def rejection(studio: Studio) -> tuple[RejectionCode | None, tuple[str, ...]]:
    """Code and warnings of a session that must have been rejected."""
    session = verdict(studio)
    assert session.status is SessionStatus.REJECTED
    assert session.decision is not None
    return session.rejection_code, session.decision.warnings


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_whose_skin_was_not_seen_to_move_is_reviewed(sqlite_store: SqlStore, profile: str) -> None:
    studio = make_studio(sqlite_store, settings={"liveness_profile": profile})
    studio.observe_frame = replace(studio.observe_frame, signals=HiddenSkin())
    studio.up_to_still().keep()
    session = verdict(studio)
    assert (session.status, session.is_in_review) == (SessionStatus.IN_PROGRESS, True)
    assert session.decision is not None
    assert session.decision.liveness is not None
    assert session.decision.liveness.outcome is PresentationOutcome.BONA_FIDE


def test_the_enrolled_person_who_did_what_was_asked_is_approved(studio: Studio) -> None:
    studio.up_to_still().keep()
    session = verdict(studio)
    assert (session.status, session.rejection_code) == (SessionStatus.APPROVED, None)
    assert session.completed_at == studio.clock.now()
    decision = session.decision
    assert decision is not None
    assert decision.face_match is not None
    assert (decision.face_match.score, decision.face_match.is_match) == (100.0, True)
    assert decision.liveness is not None
    assert decision.liveness.outcome is PresentationOutcome.BONA_FIDE
    scores = [one.score for one in decision.liveness.detectors if one.score is not None]
    assert decision.liveness.score == min(95.0, *scores) >= 90.0
    assert decision.liveness.continuity_score == pytest.approx(100.0, abs=0.1)
    assert decision.models == (PAD_MODEL, *studio.core.health().models)
    assert decision.warnings == ()
    hosted = studio.stored()[1]
    assert (hosted.state, hosted.evidence) == (HostedState.DECIDED, decision)
    assert studio.audit().count("biometric_session.approved") == 1


def test_somebody_else_is_rejected_for_the_face(studio: Studio) -> None:
    studio.person = STRANGER
    studio.up_to_still().keep()
    assert rejection(studio) == (RejectionCode.FACE_MATCH_SCORE_LOW, (W.LOW_FACE_MATCH_SIMILARITY,))


def test_a_face_swapped_for_the_still_is_rejected_although_it_matches(studio: Studio) -> None:
    studio.person = STRANGER
    studio.up_to_still()
    studio.keep(studio.picture("still", PORTRAIT_BYTES))
    code, warnings = rejection(studio)
    assert (code, warnings[0]) == (RejectionCode.CAPTURE_DECLINED, W.FACE_CHANGED_DURING_CAPTURE)


def is_away_from_home(frame: Face | Observation | None) -> bool:
    assert isinstance(frame, Face)
    neutral, face = neutral_of([measurement(RESTING)]), measurement(frame)
    return any(movement(kind, face, neutral) > limits.home for kind, limits in LIMITS.items())


@pytest.mark.parametrize("number", range(4))
def test_one_challenge_by_somebody_else_is_enough(studio: Studio, number: int) -> None:
    studio.up_to_still()
    frames = studio.live_capture().evidence.challenge_frames
    frames[number] = replace(frames[number], jpeg=studio.picture("by another", STRANGER))
    studio.keep()
    code, warnings = rejection(studio)
    assert (code, warnings) == (RejectionCode.CAPTURE_DECLINED, (W.FACE_CHANGED_DURING_CAPTURE,))


@pytest.mark.parametrize("number", range(4))
def test_somebody_else_who_only_makes_one_movement_is_seen(studio: Studio, number: int) -> None:
    """Whoever was verified rests before each movement and after it."""
    studio.ready().align()
    for index in range(4):
        studio.is_stranger = is_away_from_home if index == number else lambda _: False
        studio.obey()
    studio.keep()
    assert rejection(studio) == (RejectionCode.CAPTURE_DECLINED, (W.FACE_CHANGED_DURING_CAPTURE,))


@pytest.mark.parametrize("kind", ["selfie", "still", "challenge-1", "challenge-4"])
@pytest.mark.parametrize("trouble", ["no face", "no image", "gone"])
def test_a_frame_that_shows_no_face_is_no_continuity(studio: Studio, kind: str, trouble: str) -> None:
    studio.up_to_still()
    kept = studio.keep()
    frame = next(item.jpeg for item in kept.frames if item.kind == kind)
    if trouble == "no face":
        studio.core.faces[frame] = None
    elif trouble == "no image":
        studio.core.broken.add(frame)
    else:
        blob_id = next(key for key, (_, data) in studio.blobs.blobs.items() if data == frame)
        studio.blobs.delete(blob_id)
    code, _ = rejection(studio)
    assert code is RejectionCode.CAPTURE_DECLINED


def test_without_any_face_there_is_nothing_to_compare(studio: Studio) -> None:
    kept = studio.up_to_still().keep()
    studio.core.faces.update(dict.fromkeys((item.jpeg for item in kept.frames), None))
    code, warnings = rejection(studio)
    assert code is RejectionCode.CAPTURE_DECLINED
    assert warnings == (W.NO_FACE_DETECTED, W.FACE_MATCH_NOT_COMPUTED)


def change_recognizer(studio: Studio) -> None:
    """What is stored of the enrolment was made by another one: only its portrait helps."""
    studio.core.template_format = TemplateFormat("another", "1")


@pytest.mark.parametrize("trouble", ["gone", "no face", "no image"])
def test_an_unreadable_reference_never_approves(studio: Studio, trouble: str) -> None:
    studio.up_to_still().keep()
    change_recognizer(studio)
    if trouble == "gone":
        portrait = next(key for key, (address, _) in studio.blobs.blobs.items() if address.kind == "portrait")
        studio.blobs.delete(portrait)
    elif trouble == "no face":
        studio.core.faces[PORTRAIT_BYTES] = None
    else:
        studio.core.broken.add(PORTRAIT_BYTES)
    code, warnings = rejection(studio)
    assert code is RejectionCode.FACE_MATCH_SCORE_LOW
    assert warnings == (W.NO_REFERENCE_IMAGE, W.FACE_MATCH_NOT_COMPUTED)


def test_the_portrait_serves_where_the_template_is_of_another_recognizer(studio: Studio) -> None:
    studio.up_to_still().keep()
    change_recognizer(studio)
    assert verdict(studio).status is SessionStatus.APPROVED


def test_a_low_passive_score_rejects_whoever_it_is(studio: Studio) -> None:
    studio.pad.probabilities = {PAD_MODEL.name: 0.05}
    studio.up_to_still().keep()
    assert rejection(studio) == ATTACK


def ends_a_challenge(studio: Studio, frame: Face | Observation | None) -> bool:
    """Whether the movement asked has been shown and this frame is the first one back home."""
    challenge = studio.run_of().challenge
    if challenge is None or not isinstance(frame, Face):
        return False
    progress = [event.percent for event in studio.events if isinstance(event, ChallengeProgress)][-1:]
    value = movement(challenge.kind, measurement(frame), neutral_of([measurement(RESTING)]))
    return progress == [90] and value <= LIMITS[challenge.kind].home


def attacks_after(studio: Studio, passed: int) -> None:
    """A live face in alignment and in between; frames that end a challenge look like an attack after `passed`."""
    studio.is_attack = lambda frame: studio.run_of().passed_count() >= passed and ends_a_challenge(studio, frame)
    studio.up_to_still()
    assert studio.live_capture().evidence.passive_challenges == [LIVE] * passed + [FAKE] * (4 - passed)


def test_a_live_face_in_alignment_does_not_outvote_an_attack_in_the_challenges(studio: Studio) -> None:
    attacks_after(studio, passed=0)
    evidence = studio.live_capture().evidence
    pooled = fuse_passive([*evidence.passive_frontal, *evidence.passive_challenges, LIVE, LIVE])
    assert pooled.score == 95.0, "all frames in one pot would not show it"
    studio.keep()
    assert rejection(studio) == ATTACK


@pytest.mark.parametrize(("is_attack", "score"), [(False, 50.0), (True, 5.0)])
def test_the_final_still_is_looked_at_by_passive_detection_too(
    studio: Studio, is_attack: bool, score: float
) -> None:
    """Three of four challenges look like an attack, the best frame does not: the still tips the scales."""
    attacks_after(studio, passed=1)
    still = studio.picture("still")
    if is_attack:
        studio.images.attacks.add(still)
    studio.keep(still)
    decision = verdict(studio).decision
    assert decision is not None
    assert decision.liveness is not None
    assert decision.liveness.passive.score == score
    assert (W.LIVENESS_FACE_ATTACK in decision.liveness.warnings) is is_attack


@pytest.mark.parametrize(
    ("profile", "status"), [("standard", SessionStatus.APPROVED), ("strict", SessionStatus.REJECTED)]
)
def test_without_a_passive_model_the_profile_decides(
    sqlite_store: SqlStore, profile: str, status: SessionStatus
) -> None:
    studio = make_studio(sqlite_store, settings={"liveness_profile": profile})
    studio.pad.probabilities = {}
    studio.up_to_still().keep()
    assert verdict(studio).status is status


def test_injection_signals_are_told_but_do_not_reject(studio: Studio) -> None:
    studio.ready().camera(signals=["virtual_camera_label"])
    studio.align().pass_all().keep()
    session = verdict(studio)
    assert session.status is SessionStatus.APPROVED
    assert session.decision is not None
    assert (session.decision.injection.risk, session.decision.injection.signals) == (
        "elevated",
        ("virtual_camera_label",),
    )
    assert session.decision.warnings == (W.VIRTUAL_CAMERA_SUSPECTED,)


@pytest.mark.parametrize(
    ("avoid", "settings"),
    [(FEW_KINDS, {}), ((), {"review_band": 90.0})],
)
def test_what_policy_does_not_decide_waits_for_a_person(
    sqlite_store: SqlStore, avoid: tuple[Ability, ...], settings: dict[str, float]
) -> None:
    studio = make_studio(sqlite_store, settings=settings)
    studio.ready(avoid=avoid).align().pass_all().keep()
    session = verdict(studio)
    assert (session.status, session.is_in_review, session.completed_at) == (SessionStatus.IN_PROGRESS, True, None)
    assert session.decision is not None
    assert studio.stored()[1].state is HostedState.DECIDED
    view = studio.hello()
    assert view.outcome is not None
    assert (view.state, view.outcome.outcome) == (PageState.DONE, "in_review")
    studio.clock.advance(days=30)
    assert studio.read_capture(studio.hosted_id)[0].session.status is SessionStatus.IN_PROGRESS
    assert studio.decide() == session


def test_too_few_kinds_never_save_who_is_not_the_person(studio: Studio) -> None:
    studio.person = STRANGER
    studio.ready(avoid=list(Ability)).align().keep()
    assert rejection(studio)[0] is RejectionCode.FACE_MATCH_SCORE_LOW


def test_the_better_of_still_and_frame_is_chosen_by_size_not_by_score(studio: Studio) -> None:
    """A small still that matches better is not preferred: two tries would raise the false match rate."""
    kept = studio.up_to_still().keep()
    still, selfie = (next(item.jpeg for item in kept.frames if item.kind == kind) for kind in ("still", "selfie"))
    near = face_of(PORTRAIT_BYTES).template.vector + 0.5 * face_of(STRANGER).template.vector
    blurred = Template(FAKE_FORMAT, (near / np.linalg.norm(near)).astype(np.float32))
    studio.core.faces[still] = face_of(PORTRAIT_BYTES, width=100)
    studio.core.faces[selfie] = replace(face_of(PORTRAIT_BYTES, width=200), template=blurred)
    session = verdict(studio)
    assert session.decision is not None
    assert session.decision.face_match is not None
    assert session.decision.face_match.score is not None
    assert session.decision.face_match.score < 100.0
