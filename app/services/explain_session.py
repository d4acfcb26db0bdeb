"""Why a session ended as it did: its decision, and what the frames of each attempt measured."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.session import BiometricSession
from app.domain.verdict import Decision
from app.domain.watch import Trace
from app.services.audit import record
from app.services.operator_sessions import session_of_any
from app.services.ports import BlobStore, Clock, Randomness
from app.services.store import Store
from app.services.traces import read_traces


@dataclass(frozen=True)
class Explanation:
    """A session with the evidence behind it. `decision` is None before there is any.

    `traces` are those of its attempts, in their order; empty where they are erased.
    """

    session: BiometricSession
    decision: Decision | None
    traces: tuple[Trace, ...]


@dataclass(frozen=True, kw_only=True)
class ExplainSession:
    """For the operator. It changes nothing, and the audit trail says that somebody looked."""

    store: Store
    blobs: BlobStore
    clock: Clock
    randomness: Randomness

    def __call__(self, session_id: str) -> Explanation:
        """`ObjectNotFound` for an unknown session."""
        with self.store.begin() as uow:
            session, hosted = session_of_any(uow, session_id)
            record(
                uow,
                self.randomness,
                self.clock.now(),
                organization_id=session.organization_id,
                actor="operator",
                action="biometric_session.explained",
                object_id=session.session_id,
            )
            uow.commit()
        decision = session.decision or hosted.evidence
        return Explanation(session, decision, read_traces(self.store, self.blobs, session_id))
