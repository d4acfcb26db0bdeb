"""Events are for catching up, not for ever: they hold what a person was called and how their session went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.services.ports import Clock
from app.services.store import Store

PRUNE_BATCH = 200
"""Removed in one transaction: some hundredths of a second, in which nobody else writes on SQLite."""


@dataclass(frozen=True, kw_only=True)
class PruneEvents:
    """Removes events, with their deliveries and attempts, so long after the last delivery ended."""

    store: Store
    clock: Clock
    retention: timedelta

    def __call__(self) -> bool:
        """One batch; whether there may be more."""
        with self.store.begin() as uow:
            found = uow.events.prune(self.clock.now() - self.retention, PRUNE_BATCH)
            uow.commit()
        return found == PRUNE_BATCH
