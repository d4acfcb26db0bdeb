"""An integrator makes a person known, and looks them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller, Entity
from app.services.audit import record
from app.services.ports import Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True)
class NewEntity:
    """What the integrator says about the person."""

    name: str
    entity_type: str = "person"
    external_id: str | None = None
    tax_id: str | None = None
    country_code: str | None = None
    attributes: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class RegisterEntity:
    """`DuplicateEntity` where `external_id` or `tax_id` is taken in the organization."""

    store: Store
    clock: Clock
    randomness: Randomness

    def __call__(self, caller: Caller, new: NewEntity) -> Entity:
        now = self.clock.now()
        entity = Entity(
            entity_id=self.randomness.object_id(),
            organization_id=caller.organization.organization_id,
            is_test=caller.is_test,
            created_at=now,
            updated_at=now,
            **vars(new),
        )
        with self.store.begin() as uow:
            uow.entities.add(entity)
            record(
                uow,
                self.randomness,
                now,
                organization_id=entity.organization_id,
                actor=caller.actor,
                action="entity.created",
                object_type="entity",
                object_id=entity.entity_id,
            )
            uow.commit()
        return entity


@dataclass(frozen=True, kw_only=True)
class FindEntity:
    """Reads entities of the caller's organization and mode."""

    store: Store

    def by_id(self, caller: Caller, entity_id: str) -> Entity:
        """`ObjectNotFound` where there is none."""
        with self.store.read() as uow:
            entity = uow.entities.get(caller.organization.organization_id, caller.is_test, entity_id)
        if entity is None:
            raise ObjectNotFound("No such entity.")
        return entity

    def page(
        self, caller: Caller, external_id: str | None, limit: int, offset: int
    ) -> tuple[Sequence[Entity], int]:
        """A page of entities, newest first, and their number in all; with `external_id` that one or none."""
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            if external_id is None:
                return uow.entities.page(organization_id, caller.is_test, limit, offset)
            found = uow.entities.by_external_id(organization_id, caller.is_test, external_id)
        everything = [found] if found else []
        return everything[offset : offset + limit], len(everything)
