"""The long run of tests/matching/test_fuzz.py: every file of a folder, then mutated ones until the time is up.

The core works in a process of its own, which is watched: what hangs, dies, prints, answers anything else than a
template, none or `InvalidImage`, or takes 300 MB above idle, is written to the folder of findings.

    python -m bench.fuzz_images --minutes 30 --seed 7 --findings var/findings [--media ../shared/media/badinput]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.matching.image_mutations import mutants
from tests.matching.watched_core import Outcome, WatchedCore


def main() -> int:
    options = _options()
    ends = time.monotonic() + 60 * options.minutes
    answers: Counter[str] = Counter()
    worst = slowest = Outcome("none")
    findings = 0
    with WatchedCore() as core:
        for name, data in _images(options.media, options.seed):
            outcome = core.describe(data)
            answers[outcome.answer] += 1
            worst = max(worst, outcome, key=lambda one: one.peak_mb)
            slowest = max(slowest, outcome, key=lambda one: one.seconds)
            if not outcome.is_allowed:
                findings += 1
                _keep(options.findings, name, data, outcome)
            if time.monotonic() > ends:
                break
        print("memory in MiB:", {name: round(value) for name, value in core.memory.items()})
    print(f"{answers.total()} images: {dict(answers)}")
    print(f"largest peak {worst.peak_mb:.0f} MiB above idle, slowest {slowest.seconds:.2f} s, {findings} findings")
    return 1 if findings else 0


def _images(media: Path | None, seed: int) -> Iterator[tuple[str, bytes]]:
    if media:
        for path in sorted(path for path in media.rglob("*") if path.is_file()):
            yield path.name, path.read_bytes()
    yield from ((f"seed-{seed}-{number}", data) for number, data in zip(count(), mutants(seed), strict=False))


def _keep(folder: Path, name: str, data: bytes, outcome: Outcome) -> None:
    print(f"{name}: {outcome}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--media", type=Path, help="a folder whose files come first")
    parser.add_argument("--findings", type=Path, default=Path("var/findings"))
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
