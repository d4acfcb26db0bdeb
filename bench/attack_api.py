"""Attacks the API with whatever its OpenAPI document allows or forbids, by Schemathesis, in this process.

    python -m bench.attack_api                            # 5,000 requests
    python -m bench.attack_api --cases 20000 --seed 7

Objects of every kind exist, so that requests get past 404; the matching core is the one of the tests and the rate
limits are off. Rounds go on, each with another seed and another database, until there are enough requests. Ends
with 1 where a check failed: an answer that is not described, a header or a field that is missing or of another
type, a 5xx, wrong data that is accepted, right data that is refused, a method that is answered otherwise than 405.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.contract_schema.attack import Found, api_to_attack, attack

PER_OPERATION = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5_000, help="requests at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    began = time.monotonic()
    cases, rounds, answers, failures, errors = 0, 0, Counter[int](), dict[str, str](), list[str]()
    while cases < asked.cases:
        found = _round(asked.seed + rounds)
        rounds += 1
        cases += found.cases
        answers += found.answers
        failures |= found.failures
        errors += found.errors
        print(f"round {rounds}: {found.cases} requests, {len(found.failures)} failures", flush=True)
    for name, how in failures.items():
        print(f"\n{name}\n    {how}")
    print("\n".join(errors))
    shown = ", ".join(f"{status}: {number}" for status, number in sorted(answers.items()))
    print(f"{cases} requests in {time.monotonic() - began:.0f} s ({shown}); {len(failures)} failures")
    return 1 if failures or errors else 0


def _round(seed: int) -> Found:
    with tempfile.TemporaryDirectory() as folder, api_to_attack(Path(folder)) as api:
        return attack(api, seed=seed, per_operation=PER_OPERATION, edges=True)


if __name__ == "__main__":
    sys.exit(main())
