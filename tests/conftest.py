from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.shared_media import shared_path

MAY_STAY = (
    "BONAFIDE_CHROMIUM",
    "BONAFIDE_MODELS_DIR",
    "BONAFIDE_MODEL_OVERRIDE_",
    "BONAFIDE_SHOTS",
    "BONAFIDE_TEST_",
)
"""Settings of the machine. All others are taken away: no test may touch the data of whoever runs it."""

for name in [name for name in os.environ if name.startswith("BONAFIDE_") and not name.startswith(MAY_STAY)]:
    del os.environ[name]


@pytest.fixture
def shared_media() -> Path:
    """The folder of shared media; skips the test where there is none."""
    return shared_path("media")
