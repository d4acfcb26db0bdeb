"""Decisions read back as they were written, those of earlier versions too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.dialects import sqlite

from app.adapters.db.column_types import JsonOf
from app.domain.verdict import Decision
from tests import builders

DIALECT = sqlite.dialect()
COLUMN = JsonOf(Decision)


def test_evidence_that_is_older_than_the_ids_of_challenges_is_read() -> None:
    decision = builders.decision()
    stored: Any = COLUMN.process_bind_param(decision, DIALECT)
    for challenge in stored["liveness"]["challenges"]:
        del challenge["challenge_id"]
    assert COLUMN.process_result_value(stored, DIALECT) == decision


def test_the_id_of_a_challenge_is_kept() -> None:
    decision = builders.decision()
    assert decision.liveness is not None
    challenges = tuple(replace(one, challenge_id="one") for one in decision.liveness.challenges)
    decision = replace(decision, liveness=replace(decision.liveness, challenges=challenges))
    assert COLUMN.process_result_value(COLUMN.process_bind_param(decision, DIALECT), DIALECT) == decision
