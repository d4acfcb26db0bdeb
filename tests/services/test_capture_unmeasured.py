"""Where the matching core fails: nobody waits for ever, is approved unmeasured, or rejected for our failure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import FaceTemplate, Template, TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.domain.organization import StoredTemplate
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import DecisionWarning, RejectionCode
from app.services.ports import MatchingHealth
from tests.builders import PORTRAIT_BYTES
from tests.fakes import FAKE_FORMAT, FakeTemplateVault, face_of
from tests.services.studio import Studio, make_studio

W = DecisionWarning
ANOTHER = TemplateFormat("another", "1")
STRANGER = b"somebody else"


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    studio = make_studio(sqlite_store)
    studio.up_to_still()
    return studio


def verdict(studio: Studio) -> BiometricSession:
    session = studio.decide()
    assert session is not None
    assert session == studio.stored()[0]
    return session


def goes_to_review(studio: Studio, *warnings: str) -> None:
    session = verdict(studio)
    assert (session.status, session.is_in_review) == (SessionStatus.IN_PROGRESS, True)
    assert studio.stored()[1].state is HostedState.DECIDED
    assert session.decision is not None
    assert session.decision.warnings == warnings
    assert studio.audit().count("biometric_session.in_review") == 1


def stored_template(studio: Studio) -> StoredTemplate:
    with studio.store.read() as uow:
        (template,) = uow.templates.of_approved(studio.session.organization_id, True, FAKE_FORMAT, "", 10)
    return template


def put(studio: Studio, template: StoredTemplate) -> None:
    with studio.store.begin() as uow:
        uow.templates.put(template)
        uow.commit()


def seal_instead(studio: Studio, template: Template) -> None:
    """Put another vector in the place of the enrolment's template."""
    standing = stored_template(studio)
    with studio.store.read() as uow:
        validation = uow.validations.get(standing.organization_id, True, standing.validation_id)
    assert validation is not None
    put(studio, FakeTemplateVault().seal(validation, template, standing.created_at))


def test_the_stored_template_serves_and_the_portrait_is_not_touched(studio: Studio) -> None:
    studio.keep()
    studio.core.faces[PORTRAIT_BYTES] = None
    assert verdict(studio).status is SessionStatus.APPROVED
    assert studio.core.templates_made == 6


def test_the_stored_template_of_another_recognizer_is_left_alone(studio: Studio) -> None:
    studio.keep()
    before = stored_template(studio)
    studio.core.template_format = ANOTHER
    assert verdict(studio).status is SessionStatus.APPROVED
    assert studio.core.templates_made == 7
    assert stored_template(studio) == before


def test_a_damaged_template_costs_a_look_at_the_portrait_and_nothing_else(studio: Studio) -> None:
    studio.keep()
    put(studio, replace(stored_template(studio), sealed=b"damaged"))
    assert verdict(studio).status is SessionStatus.APPROVED
    assert studio.core.templates_made == 7


@pytest.mark.parametrize("vector", [np.ones(64), np.full(128, np.nan)])
def test_where_the_stored_template_cannot_be_compared_the_portrait_is_asked(
    studio: Studio, vector: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    studio.keep()
    seal_instead(studio, Template(FAKE_FORMAT, vector.astype(np.float32)))
    assert verdict(studio).status is SessionStatus.APPROVED
    assert studio.core.templates_made == 7


def test_a_stranger_stays_one_where_the_stored_template_cannot_be_compared(studio: Studio) -> None:
    """The portrait is asked, and it is not the stranger's."""
    kept = studio.keep()
    studio.core.faces.update(dict.fromkeys((item.jpeg for item in kept.frames), face_of(STRANGER)))
    seal_instead(studio, Template(FAKE_FORMAT, np.ones(64, np.float32)))
    assert verdict(studio).rejection_code is RejectionCode.FACE_MATCH_SCORE_LOW


@pytest.mark.parametrize("trouble", ["not described", "not compared"])
def test_where_the_portrait_fails_too_a_person_looks_at_it(studio: Studio, trouble: str) -> None:
    studio.keep()
    put(studio, replace(stored_template(studio), sealed=b"damaged"))
    if trouble == "not described":
        studio.core.puzzling.add(PORTRAIT_BYTES)
    else:
        useless = Template(FAKE_FORMAT, np.full(128, np.nan, np.float32))
        studio.core.faces[PORTRAIT_BYTES] = replace(face_of(PORTRAIT_BYTES), template=useless)
    goes_to_review(studio, W.FACE_MATCH_NOT_COMPUTED)


@pytest.mark.parametrize("kind", ["selfie", "still", "challenge-2"])
def test_one_frame_that_the_core_cannot_describe_sends_the_session_to_review(studio: Studio, kind: str) -> None:
    kept = studio.keep()
    studio.core.puzzling.update(item.jpeg for item in kept.frames if item.kind == kind)
    goes_to_review(studio)
    decision = studio.stored()[0].decision
    assert decision is not None
    assert decision.face_match is not None
    assert decision.face_match.is_match


def test_a_capture_that_the_core_cannot_describe_at_all_is_looked_at_by_a_person(studio: Studio) -> None:
    kept = studio.keep()
    studio.core.puzzling.update(item.jpeg for item in kept.frames)
    goes_to_review(studio, W.FACE_MATCH_NOT_COMPUTED)


def test_a_stranger_gains_nothing_by_a_frame_that_cannot_be_described(studio: Studio) -> None:
    kept = studio.keep()
    frames = {item.kind: item.jpeg for item in kept.frames}
    studio.core.faces.update(dict.fromkeys(frames.values(), face_of(STRANGER)))
    studio.core.puzzling.add(frames["challenge-1"])
    assert verdict(studio).rejection_code is RejectionCode.FACE_MATCH_SCORE_LOW


def test_a_frame_without_a_face_rejects_whatever_failed_beside_it(studio: Studio) -> None:
    kept = studio.keep()
    frames = {item.kind: item.jpeg for item in kept.frames}
    studio.core.faces[frames["challenge-1"]] = None
    studio.core.puzzling.add(frames["challenge-2"])
    assert verdict(studio).rejection_code is RejectionCode.CAPTURE_DECLINED


@pytest.mark.parametrize("what", ["all frames", "the portrait"])
def test_a_core_that_fails_and_is_not_well_is_waited_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whatever answers in its place, a proxy say, sends nobody to review."""
    kept = studio.keep()
    before = studio.stored()
    put(studio, replace(stored_template(studio), sealed=b"damaged"))
    frames = [item.jpeg for item in kept.frames] if what == "all frames" else [PORTRAIT_BYTES]
    studio.core.puzzling.update(frames)
    monkeypatch.setattr(studio.core, "health", lambda: MatchingHealth(False, (), "404"))
    for _ in range(2):
        with pytest.raises(MatchingUnavailable, match="404"):
            studio.decide()
    assert studio.stored() == before
    monkeypatch.undo()
    studio.core.puzzling.clear()
    assert verdict(studio).status is SessionStatus.APPROVED


def describe_by_the_next_recognizer(studio: Studio, monkeypatch: pytest.MonkeyPatch, picture: bytes) -> None:
    """Only this picture, as a core far away does that is just being replaced."""
    create = studio.core.create_template

    def change(image: bytes) -> FaceTemplate | None:
        face = create(image)
        return (
            replace(face, template=Template(ANOTHER, face.template.vector)) if face and image == picture else face
        )

    monkeypatch.setattr(studio.core, "create_template", change)


@pytest.mark.parametrize("kind", ["selfie", "still", "challenge-4"])
def test_while_a_core_far_away_changes_its_recognizer_the_capture_waits(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    kept = studio.keep()
    before = studio.stored()
    frame = next(item.jpeg for item in kept.frames if item.kind == kind)
    describe_by_the_next_recognizer(studio, monkeypatch, frame)
    with pytest.raises(MatchingUnavailable):
        studio.decide()
    assert studio.stored() == before
    monkeypatch.undo()
    assert verdict(studio).status is SessionStatus.APPROVED


def test_a_portrait_described_by_the_next_recognizer_is_not_compared(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.keep()
    put(studio, replace(stored_template(studio), sealed=b"damaged"))
    describe_by_the_next_recognizer(studio, monkeypatch, PORTRAIT_BYTES)
    with pytest.raises(MatchingUnavailable):
        studio.decide()
