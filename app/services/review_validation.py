"""A person approves, rejects or cancels a validation; what is rejected is no reference from that moment on."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.organization import Caller, KycValidation, ValidationStatus, move_validation
from app.services.audit import VALIDATION, record
from app.services.events import emit_validation
from app.services.ports import Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class ReviewValidation:
    """The moves of `VALIDATION_MOVES`; `InvalidState` for any other. The reason goes into the audit trail."""

    store: Store
    clock: Clock
    randomness: Randomness

    def approve(self, caller: Caller, validation_id: str, reason: str) -> KycValidation:
        """→ APPROVED, as of now."""
        return self._move(caller, validation_id, ValidationStatus.APPROVED, reason)

    def reject(self, caller: Caller, validation_id: str, reason: str) -> KycValidation:
        """→ REJECTED: it counts nowhere any more. Verdicts that were made with it stand."""
        return self._move(caller, validation_id, ValidationStatus.REJECTED, reason)

    def cancel(self, caller: Caller, validation_id: str, reason: str | None) -> KycValidation:
        """→ CANCELLED."""
        return self._move(caller, validation_id, ValidationStatus.CANCELLED, reason)

    def _move(
        self, caller: Caller, validation_id: str, status: ValidationStatus, reason: str | None
    ) -> KycValidation:
        now = self.clock.now()
        with self.store.begin() as uow:
            before = uow.validations.get(caller.organization.organization_id, caller.is_test, validation_id)
            if before is None:
                raise ObjectNotFound("No such validation.")
            after = move_validation(before, status, now)
            if not uow.validations.swap(before.status, after):
                raise InvalidState("The validation has just changed. Read it again.")
            record(
                uow,
                self.randomness,
                now,
                organization_id=after.organization_id,
                actor=caller.actor,
                action=f"kyc_validation.{status.value}",
                object_type=VALIDATION,
                object_id=after.validation_id,
                detail={"before": before.status.value, "reason": reason},
            )
            emit_validation(uow, self.randomness, after, now)
            uow.commit()
        return after
