"""An integrator looks at an image of a session; nobody does without leaving a trace."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import ObjectNotFound, RecordUnreadable
from app.domain.organization import Caller, Capture
from app.services.audit import record
from app.services.ports import BlobAddress, BlobStore, Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True)
class Media:
    """An image in clear."""

    content: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class ReadMedia:
    """Images of the sessions of the caller's organization and mode: `selfie`, `still`, `challenge-N`."""

    store: Store
    blobs: BlobStore
    clock: Clock
    randomness: Randomness

    def __call__(self, caller: Caller, session_id: str, kind: str) -> Media:
        """`ObjectNotFound` where there is no such image, or it is gone and cannot be read any more.

        The entry in the audit trail is committed before anybody sees the image: `StoreUnavailable`, no image.
        """
        capture = self._find(caller, session_id, kind)
        address = BlobAddress(capture.organization_id, capture.entity_id, capture.capture_id, capture.kind)
        try:
            content = self.blobs.get(capture.blob_id, address)
        except RecordUnreadable as error:
            raise ObjectNotFound("No such image.") from error
        self._record(caller, capture)
        return Media(content, capture.content_type)

    def _find(self, caller: Caller, session_id: str, kind: str) -> Capture:
        with self.store.read() as uow:
            if uow.sessions.get(caller.organization.organization_id, caller.is_test, session_id) is None:
                raise ObjectNotFound("No such session.")
            captures = [one for one in uow.captures.of_session(session_id) if one.kind == kind and one.is_image]
        if not captures:
            raise ObjectNotFound("No such image.")
        return captures[-1]

    def _record(self, caller: Caller, capture: Capture) -> None:
        with self.store.begin() as uow:
            record(
                uow,
                self.randomness,
                self.clock.now(),
                organization_id=capture.organization_id,
                actor=caller.actor,
                action="biometric_session.media_read",
                object_id=capture.session_id,
                detail={"kind": capture.kind},
            )
            uow.commit()
