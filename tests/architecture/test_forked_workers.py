"""The server's master process forks its workers: what it has imported must survive that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IMPORT_OF_THE_MASTER = """
import sys
import app.cli.matching, app.cli.serve, app.main
print(sorted({"onnxruntime", "onnx", "matplotlib"} & set(sys.modules)))
"""

FORK_AND_LOAD = """
import os
import app.cli.serve
child = os.fork()
if child == 0:
    from tests.models_fixture import real_encoder
    real_encoder()
    raise SystemExit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.strip()


def test_the_master_loads_no_library_that_starts_threads_or_is_seldom_needed() -> None:
    assert run(IMPORT_OF_THE_MASTER) == "[]"


def test_a_forked_worker_that_loaded_a_recognizer_ends_in_order() -> None:
    """It aborted ("terminate called …") where the master had imported the runtime."""
    assert run(FORK_AND_LOAD) == "7"
