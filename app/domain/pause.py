"""How long somebody waits after failing too often: guessing is bounded by attempts, whatever a session ends as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Failure:
    """A session that was not passed: when it ended, and how many attempts began in it.

    A rejected one counts as a whole one whatever its attempts, one that was left or cancelled by its attempts.
    """

    at: datetime
    attempts: int
    is_rejected: bool


def paused_until(
    failures: Sequence[Failure], after: int, attempts_a_session: int, pause: timedelta
) -> datetime | None:
    """Until when, where `after` sessions' worth of attempts lie within the pause. `failures`: the oldest first."""
    left = after * attempts_a_session
    for one in reversed(failures):
        left -= attempts_a_session if one.is_rejected else min(one.attempts, attempts_a_session)
        if left <= 0:
            return one.at + pause
    return None
