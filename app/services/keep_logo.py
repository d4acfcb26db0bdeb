"""An organization's logo: made anew from what is sent, kept as a blob, and read for whoever opens its address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from app.domain.branding import LOGO_MAX_BYTES, Logo
from app.domain.errors import InvalidRequest, RecordUnreadable
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobAddress, BlobStore
from app.services.store import Store

KIND = "logo"


@dataclass(frozen=True)
class LogoPicture:
    """A PNG that we made: no bytes of the sender's are in it but pixels."""

    png: bytes
    width: int
    height: int


class LogoMaker(Protocol):
    """Reads a picture by its content, and draws it anew in a bounded size."""

    def make(self, data: bytes) -> LogoPicture:
        """`InvalidRequest` for what is no PNG, JPEG or WebP, moves, or is too large."""


@dataclass(frozen=True, kw_only=True)
class KeepLogo:
    """Call before `Store.begin()`: the organization's data key may be written."""

    maker: LogoMaker
    blobs: BlobStore

    def __call__(self, organization_id: str, data: bytes, standing: Logo | None, blobs: NewBlobs) -> Logo:
        """The logo as it will be shown; the same picture again is the one that stands."""
        if len(data) > LOGO_MAX_BYTES:
            raise logo_refused(f"must have at most {LOGO_MAX_BYTES} bytes, and has {len(data)}")
        picture = self.maker.make(data)
        sha256 = hashlib.sha256(picture.png).hexdigest()
        if standing is not None and standing.sha256 == sha256:
            return standing
        blob_id = blobs.put(_address(organization_id, sha256), picture.png)
        return Logo(sha256, blob_id, picture.width, picture.height)


@dataclass(frozen=True, kw_only=True)
class ReadLogo:
    """The logo in force, by its hash. None for any other: an address of yesterday shows nothing."""

    store: Store
    blobs: BlobStore

    def __call__(self, organization_id: str, sha256: str) -> bytes | None:
        with self.store.read() as uow:
            organization = uow.organizations.get(organization_id)
        logo = organization.settings.branding.logo if organization else None
        if logo is None or logo.sha256 != sha256:
            return None
        try:
            return self.blobs.get(logo.blob_id, _address(organization_id, sha256))
        except RecordUnreadable:
            return None


def logo_refused(problem: str) -> InvalidRequest:
    """The one error for every picture that cannot be a logo."""
    return InvalidRequest("The logo cannot be used.", {"branding.logo": problem})


def _address(organization_id: str, sha256: str) -> BlobAddress:
    """Under the organization's own data key."""
    return BlobAddress(organization_id, organization_id, sha256, KIND)
