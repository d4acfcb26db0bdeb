"""Face matches of before, and the pictures they were made from. Each look at a picture is in the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.check import CheckStatus, FaceMatch, MatchPicture
from app.domain.errors import ObjectNotFound, RecordUnreadable
from app.domain.organization import Caller
from app.services.audit import record
from app.services.match_faces import address_of
from app.services.ports import BlobStore, Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class ReadFaceMatches:
    """Face matches of the caller's organization and mode. `ObjectNotFound` for anything else."""

    store: Store
    blobs: BlobStore
    clock: Clock
    randomness: Randomness

    def by_id(self, caller: Caller, face_match_id: str) -> FaceMatch:
        """One of them."""
        with self.store.read() as uow:
            match = uow.face_matches.get(caller.organization.organization_id, caller.is_test, face_match_id)
        if match is None:
            raise ObjectNotFound("No such verification.")
        return match

    def page(
        self, caller: Caller, entity_id: str | None, status: CheckStatus | None, limit: int, offset: int
    ) -> tuple[Sequence[FaceMatch], int]:
        """A page of them, newest first, and how many there are in all. An unknown entity has none."""
        with self.store.read() as uow:
            return uow.face_matches.page(
                caller.organization.organization_id,
                caller.is_test,
                entity_id=entity_id,
                status=status,
                limit=limit,
                offset=offset,
            )

    def picture(self, caller: Caller, face_match_id: str, picture: MatchPicture) -> bytes:
        """One of the pictures as it was sent. `ObjectNotFound` where it was not kept, or is gone."""
        match = self.by_id(caller, face_match_id)
        blob_id = match.blob_of(picture)
        if blob_id is None:
            raise ObjectNotFound("The picture is not there.")
        try:
            image = self.blobs.get(blob_id, address_of(match, picture))
        except RecordUnreadable as error:
            raise ObjectNotFound("The picture is not there.") from error
        self._record(caller, match, picture)
        return image

    def _record(self, caller: Caller, match: FaceMatch, picture: MatchPicture) -> None:
        """Before anybody sees it."""
        with self.store.begin() as uow:
            record(
                uow,
                self.randomness,
                self.clock.now(),
                organization_id=match.organization_id,
                actor=caller.actor,
                action="face_match.image_read",
                object_type="face_match",
                object_id=match.face_match_id,
                detail={"picture": picture.value},
            )
            uow.commit()
