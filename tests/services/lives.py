"""What the lives of sessions should look like: a model without a store, and the real thing beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.adapters.db.unit_of_work import SqlStore
from app.domain.organization import Capture, Entity, KycValidation
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.settings import OrganizationSettings
from app.domain.verdict import Decision
from app.services.cancel_session import CancelSession
from app.services.decide_capture import DecideCapture
from app.services.end_session import begin_session
from app.services.list_sessions import ListSessions
from app.services.open_session import OpenSession
from app.services.ports import BlobAddress
from app.services.read_session import ReadSession
from app.services.review_session import ReviewSession
from app.services.review_validation import ReviewValidation
from app.services.sync_session import SyncSession
from tests.builders import PORTRAIT_BYTES, Builder, add_organization, caller_of
from tests.domain import evidence
from tests.fakes import FakeClock, FakeMatchingCore, FakeTemplateVault, MemoryBlobStore, SeededRandomness, face_of
from tests.searching import search_probe

S = SessionStatus
ABANDON_AFTER = timedelta(minutes=15)
LIFETIME = timedelta(hours=24)
PAUSE = OrganizationSettings()
PEOPLE = 3
REASON = "looked at by a person"


class Subject(StrEnum):
    """Who sat before the camera."""

    THE_PERSON = "the person"
    A_STRANGER = "a stranger"
    UNSURE = "unsure"
    """The person, of whom too little could be asked: a review."""


@dataclass
class Life:
    """One session as the model has it. `subject` is set once the capture is in."""

    session: BiometricSession
    person: int
    status: SessionStatus = S.PENDING
    active_at: datetime | None = None
    subject: Subject | None = None
    is_in_review: bool = False
    is_verdict_lost: bool = False
    completed_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.status in (S.PENDING, S.IN_PROGRESS)

    @property
    def waits(self) -> bool:
        """For the matching core."""
        return self.is_active and self.subject is not None and not (self.is_in_review or self.is_verdict_lost)

    def end(self, status: SessionStatus, now: datetime) -> None:
        self.status, self.completed_at, self.is_in_review, self.is_verdict_lost = status, now, False, False

    def settle(self, now: datetime) -> None:
        """What time alone does to it."""
        if self.subject is not None or not self.is_active:
            return
        if self.status is S.PENDING and now >= self.session.expires_at:
            self.end(S.EXPIRED, now)
        elif self.active_at is not None and now >= self.active_at + ABANDON_AFTER:
            self.end(S.ABANDONED, now)

    def decide(self, now: datetime, *, has_reference: bool) -> None:
        if self.subject is Subject.A_STRANGER or not has_reference:
            self.end(S.REJECTED, now)
        elif self.subject is Subject.THE_PERSON:
            self.end(S.APPROVED, now)
        else:
            self.is_in_review, self.is_verdict_lost = True, False


@dataclass
class Person:
    """An entity, its one validation, and whether that is approved now."""

    entity: Entity
    validation: KycValidation
    has_reference: bool = True


@dataclass
class World:
    """The use cases over a store, three people, and nobody's session yet."""

    store: SqlStore
    clock: FakeClock = field(default_factory=FakeClock)
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)
    blobs: MemoryBlobStore = field(default_factory=MemoryBlobStore)

    def __post_init__(self) -> None:
        self.build = Builder(SeededRandomness())
        store, clock, randomness = self.store, self.clock, self.build.randomness
        organization = add_organization(store, self.build.organization())
        self.caller = caller_of(organization)
        self.people = [self._person(self.build.entity(organization)) for _ in range(PEOPLE)]
        self.decide = DecideCapture(
            store=store,
            blobs=self.blobs,
            vault=FakeTemplateVault(),
            core=self.core,
            search=search_probe(store, self.blobs, self.core, clock),
            clock=clock,
            randomness=randomness,
        )
        self.open = OpenSession(
            store=store,
            blobs=self.blobs,
            clock=clock,
            randomness=randomness,
            session_lifetime=LIFETIME,
            abandon_after=ABANDON_AFTER,
            is_development=False,
        )
        self.cancel = CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=ABANDON_AFTER)
        self.read = ReadSession(store=store, clock=clock, randomness=randomness, abandon_after=ABANDON_AFTER)
        self.list = ListSessions(store=store, clock=clock, randomness=randomness, abandon_after=ABANDON_AFTER)
        self.review = ReviewSession(store=store, clock=clock, randomness=randomness)
        self.review_validation = ReviewValidation(store=store, clock=clock, randomness=randomness)
        self.sync = SyncSession(
            store=store,
            clock=clock,
            randomness=randomness,
            abandon_after=ABANDON_AFTER,
            decide_capture=self.decide,
            tell=lambda _: None,
            note_failure=_not_expected,
        )

    def _person(self, entity: Entity) -> Person:
        return Person(entity, self.build.enrol(self.store, self.blobs, entity))

    def begin(self, session: BiometricSession) -> None:
        """The page says hello, and the person consents."""
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(session.hosted_session_id)
            assert found is not None
            assert begin_session(uow, self.build.randomness, found[0], self.clock.now())
            uow.sessions.save_hosted(replace(found[1], state=HostedState.CONSENTED))
            uow.commit()

    def touch(self, session: BiometricSession) -> None:
        """A frame comes in."""
        with self.store.begin() as uow:
            uow.sessions.touch(session.session_id, self.clock.now())
            uow.commit()

    def capture(self, session: BiometricSession, subject: Subject) -> None:
        """The final still is in."""
        face = b"somebody else" if subject is Subject.A_STRANGER else PORTRAIT_BYTES
        captures = [self._captured(session, kind, face) for kind in ("selfie", "still")]
        with self.store.begin() as uow:
            hosted = uow.sessions.hosted_of(session.session_id)
            for one in captures:
                uow.captures.add(one)
            uow.sessions.save_hosted(
                replace(
                    hosted,
                    state=HostedState.CAPTURED,
                    captured_at=self.clock.now(),
                    evidence=replace(evidence_of(subject), face_match=None),
                )
            )
            uow.commit()

    def _captured(self, session: BiometricSession, kind: str, face: bytes) -> Capture:
        capture_id = self.build.randomness.object_id()
        image = f"{kind} {capture_id}".encode()
        self.core.faces[image] = face_of(face)
        where = (session.organization_id, session.entity_id)
        blob_id = self.blobs.put(BlobAddress(*where, capture_id, kind), image)
        at = self.clock.now()
        return Capture(capture_id, *where, session.session_id, kind, blob_id, "image/jpeg", "0" * 64, at)

    def lose_verdict(self, session: BiometricSession, subject: Subject) -> None:
        """As if only half of a verdict had been written."""
        with self.store.begin() as uow:
            hosted = uow.sessions.hosted_of(session.session_id)
            uow.sessions.save_hosted(replace(hosted, state=HostedState.DECIDED, evidence=evidence_of(subject)))
            uow.commit()

    def trail(self) -> dict[str, list[str]]:
        """What happened to each object, in order."""
        found: dict[str, list[str]] = {}
        with self.store.read() as uow:
            for entry in uow.audit.of_organization(self.caller.organization.organization_id):
                found.setdefault(entry.object_id, []).append(entry.action.split(".")[1])
        return found


def _not_expected(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def evidence_of(subject: Subject) -> Decision:
    """Complete, with a comparison that went as it would."""
    score = 12.0 if subject is Subject.A_STRANGER else 100.0
    return evidence.decision(score=score, needs_review=subject is Subject.UNSURE)
