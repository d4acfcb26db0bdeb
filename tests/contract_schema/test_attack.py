"""A short attack on the API by its own document; `python -m bench.attack_api` makes a long one."""

from __future__ import annotations

from pathlib import Path

from tests.contract_schema.attack import api_to_attack, attack

SEED = 20_260_730
PER_OPERATION = 20
CASES_AT_LEAST = 500


def test_nothing_that_the_document_allows_or_forbids_breaks_the_api(tmp_path: Path) -> None:
    with api_to_attack(tmp_path) as api:
        found = attack(api, seed=SEED, per_operation=PER_OPERATION, edges=False)
    assert not found.errors
    assert not found.failures, "\n".join(f"{name}\n    {how}" for name, how in found.failures.items())
    assert found.cases >= CASES_AT_LEAST
    accepted = sum(found.answers[status] for status in (200, 201))
    assert accepted > found.cases / 5, "hardly anything got past the first refusal"
    assert not [status for status in found.answers if status >= 500]
