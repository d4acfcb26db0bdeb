"""Catching up: an integrator reads the events that it missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.event import Event
from app.domain.organization import Caller
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class ReadEvents:
    """Events of the caller's organization and mode.

    Numbers are in the order of commits, and none is given before the one below it is committed or given up:
    whoever goes on behind the last number it has seen misses nothing.
    """

    store: Store

    def __call__(self, caller: Caller, after: int, limit: int) -> Sequence[Event]:
        """At most `limit` with a greater number than `after`, in order."""
        with self.store.read() as uow:
            return uow.events.after(caller.organization.organization_id, caller.is_test, after, limit)
