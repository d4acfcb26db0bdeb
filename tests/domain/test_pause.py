"""The pause after too many failures: sessions that were left count by the attempts that began in them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.pause import Failure, paused_until
from tests.fakes import EPOCH

DAY = timedelta(hours=24)


def rejected(minutes: int, attempts: int = 3) -> Failure:
    return Failure(EPOCH + timedelta(minutes=minutes), attempts, is_rejected=True)


def left(minutes: int, attempts: int) -> Failure:
    return Failure(EPOCH + timedelta(minutes=minutes), attempts, is_rejected=False)


@pytest.mark.parametrize(
    ("failures", "pauses_from"),
    [
        ([], None),
        ([rejected(one) for one in range(4)], None),
        ([rejected(one) for one in range(5)], 0),
        ([rejected(one, attempts=0) for one in range(5)], 0),
        ([rejected(one) for one in range(7)], 2),
        ([left(one, 1) for one in range(14)], None),
        ([left(one, 1) for one in range(15)], 0),
        ([left(one, 2) for one in range(9)], 1),
        ([left(one, 9) for one in range(4)], None),
        ([*[left(one, 1) for one in range(3)], *[rejected(10 + one) for one in range(4)]], 0),
    ],
)
def test_fifteen_attempts_pause_whichever_sessions_they_were_in(
    failures: list[Failure], pauses_from: int | None
) -> None:
    until = None if pauses_from is None else EPOCH + timedelta(minutes=pauses_from) + DAY
    assert paused_until(failures, after=5, attempts_a_session=3, pause=DAY) == until
