"""Domain objects with sensible values, and rows of a store that hold together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.challenge import ChallengeKind
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.organization import (
    ApiKey,
    AuditEntry,
    Caller,
    Entity,
    KycValidation,
    Organization,
    Scope,
    ValidationStatus,
)
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.settings import OrganizationSettings, SettingsVersion
from app.domain.verdict import (
    ChallengeEvidence,
    ChallengeOutcome,
    Decision,
    DecisionWarning,
    FaceMatchEvidence,
    InjectionEvidence,
    LivenessEvidence,
    ModelIdentity,
    PassivePadEvidence,
    PresentationOutcome,
)
from app.services.authenticate import key_digest
from app.services.enrolment import PORTRAIT, address_of
from app.services.ports import BlobStore
from app.services.store import Store
from tests.fakes import EPOCH, FakeTemplateVault, SeededRandomness, face_of

PORTRAIT_BYTES = b"portrait of the one person"


@dataclass
class Builder:
    """Makes objects of one organization. `new_id` is the randomness's, so that runs repeat."""

    randomness: SeededRandomness
    now: datetime = EPOCH

    def organization(self, slug: str = "acme", **settings: Any) -> Organization:
        return Organization(
            self.randomness.object_id(), slug, slug.title(), self.now, OrganizationSettings(**settings)
        )

    def api_key(self, organization: Organization, text: str = "bf_test_x", **changes: Any) -> ApiKey:
        key = ApiKey(
            key_id=self.randomness.object_id(),
            organization_id=organization.organization_id,
            name="",
            prefix=text[:14],
            sha256=key_digest(text),
            scopes=frozenset({Scope.ADMIN}),
            is_test=True,
            created_at=self.now,
        )
        return replace(key, **changes)

    def entity(self, organization: Organization, **changes: Any) -> Entity:
        entity = Entity(
            entity_id=self.randomness.object_id(),
            organization_id=organization.organization_id,
            is_test=True,
            entity_type="person",
            name="Ada Lovelace",
            created_at=self.now,
            updated_at=self.now,
        )
        return replace(entity, **changes)

    def validation(self, entity: Entity, **changes: Any) -> KycValidation:
        validation = KycValidation(
            validation_id=self.randomness.object_id(),
            organization_id=entity.organization_id,
            entity_id=entity.entity_id,
            is_test=entity.is_test,
            status=ValidationStatus.APPROVED,
            created_at=self.now,
            updated_at=self.now,
            approved_at=self.now,
        )
        return replace(validation, **changes)

    def session(self, entity: Entity, **changes: Any) -> tuple[BiometricSession, HostedSession]:
        session = BiometricSession(
            session_id=self.randomness.object_id(),
            organization_id=entity.organization_id,
            entity_id=entity.entity_id,
            hosted_session_id=self.randomness.object_id(),
            is_test=entity.is_test,
            status=SessionStatus.PENDING,
            workflow_id="default",
            language="en",
            created_at=self.now,
            updated_at=self.now,
            expires_at=self.now + timedelta(hours=24),
        )
        session = replace(session, **changes)
        hosted = HostedSession(
            hosted_session_id=session.hosted_session_id,
            session_id=session.session_id,
            organization_id=session.organization_id,
            state=HostedState.CREATED,
            created_at=session.created_at,
        )
        return session, hosted

    def audit_entry(self, organization: Organization, action: str = "something.done") -> AuditEntry:
        return AuditEntry(
            entry_id=self.randomness.object_id(),
            organization_id=organization.organization_id,
            at=self.now,
            actor="test",
            action=action,
            object_type="thing",
            object_id="1",
            detail={},
        )

    def enrolled(self, store: Store, blobs: BlobStore, organization: Organization, **changes: Any) -> Entity:
        """An entity in the store whose approved validation has a portrait and a template."""
        entity = self.entity(organization, **changes)
        self.enrol(store, blobs, entity)
        return entity

    def enrol(
        self, store: Store, blobs: BlobStore, entity: Entity, portrait: bytes = PORTRAIT_BYTES
    ) -> KycValidation:
        """Put the entity into the store with an approved validation that has a portrait and a template."""
        validation = self.validation(entity)
        portrait_id = blobs.put(address_of(validation, PORTRAIT), portrait)
        validation = replace(validation, portrait_blob_id=portrait_id)
        template = FakeTemplateVault().seal(validation, face_of(portrait).template, self.now)
        with store.begin() as uow:
            uow.entities.add(entity)
            uow.validations.add(validation)
            uow.templates.put(template)
            uow.commit()
        return validation


def add_organization(store: Store, organization: Organization) -> Organization:
    with store.begin() as uow:
        uow.organizations.add(organization)
        uow.settings.add(settings_version(organization))
        uow.commit()
    return organization


def settings_version(organization: Organization, at: datetime = EPOCH, **changes: Any) -> SettingsVersion:
    """The organization's settings, with these changes, as a version."""
    return SettingsVersion(organization.organization_id, replace(organization.settings, **changes), at, "test")


def caller_of(organization: Organization, *scopes: Scope, is_test: bool = True) -> Caller:
    return Caller(organization, is_test, "test", frozenset(scopes or {Scope.ADMIN}))


def decision(at: datetime = EPOCH, **changes: Any) -> Decision:
    """A decision with something in every part."""
    challenge = ChallengeEvidence(
        attempt=1,
        kind=ChallengeKind.TURN_LEFT,
        asked_at=at,
        passed_at=at + timedelta(milliseconds=1234),
        unit="degrees",
        required=18,
        measured=24.5,
        onset_ms=300,
        apex_ms=800,
        return_ms=1234,
        time_limit_ms=15_000,
        outcome=ChallengeOutcome.PASSED,
    )
    liveness = LivenessEvidence(
        outcome=PresentationOutcome.BONA_FIDE,
        score=93.5,
        attempts=1,
        asked=1,
        challenges=(challenge,),
        passive=PassivePadEvidence(93.5, 12, ("fr_liveness",)),
        continuity_score=80.0,
        detectors=(
            DetectorEvidence(Detector.SHAPE, 88.5, "turns_like_a_head", {"residual_ratio": 0.5}),
            DetectorEvidence(Detector.TIMING, None, "too_few"),
        ),
    )
    whole = Decision(
        liveness=liveness,
        face_match=FaceMatchEvidence(
            12.0, 30.0, is_match=False, warnings=(DecisionWarning.LOW_FACE_MATCH_SIMILARITY.value,)
        ),
        injection=InjectionEvidence("low", ()),
        models=(ModelIdentity("minifasnet_v2", None),),
        policy_version=1,
        warnings=(DecisionWarning.LOW_FACE_MATCH_SIMILARITY.value,),
    )
    return replace(whole, **changes)
