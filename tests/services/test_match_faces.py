from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.check import CheckStatus, FaceMatch, MatchPicture
from app.domain.comparison import FaceTemplate, Template, TemplateFormat
from app.domain.errors import (
    InvalidRequest,
    MatchingFailed,
    MatchingUnavailable,
    ObjectNotFound,
    RecordUnreadable,
    StoreUnavailable,
)
from app.domain.organization import Entity, Organization
from app.services.match_faces import FaceMatchRequest, MatchFaces, address_of
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import FakeClock, FakeMatchingCore, MemoryBlobStore, SeededRandomness
from tests.likeness import face_like

DOCUMENT, SELFIE = b"the document's portrait", b"the selfie"
MAX_BYTES = 1000


@dataclass
class World:
    store: SqlStore
    blobs: MemoryBlobStore
    core: FakeMatchingCore
    build: Builder
    organization: Organization
    entity: Entity
    use_case: MatchFaces

    def match(self, document: bytes = DOCUMENT, selfie: bytes = SELFIE, **asked: object) -> FaceMatch:
        request = FaceMatchRequest("req_1", **asked)  # type: ignore[arg-type]
        return self.use_case(caller_of(self.organization), request, document, selfie)

    def kept(self) -> list[FaceMatch]:
        with self.store.read() as uow:
            found, total = uow.face_matches.page(
                self.organization.organization_id, True, entity_id=None, status=None, limit=50, offset=0
            )
        assert len(found) == total
        return list(found)

    def configure(self, **settings: object) -> None:
        changed = replace(self.organization.settings, **settings)  # type: ignore[arg-type]
        self.organization = replace(self.organization, settings=changed)

    def makes_score(self, score: float) -> None:
        self.core.faces[SELFIE] = face_like(DOCUMENT, score)


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, blobs, core = Builder(SeededRandomness()), MemoryBlobStore(), FakeMatchingCore()
    organization = add_organization(sqlite_store, build.organization())
    entity = build.entity(organization)
    with sqlite_store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    use_case = MatchFaces(
        store=sqlite_store,
        blobs=blobs,
        core=core,
        clock=FakeClock(),
        randomness=build.randomness,
        image_max_bytes=MAX_BYTES,
    )
    return World(sqlite_store, blobs, core, build, organization, entity, use_case)


def test_what_is_answered_is_what_is_kept(world: World) -> None:
    world.makes_score(85.5)
    match = world.match(entity_id=world.entity.entity_id, vendor_data="user-7", threshold=50.0)
    assert world.kept() == [match]
    assert (match.status, match.is_match, match.threshold) == (CheckStatus.APPROVED, True, 50)
    assert match.score == pytest.approx(85.5, abs=0.01)
    assert (match.entity_id, match.vendor_data) == (world.entity.entity_id, "user-7")
    assert (match.request_id, match.triggered_by, match.error_message) == ("req_1", "test", None)


def test_pictures_are_under_the_entitys_key_and_without_an_entity_under_their_own(world: World) -> None:
    of_entity, alone = world.match(entity_id=world.entity.entity_id), world.match()
    assert of_entity.key_owner == world.entity.entity_id
    assert alone.key_owner == alone.face_match_id
    for match in (of_entity, alone):
        for picture, sent in ((MatchPicture.DOCUMENT, DOCUMENT), (MatchPicture.SELFIE, SELFIE)):
            blob_id = match.blob_of(picture)
            assert blob_id is not None
            assert world.blobs.get(blob_id, address_of(match, picture)) == sent
            other = next(one for one in MatchPicture if one is not picture)
            with pytest.raises(RecordUnreadable):
                world.blobs.get(blob_id, address_of(match, other))


@pytest.mark.parametrize(
    ("score", "status", "warnings"),
    [
        (29.9, CheckStatus.DECLINED, ("LOW_FACE_MATCH_SIMILARITY",)),
        (30.5, CheckStatus.IN_REVIEW, ()),
        (41, CheckStatus.APPROVED, ()),
    ],
)
def test_the_organizations_threshold_and_band_decide(
    world: World, score: float, status: CheckStatus, warnings: tuple[str, ...]
) -> None:
    world.configure(review_band=10.0)
    world.makes_score(score)
    match = world.match()
    assert (match.status, match.is_match, match.threshold) == (status, status is not CheckStatus.DECLINED, 30)
    assert match.warnings == warnings


def test_the_threshold_of_the_call_is_kept_and_raised_to_the_floor(world: World) -> None:
    world.configure(score_floor=25.0)
    world.makes_score(24)
    assert (world.match(threshold=10.0).threshold, world.match(threshold=26.0).threshold) == (25, 26)
    assert not any(match.is_match for match in world.kept())


@pytest.mark.parametrize(
    ("without_face", "warnings"),
    [
        ([SELFIE], ("NO_FACE_DETECTED",)),
        ([DOCUMENT], ("NO_REFERENCE_IMAGE",)),
        ([DOCUMENT, SELFIE], ("NO_REFERENCE_IMAGE", "NO_FACE_DETECTED")),
    ],
)
def test_without_a_face_nothing_matches_whatever_the_threshold(
    world: World, without_face: list[bytes], warnings: tuple[str, ...]
) -> None:
    world.core.faces.update(dict.fromkeys(without_face))
    match = world.match(threshold=0.0)
    assert (match.status, match.is_match, match.score) == (CheckStatus.DECLINED, False, 0)
    assert match.warnings == warnings


def test_of_several_faces_the_largest_counts_and_it_is_said_once(world: World) -> None:
    world.core.faces[DOCUMENT] = face_like(DOCUMENT, 100, faces=2)
    world.core.faces[SELFIE] = face_like(DOCUMENT, 90, faces=3)
    match = world.match()
    assert match.status is CheckStatus.APPROVED
    assert match.warnings == ("MULTIPLE_FACES_DETECTED",)


@dataclass
class MeetingCore(FakeMatchingCore):
    """Describes nothing before it has been asked for two pictures at once."""

    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=30))

    def create_template(self, image: bytes) -> FaceTemplate | None:
        self.meeting.wait()
        return super().create_template(image)


def test_both_pictures_are_described_at_the_same_time(world: World) -> None:
    world.use_case = replace(world.use_case, core=MeetingCore())
    assert world.match().status is CheckStatus.DECLINED


def failed(world: World) -> FaceMatch:
    """The one row there is: it has failed, and nothing is kept beside it."""
    (match,) = world.kept()
    assert (match.status, match.is_match, match.score, match.warnings) == (CheckStatus.FAILED, False, None, ())
    assert match.document_blob_id is match.selfie_blob_id is None
    assert world.blobs.blobs == {}
    return match


def test_pictures_that_cannot_be_used_are_all_named_and_the_row_has_failed(world: World) -> None:
    world.core.broken.add(DOCUMENT)
    with pytest.raises(InvalidRequest) as refusal:
        world.match(selfie=b"x" * (MAX_BYTES + 1), entity_id=world.entity.entity_id, threshold=12.0)
    assert refusal.value.fields == {
        "documentImage": "The image is broken.",
        "selfieImage": "must be at most 1000 bytes",
    }
    match = failed(world)
    assert (match.entity_id, match.threshold) == (world.entity.entity_id, 12)
    assert match.error_message == (
        "An image cannot be used. documentImage: The image is broken; selfieImage: must be at most 1000 bytes"
    )


def test_a_broken_picture_is_the_callers_fault_even_where_the_core_fails_on_the_other(world: World) -> None:
    world.core.broken.add(DOCUMENT)
    world.core.puzzling.add(SELFIE)
    with pytest.raises(InvalidRequest):
        world.match()
    failed(world)


def test_a_core_that_is_away_leaves_a_row(world: World) -> None:
    world.core.is_away = True
    with pytest.raises(MatchingUnavailable):
        world.match(vendor_data="user-7")
    match = failed(world)
    assert (match.error_message, match.vendor_data) == ("The service was temporarily unavailable.", "user-7")


def test_a_core_that_fails_leaves_a_row(world: World) -> None:
    world.core.puzzling.add(SELFIE)
    with pytest.raises(MatchingFailed):
        world.match()
    assert failed(world).error_message == "The verification could not be completed."


class ChangingCore(FakeMatchingCore):
    """Has another recognizer for every picture."""

    def create_template(self, image: bytes) -> FaceTemplate | None:
        template = super().create_template(image)
        own = TemplateFormat("fake-model", image.hex())
        return template and replace(template, template=Template(own, template.template.vector))


def test_a_core_that_changes_between_two_pictures_is_asked_again_later(world: World) -> None:
    world.use_case = replace(world.use_case, core=ChangingCore())
    with pytest.raises(MatchingUnavailable):
        world.match()
    failed(world)


@pytest.mark.parametrize("kind", ["unknown", "of another organization", "of the other mode"])
def test_an_entity_that_is_not_the_callers_is_not_found_and_not_named_in_the_row(world: World, kind: str) -> None:
    other = add_organization(world.store, world.build.organization("globex"))
    entity = {
        "unknown": world.build.entity(other),
        "of another organization": world.build.entity(other),
        "of the other mode": world.build.entity(world.organization, is_test=False),
    }[kind]
    if kind != "unknown":
        with world.store.begin() as uow:
            uow.entities.add(entity)
            uow.commit()
    with pytest.raises(ObjectNotFound):
        world.match(entity_id=entity.entity_id)
    match = failed(world)
    assert (match.entity_id, match.error_message) == (None, "No such entity.")


def test_pictures_that_cannot_be_stored_leave_a_row(world: World) -> None:
    world.blobs.is_read_only = True
    with pytest.raises(StoreUnavailable):
        world.match()
    assert failed(world).error_message == "The service was temporarily unavailable."


def test_the_second_picture_that_cannot_be_stored_takes_the_first_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = MemoryBlobStore.put

    def fill_up(blobs: MemoryBlobStore, *args: object) -> str:
        if blobs.blobs:
            raise StoreUnavailable("the disk is full")
        return put(blobs, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryBlobStore, "put", fill_up)
    with pytest.raises(StoreUnavailable):
        world.match()
    failed(world)


def test_our_own_fault_leaves_a_row_that_says_nothing_of_our_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail of /srv/bonafide")

    monkeypatch.setattr(FakeMatchingCore, "compare", fail)
    with pytest.raises(RuntimeError):
        world.match()
    assert failed(world).error_message == "Something went wrong on our side."
