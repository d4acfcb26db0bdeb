"""A session whose face is somebody else's too, or on the block list: by policy, and never approved unsearched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import MatchingUnavailable
from app.domain.organization import KycValidation, Organization, ValidationStatus
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.settings import DEFAULT_DUPLICATE_THRESHOLD
from app.domain.verdict import Decision, DecisionWarning, RejectionCode
from app.services.cross_entity import OthersSearched, ProbeOf
from app.services.replay_policy import ReplayPolicy
from tests.builders import PORTRAIT_BYTES, Builder, settings_version
from tests.services.studio import Studio, make_studio

S, W = SessionStatus, DecisionWarning


def enrol(studio: Studio, portrait: bytes = PORTRAIT_BYTES) -> KycValidation:
    """Another entity with this face."""
    build = Builder(studio.randomness)
    return build.enrol(studio.store, studio.blobs, build.entity(studio.caller.organization), portrait)


def move(studio: Studio, validation: KycValidation, status: ValidationStatus) -> None:
    with studio.store.begin() as uow:
        before = uow.validations.get(validation.organization_id, validation.is_test, validation.validation_id)
        assert before is not None
        assert uow.validations.swap(before.status, replace(before, status=status))
        uow.commit()


def verdict(studio: Studio) -> BiometricSession:
    session = studio.decide()
    assert session is not None
    assert session == studio.stored()[0]
    return session


def decision_of(session: BiometricSession) -> Decision:
    assert session.decision is not None
    return session.decision


def waiting(store: SqlStore, **settings: Any) -> Studio:
    """A capture of the enrolled person is in."""
    studio = make_studio(store, settings=settings)
    studio.up_to_still().keep()
    return studio


def other_settings(studio: Studio, **changes: Any) -> Organization:
    """They are in force for captures from now on."""
    organization = studio.caller.organization
    version = settings_version(organization, policy_version=2, **changes)
    with studio.store.begin() as uow:
        uow.settings.add(version)
        uow.commit()
    return organization


@pytest.mark.parametrize(
    ("policy", "status", "is_in_review", "code", "warnings"),
    [
        ("off", S.APPROVED, False, None, ()),
        ("review", S.IN_PROGRESS, True, None, (W.POSSIBLE_DUPLICATED_FACE,)),
        ("reject", S.REJECTED, False, RejectionCode.CROSS_ENTITY, (W.DUPLICATED_FACE,)),
    ],
)
def test_a_face_of_another_entity(
    store: SqlStore,
    policy: str,
    status: SessionStatus,
    is_in_review: bool,
    code: RejectionCode | None,
    warnings: tuple[str, ...],
) -> None:
    studio = waiting(store, cross_entity_policy=policy)
    twin = enrol(studio)
    session = verdict(studio)
    assert (session.status, session.is_in_review, session.rejection_code) == (status, is_in_review, code)
    decision = decision_of(session)
    assert decision.warnings == warnings
    if policy == "off":
        assert decision.cross_entity is None
    else:
        assert decision.cross_entity is not None
        assert decision.cross_entity.threshold == DEFAULT_DUPLICATE_THRESHOLD
        assert decision.cross_entity.matched_entity_ids == (twin.entity_id,)


@pytest.mark.parametrize("policy", ["review", "reject"])
def test_who_is_nobody_else_is_approved(store: SqlStore, policy: str) -> None:
    studio = waiting(store, cross_entity_policy=policy)
    enrol(studio, b"a stranger")
    session = verdict(studio)
    assert (session.status, decision_of(session).warnings) == (S.APPROVED, ())
    search = decision_of(session).cross_entity
    assert search is not None
    assert (search.searched, search.not_searched, search.matched_entity_ids) == (1, 0, ())


def test_the_threshold_is_the_organization_s(sqlite_store: SqlStore) -> None:
    studio = waiting(sqlite_store, cross_entity_policy="reject", duplicate_threshold=100.0)
    twin = enrol(studio)
    search = decision_of(verdict(studio)).cross_entity
    assert search is not None
    assert (search.threshold, search.matched_entity_ids) == (100.0, (twin.entity_id,))


def test_nobody_is_looked_for_whom_the_rest_rejects(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, settings={"cross_entity_policy": "reject"})
    studio.person = b"an impostor"
    enrol(studio, b"an impostor")
    studio.up_to_still().keep()
    session = verdict(studio)
    assert session.rejection_code is RejectionCode.FACE_MATCH_SCORE_LOW
    assert decision_of(session).cross_entity is None


def test_an_enrolment_that_is_rejected_while_it_is_compared_does_not_count(sqlite_store: SqlStore) -> None:
    """The verdict is made again, as if it had never been there."""
    studio = waiting(sqlite_store, cross_entity_policy="reject")
    searches: list[OthersSearched] = []
    twin = enrol(studio)
    search = studio.decide_capture.search.others

    def meanwhile(*asked: Any) -> OthersSearched:
        found = search(*asked)
        if not searches:
            move(studio, twin, ValidationStatus.REJECTED)
        searches.append(found)
        return found

    object.__setattr__(studio.decide_capture.search, "others", meanwhile)
    assert verdict(studio).status is S.APPROVED
    assert [one.rests_on for one in searches] == [(twin.validation_id,), ()]


@dataclass
class NoSearch:
    """A gallery that cannot be loaded."""

    asked: int = 0

    def __call__(self, whose: ProbeOf, probe: object, threshold: float) -> OthersSearched:
        self.asked += 1
        raise MatchingUnavailable("The recognizer has no calibration: nothing can be searched.")


def test_without_a_gallery_the_session_waits_and_is_not_approved(sqlite_store: SqlStore) -> None:
    studio = waiting(sqlite_store, cross_entity_policy="review")
    search = studio.decide_capture.search
    others = search.others
    object.__setattr__(search, "others", NoSearch())
    for _ in range(2):
        with pytest.raises(MatchingUnavailable):
            studio.decide()
        session, hosted = studio.stored()
        assert (session.status, session.decision, hosted.state) == (S.IN_PROGRESS, None, HostedState.CAPTURED)
    object.__setattr__(search, "others", others)
    assert verdict(studio).status is S.APPROVED


def unsearchable(studio: Studio) -> None:
    validation = enrol(studio, b"a stranger")
    with studio.store.begin() as uow:
        found = uow.templates.of([validation.validation_id], studio.core.template_format)
        uow.templates.put(replace(found[0], sealed=b"damaged"))
        uow.commit()


@pytest.mark.parametrize("policy", ["review", "reject"])
def test_where_not_everybody_could_be_searched_a_person_looks(sqlite_store: SqlStore, policy: str) -> None:
    studio = waiting(sqlite_store, cross_entity_policy=policy)
    unsearchable(studio)
    session = verdict(studio)
    assert (session.status, session.is_in_review) == (S.IN_PROGRESS, True)
    search = decision_of(session).cross_entity
    assert search is not None
    assert (search.not_searched, decision_of(session).warnings) == (1, ())


def listed(studio: Studio, validation: KycValidation) -> Studio:
    """The entity is on the list from the next session of the same person on."""
    other_settings(studio, blocklist=(validation.entity_id,))
    studio.up_to_still().keep()
    return studio


@pytest.mark.parametrize("status", [ValidationStatus.APPROVED, ValidationStatus.REJECTED])
def test_a_face_on_the_block_list_is_rejected(store: SqlStore, status: ValidationStatus) -> None:
    studio = make_studio(store)
    blocked = enrol(studio)
    move(studio, blocked, status)
    session = verdict(listed(studio, blocked))
    assert (session.status, session.rejection_code) == (S.REJECTED, RejectionCode.FACE_IN_BLOCKLIST)
    assert session.rejection_message
    decision = decision_of(session)
    assert decision.warnings == (W.FACE_IN_BLOCKLIST,)
    assert decision.policy_version == 2
    assert decision.blocklist is not None
    assert decision.blocklist.matched_entity_ids == (blocked.entity_id,)


def test_somebody_on_the_block_list_is_rejected_as_themselves(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store, settings={"duplicate_threshold": 100.0, "score_decline_threshold": 20.0})
    with studio.store.read() as uow:
        own = uow.validations.latest_approved(studio.session.organization_id, True, studio.session.entity_id)
    assert own is not None
    session = verdict(listed(studio, own))
    assert session.rejection_code is RejectionCode.FACE_IN_BLOCKLIST


def test_others_on_the_block_list_are_nobody_s_trouble(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store)
    session = verdict(listed(studio, enrol(studio, b"a stranger")))
    assert session.status is S.APPROVED


def test_the_list_of_the_capture_s_own_time_counts(sqlite_store: SqlStore) -> None:
    studio = waiting(sqlite_store)
    blocked = enrol(studio)
    other_settings(studio, blocklist=(blocked.entity_id,))
    session = verdict(studio)
    assert (session.status, decision_of(session).policy_version) == (S.APPROVED, 1)


def test_while_the_core_is_away_nobody_is_decided(sqlite_store: SqlStore) -> None:
    studio = make_studio(sqlite_store)
    listed(studio, enrol(studio))
    studio.core.is_away = True
    with pytest.raises(MatchingUnavailable):
        studio.decide()
    studio.core.is_away = False
    assert verdict(studio).rejection_code is RejectionCode.FACE_IN_BLOCKLIST


def test_what_was_searched_is_judged_again_alike(sqlite_store: SqlStore) -> None:
    studio = waiting(sqlite_store, cross_entity_policy="reject")
    enrol(studio)
    verdict(studio)
    replay = ReplayPolicy(store=sqlite_store)(studio.session.session_id)
    assert replay.is_same
    assert replay.recomputed.rejection_code is RejectionCode.CROSS_ENTITY
