"""What handoffs need of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from app.domain.handoff import Handoff, HandoffState


class Handoffs(Protocol):
    """Links that hand a hosted session to a phone."""

    def add(self, handoff: Handoff) -> None: ...
    def get(self, handoff_id: str) -> Handoff | None: ...
    def latest(self, hosted_session_id: str) -> Handoff | None: ...
    def count(self, hosted_session_id: str) -> int:
        """How many links the session has asked for."""

    def end(self, handoff_id: str, state: HandoffState, at: datetime) -> bool:
        """From OPEN to `state`: True for the one that wins."""

    def void_standing(self, hosted_session_id: str, at: datetime) -> int:
        """End all that are OPEN or TAKEN; how many there were."""
