"""Reading KYC validations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller, KycValidation
from app.services.store import Store, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ReadValidations:
    """Validations of the caller's organization and mode. `ObjectNotFound` for anything else."""

    store: Store

    def by_id(self, caller: Caller, validation_id: str) -> KycValidation:
        """One validation."""
        with self.store.read() as uow:
            found = uow.validations.get(caller.organization.organization_id, caller.is_test, validation_id)
        if found is None:
            raise ObjectNotFound("No such validation.")
        return found

    def latest_of(self, caller: Caller, entity_id: str) -> KycValidation | None:
        """The entity's latest created one, whatever its status; None where it has none."""
        with self.store.read() as uow:
            _check_entity(uow, caller, entity_id)
            return uow.validations.latest_created(caller.organization.organization_id, caller.is_test, entity_id)

    def page(self, caller: Caller, entity_id: str, limit: int, offset: int) -> tuple[Sequence[KycValidation], int]:
        """A page of the entity's, newest first, and their number in all."""
        with self.store.read() as uow:
            _check_entity(uow, caller, entity_id)
            return uow.validations.of_entity(
                caller.organization.organization_id, caller.is_test, entity_id, limit, offset
            )


def _check_entity(uow: UnitOfWork, caller: Caller, entity_id: str) -> None:
    if uow.entities.get(caller.organization.organization_id, caller.is_test, entity_id) is None:
        raise ObjectNotFound("No such entity.")
