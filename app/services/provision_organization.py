"""Organizations come into being with the workflow `default` and the settings' defaults."""

from __future__ import annotations

from app.domain.organization import Organization
from app.services.audit import record
from app.services.ports import Clock, Randomness
from app.services.store import Store


def provision_organization(
    store: Store, clock: Clock, randomness: Randomness, *, slug: str, name: str
) -> Organization:
    """The organization of this slug, made where there is none."""
    with store.begin() as uow:
        existing = uow.organizations.by_slug(slug)
        if existing is not None:
            return existing
        now = clock.now()
        organization = Organization(randomness.object_id(), slug, name, now)
        uow.organizations.add(organization)
        record(
            uow,
            randomness,
            now,
            organization_id=organization.organization_id,
            actor="operator",
            action="organization.created",
            object_type="organization",
            object_id=organization.organization_id,
        )
        uow.commit()
    return organization
