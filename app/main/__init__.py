"""The composition root: the only place where adapters meet ports."""

from __future__ import annotations

from app.main.api import make_import_validation
from app.main.application import Application, build_application, check_profile
from app.main.delivery import build_worker
from app.main.infrastructure import (
    DEMO_SLUG,
    Infrastructure,
    development_key,
    ensure_demo_organization,
    make_blob_store,
    open_infrastructure,
    prepare_development,
    prepare_store,
)
from app.main.matching import build_matching_application, make_matching_core
from app.main.models import LoadedModels, load_models, make_images

__all__ = [
    "DEMO_SLUG",
    "Application",
    "Infrastructure",
    "LoadedModels",
    "build_application",
    "build_matching_application",
    "build_worker",
    "check_profile",
    "development_key",
    "ensure_demo_organization",
    "load_models",
    "make_blob_store",
    "make_images",
    "make_import_validation",
    "make_matching_core",
    "open_infrastructure",
    "prepare_development",
    "prepare_store",
]
