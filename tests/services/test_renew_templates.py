"""After a change of recognizer, on both databases: both live side by side, and then only the new one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Barrier

import pytest
import sqlalchemy as sa

from app.adapters.db.tables import KycValidationRow, TemplateRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import FaceTemplate, TemplateFormat
from app.domain.errors import MatchingUnavailable, StoreUnavailable
from app.domain.organization import AuditEntry, KycValidation, ValidationStatus
from app.domain.session import SessionStatus
from app.services.enrolment import PORTRAIT, address_of, read_template
from app.services.renew_templates import BATCH, NotMade, Renewal, RenewTemplates
from tests.builders import PORTRAIT_BYTES, Builder
from tests.fakes import FAKE_FORMAT, FakeTemplateVault, SeededRandomness, face_of
from tests.services.studio import Studio, make_studio

OLD, NEW = FAKE_FORMAT, TemplateFormat("another", "2")
PEOPLE = 2 * BATCH + 3
"""Enrolled; the first of them is the one in front of the camera."""


@dataclass
class World:
    """A store that was enrolled with the old recognizer, and a core that has the new one."""

    studio: Studio
    validations: Sequence[KycValidation]
    noted: list[str] = field(default_factory=list)

    def use_case(self) -> RenewTemplates:
        studio = self.studio
        return RenewTemplates(
            store=studio.store,
            blobs=studio.blobs,
            vault=FakeTemplateVault(),
            core=studio.core,
            clock=studio.clock,
            randomness=studio.randomness,
            note_failure=lambda what, _: self.noted.append(what),
        )

    def formats(self, validation: KycValidation) -> set[TemplateFormat]:
        """Of the templates that open."""
        parts = (self.studio.store, FakeTemplateVault(), validation)
        return {one for one in (OLD, NEW) if read_template(*parts, one) is not None}

    def audit(self) -> list[AuditEntry]:
        with self.studio.store.read() as uow:
            entries = uow.audit.of_organization(self.studio.session.organization_id)
        return [entry for entry in entries if entry.action == "templates.renewed"]


@pytest.fixture
def world(store: SqlStore) -> World:
    studio = make_studio(store)
    build = Builder(SeededRandomness(2))
    organization = studio.caller.organization
    for number in range(1, PEOPLE):
        build.enrol(store, studio.blobs, build.entity(organization), f"portrait {number}".encode())
    with store.read() as uow:
        validations = uow.templates.lacking(NEW, "", PEOPLE + 1)
    assert len(validations) == PEOPLE
    studio.core.template_format = NEW
    return World(studio, validations)


def to_the_end(renew: RenewTemplates, renewal: Renewal | None = None) -> Renewal:
    renewal = renew(renewal)
    while not renewal.is_finished:
        renewal = renew(renewal)
    return renewal


def portrait_of(world: World, validation: KycValidation) -> bytes:
    assert validation.portrait_blob_id
    return world.studio.blobs.get(validation.portrait_blob_id, address_of(validation, PORTRAIT))


def test_both_live_side_by_side_until_all_are_made_and_then_only_the_new_ones(world: World) -> None:
    renew = world.use_case()
    renewal = renew()
    assert (renewal.made, renewal.is_finished) == (BATCH, False)
    assert [world.formats(one) for one in world.validations] == [{OLD, NEW}] * BATCH + [{OLD}] * (PEOPLE - BATCH)
    renewal = to_the_end(renew, renewal)
    assert (renewal.made, dict(renewal.not_made), renewal.removed) == (PEOPLE, {}, PEOPLE)
    assert [world.formats(one) for one in world.validations] == [{NEW}] * PEOPLE
    for one in world.validations:
        template = read_template(world.studio.store, FakeTemplateVault(), one, NEW)
        assert template is not None
        assert template.cosine(replace(face_of(portrait_of(world, one)).template, format=NEW)) > 0.999
    (entry,) = world.audit()
    assert (entry.actor, entry.object_id, entry.detail) == ("renewal", "another@2", {"removed": PEOPLE})


@pytest.mark.parametrize("batches", [0, 1, 5])
@pytest.mark.parametrize(
    ("person", "status"), [(PORTRAIT_BYTES, SessionStatus.APPROVED), (b"somebody else", SessionStatus.REJECTED)]
)
def test_a_session_that_is_decided_meanwhile_is_right(
    world: World, batches: int, person: bytes, status: SessionStatus
) -> None:
    """Before its enrolment's turn (by the portrait), after it, and at the end (by the new template)."""
    renew, renewal = world.use_case(), None
    for _ in range(batches):
        renewal = renew(renewal)
    world.studio.person = person
    world.studio.up_to_still().keep()
    before = world.studio.core.templates_made
    session = world.studio.decide()
    assert session is not None
    assert session.status is status
    assert world.studio.core.templates_made - before == (6 if batches else 7)


def test_a_pass_that_was_killed_goes_on_where_it_was(world: World) -> None:
    world.use_case()()
    renewal = to_the_end(world.use_case())
    assert renewal.made == PEOPLE - BATCH
    assert world.studio.core.templates_made == PEOPLE, "none was made twice"
    assert [world.formats(one) for one in world.validations] == [{NEW}] * PEOPLE


def test_a_pass_that_was_killed_before_the_tidying_tidies_up_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = world.use_case()
    renewal = renew()
    while renewal.made < PEOPLE:
        renewal = renew(renewal)
    with monkeypatch.context() as patch:
        patch.setattr(world.studio.randomness, "object_id", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            renew(renewal)
    assert [world.formats(one) for one in world.validations] == [{OLD, NEW}] * PEOPLE, "nothing goes unrecorded"
    assert to_the_end(world.use_case()).removed == PEOPLE
    assert len(world.audit()) == 1


def test_two_at_once_make_all_of_them_and_record_it_once(world: World) -> None:
    together = Barrier(2)

    def run(_: int) -> Renewal:
        together.wait()
        return to_the_end(world.use_case())

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(run, range(2)))
    assert [world.formats(one) for one in world.validations] == [{NEW}] * PEOPLE
    assert sum(one.removed for one in ended) == PEOPLE
    assert len(world.audit()) == 1


def test_once_all_is_done_nothing_is_done(world: World) -> None:
    to_the_end(world.use_case())
    made = world.studio.core.templates_made
    renewal = world.use_case()()
    assert (renewal.is_finished, renewal.made, renewal.removed) == (True, 0, 0)
    assert world.studio.core.templates_made == made
    assert len(world.audit()) == 1


def test_what_cannot_be_made_is_told_tried_once_and_keeps_what_it_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_face, no_image, puzzling, unforeseen, gone = world.validations[1:6]
    core, asked = world.studio.core, []
    core.faces[portrait_of(world, no_face)] = None
    core.broken.add(portrait_of(world, no_image))
    core.puzzling.add(portrait_of(world, puzzling))
    surprise, create = portrait_of(world, unforeseen), core.create_template
    assert gone.portrait_blob_id
    world.studio.blobs.delete(gone.portrait_blob_id)

    def counting(image: bytes) -> FaceTemplate | None:
        asked.append(image)
        if image == surprise:
            raise ZeroDivisionError
        return create(image)

    monkeypatch.setattr(core, "create_template", counting)
    renewal = to_the_end(world.use_case())
    assert dict(renewal.not_made) == {
        no_face.validation_id: NotMade.NO_FACE,
        no_image.validation_id: NotMade.NO_IMAGE,
        puzzling.validation_id: NotMade.FAILED,
        unforeseen.validation_id: NotMade.FAILED,
        gone.validation_id: NotMade.UNREADABLE,
    }
    assert world.noted == [f"describing the portrait of validation {unforeseen.validation_id}"]
    assert len(asked) == len(set(asked)) == PEOPLE - 1
    assert (renewal.made, renewal.removed) == (PEOPLE - 5, PEOPLE - 5)
    kept = [one for one in world.validations if world.formats(one) == {OLD}]
    assert kept == [no_face, no_image, puzzling, unforeseen, gone]


def test_a_core_that_goes_away_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    core = world.studio.core
    create = core.create_template

    def away_after_three(image: bytes) -> FaceTemplate | None:
        core.is_away = core.templates_made >= 3
        return create(image)

    renew = world.use_case()
    with monkeypatch.context() as patch:
        patch.setattr(core, "create_template", away_after_three)
        for _ in range(3):
            with pytest.raises(MatchingUnavailable):
                renew()
    assert [world.formats(one) for one in world.validations] == [{OLD, NEW}] * 3 + [{OLD}] * (PEOPLE - 3)
    core.is_away = False
    assert to_the_end(renew).made == PEOPLE - 3
    assert core.templates_made == PEOPLE


def test_a_core_that_changes_its_recognizer_again_begins_a_new_pass(world: World) -> None:
    renew = world.use_case()
    renewal = renew()
    third = TemplateFormat("third", "3")
    world.studio.core.template_format = third
    renewal = renew(renewal)
    assert (renewal.template_format, renewal.made) == (third, BATCH)
    assert to_the_end(renew, renewal).made == PEOPLE
    assert [world.formats(one) for one in world.validations] == [set()] * PEOPLE


def test_a_template_of_yet_another_recognizer_is_not_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core far away that is just being replaced: it says one thing and does another."""
    monkeypatch.setattr(world.studio.core, "create_template", face_of)
    with pytest.raises(MatchingUnavailable):
        world.use_case()()
    assert [world.formats(one) for one in world.validations] == [{OLD}] * PEOPLE


@pytest.mark.parametrize("fate", ["rejected", "erased"])
def test_an_enrolment_that_goes_while_it_is_described_gets_no_template(
    world: World, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    lost, core = world.validations[2], world.studio.core
    create, portrait = core.create_template, portrait_of(world, lost)

    def lose(image: bytes) -> FaceTemplate | None:
        if image == portrait:
            with world.studio.store.begin() as uow:
                where = KycValidationRow.validation_id == lost.validation_id
                if fate == "erased":
                    uow.validations.connection.execute(
                        sa.delete(TemplateRow).where(TemplateRow.validation_id == lost.validation_id)
                    )
                    uow.validations.connection.execute(sa.delete(KycValidationRow).where(where))
                else:
                    uow.validations.connection.execute(
                        sa.update(KycValidationRow).where(where).values(status=ValidationStatus.REJECTED)
                    )
                uow.commit()
        return create(image)

    monkeypatch.setattr(core, "create_template", lose)
    renewal = to_the_end(world.use_case())
    assert (renewal.made, dict(renewal.not_made)) == (PEOPLE - 1, {})
    assert world.formats(lost) == set()


def test_a_store_that_is_away_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = world.use_case()

    def away() -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(world.studio.store, "begin", away)
        with pytest.raises(StoreUnavailable):
            renew()
    assert to_the_end(renew).made == PEOPLE
