"""What callers may send about API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StrictInt

from app.api.answers_keys import Mode
from app.api.requests import ShortText
from app.domain.organization import Scope
from app.services.manage_keys import LIFETIME_DAYS_MAX, OVERLAP_DEFAULT, OVERLAP_MAX
from app.web.requests import Body

OVERLAP_SECONDS_DEFAULT = int(OVERLAP_DEFAULT.total_seconds())
OVERLAP_SECONDS_MAX = int(OVERLAP_MAX.total_seconds())
SCOPES_MAX = 32
"""Names in one list; there are fewer scopes, and one that is named twice counts once."""

Lifetime = Annotated[StrictInt, Field(ge=1, le=LIFETIME_DAYS_MAX)]


class LifetimeBody(Body):
    """How long a new key works."""

    expires_in_days: Lifetime | None = None

    @property
    def lifetime(self) -> timedelta | None:
        """None where nothing was said."""
        return timedelta(days=self.expires_in_days) if self.expires_in_days else None


class KeyBody(LifetimeBody):
    """`POST /api/keys`. Without `mode` it is the caller's; without `expiresInDays` the key never expires."""

    name: ShortText
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=SCOPES_MAX)]
    mode: Mode | None = None


class RotateKeyBody(LifetimeBody):
    """`POST /api/keys/{id}/rotate`; the body may be left out.

    Without `expiresInDays` the new key is made to live as long as the old one was.
    """

    overlap_seconds: Annotated[StrictInt, Field(ge=0, le=OVERLAP_SECONDS_MAX)] | None = None

    @property
    def overlap(self) -> timedelta:
        """How long the old key works on."""
        seconds = OVERLAP_SECONDS_DEFAULT if self.overlap_seconds is None else self.overlap_seconds
        return timedelta(seconds=seconds)
