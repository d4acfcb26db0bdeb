"""Where tests find the model files. `make setup` has fetched them, so a missing one is a failure, not a skip."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from app.adapters.model_files import ModelFiles


def model_path(model_id: str) -> Path:
    """The verified file of a model of the manifest, from `BONAFIDE_MODELS_DIR` or the user's cache."""
    cache = platformdirs.user_cache_path("bonafide", appauthor=False) / "models"
    return ModelFiles(Path(os.environ.get("BONAFIDE_MODELS_DIR", cache))).path(model_id)
