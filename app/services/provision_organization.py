"""Organizations come into being with the workflow `default` and the settings' defaults, as their first version."""

from __future__ import annotations

import re

from app.domain.errors import InvalidRequest
from app.domain.organization import Organization
from app.domain.settings import OrganizationSettings, SettingsVersion
from app.services.audit import OPERATOR, record
from app.services.ports import Clock, Randomness
from app.services.store import Store

SLUG_FORMAT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
"""What an organization is called on the command line."""


def provision_organization(
    store: Store, clock: Clock, randomness: Randomness, *, slug: str, name: str
) -> Organization:
    """The organization of this slug, made where there is none."""
    with store.read() as uow:
        existing = uow.organizations.by_slug(slug)
    return existing or create_organization(store, clock, randomness, slug=slug, name=name)


def create_organization(
    store: Store,
    clock: Clock,
    randomness: Randomness,
    *,
    slug: str,
    name: str,
    settings: OrganizationSettings | None = None,
) -> Organization:
    """A new organization; `InvalidRequest` for a slug of another form, `InvalidState` for one that is taken."""
    if not SLUG_FORMAT.fullmatch(slug):
        raise InvalidRequest("a short name has 1 to 64 characters: a to z, 0 to 9, and hyphens between them")
    with store.begin() as uow:
        now = clock.now()
        organization = Organization(randomness.object_id(), slug, name, now, settings or OrganizationSettings())
        uow.organizations.add(organization)
        uow.settings.add(SettingsVersion(organization.organization_id, organization.settings, now, OPERATOR))
        record(
            uow,
            randomness,
            now,
            organization_id=organization.organization_id,
            actor=OPERATOR,
            action="organization.created",
            object_type="organization",
            object_id=organization.organization_id,
        )
        uow.commit()
    return organization
