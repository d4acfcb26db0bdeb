"""One server's use cases, wired as in production, on a virtual clock and an empty store in a temporary folder."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from app.adapters.db.unit_of_work import SqlStore
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.challenge import Ability
from app.domain.face import FaceMeasurement
from app.domain.organization import Caller, Organization, Scope
from app.domain.session import BiometricSession
from app.domain.settings import OrganizationSettings
from app.main import load_models, make_blob_store, make_import_validation, make_matching_core, open_infrastructure
from app.main.capture import make_capture_services
from app.main.gallery import make_search_probe
from app.main.infrastructure import Infrastructure, prepare_store
from app.services.import_validation import ValidationImport
from app.services.open_session import OpenSession, SessionRequest
from app.services.provision_organization import create_organization
from app.services.register_entity import NewEntity, RegisterEntity
from bench.pad.world import RepeatedAnalyzer, RepeatedImages, SeededDraw, VirtualClock


class Studio:
    """Everything a session needs. One for each worker process; close it."""

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self._folder = tempfile.TemporaryDirectory(prefix="bonafide-pad-")
        settings = bench_settings(Path(self._folder.name))
        prepare_store(settings)
        self.clock, self.draw = VirtualClock(), SeededDraw()
        opened = open_infrastructure(settings)
        self.infrastructure = Infrastructure(opened.engine, opened.store, self.clock, self.draw)
        models = load_models(settings)
        if models.required_missing:
            raise RuntimeError(f"models are missing: {', '.join(models.required_missing)}")
        self.pool = LandmarkerPool(models.paths["face_landmarker"], 1)
        self.images, self.analyzer = RepeatedImages(), RepeatedAnalyzer(self.pool)
        self.core = make_matching_core(settings, models, self.images)
        blobs = make_blob_store(settings, self.infrastructure)
        search = make_search_probe(settings, self.infrastructure, models, self.core, blobs)
        self.capture = make_capture_services(
            settings, self.infrastructure, models, self.images, self.analyzer, self.core, blobs, search
        )
        self.models = {name: name in models.paths for name in ("minifasnet_v2", "fr_liveness")}
        self._import = make_import_validation(settings, self.infrastructure, self.core, blobs, search)
        self._limits, self._blobs, self._numbers = settings.limits, blobs, itertools.count(1)

    @property
    def store(self) -> SqlStore:
        return self.infrastructure.store

    def close(self) -> None:
        """Give back threads, connections and the folder."""
        self.core.close()
        self.pool.close()
        self.store.close()
        self._folder.cleanup()

    def face_of(self, jpeg: bytes) -> FaceMeasurement:
        """The face of a picture. ValueError where it has none."""
        face = self.pool.observe(self.images.read_frame(jpeg)).face
        if face is None:
            raise ValueError("the picture shows no face")
        return face

    def organization(self) -> Caller:
        """A new organization: whatever is remembered by organization is empty."""
        settings = OrganizationSettings(liveness_profile=self.profile, pause_after_failures=100)
        number = next(self._numbers)
        made: Organization = create_organization(
            self.store, self.clock, self.draw, slug=f"bench-{number}", name="Bench", settings=settings
        )
        return Caller(made, is_test=False, actor="bench", scopes=frozenset({Scope.ADMIN}))

    def enrol(self, caller: Caller, portrait: bytes) -> str:
        """A person with this approved reference; the entity's id."""
        register = RegisterEntity(store=self.store, clock=self.clock, randomness=self.draw)
        entity = register(caller, NewEntity(name="Somebody"))
        self._import(caller, ValidationImport(entity_id=entity.entity_id, portrait=portrait))
        return entity.entity_id

    def open(self, caller: Caller, entity_id: str, avoid: Sequence[str]) -> BiometricSession:
        """A session that asks nothing of what is avoided."""
        request = SessionRequest(entity_id=entity_id, avoid=frozenset(Ability(one) for one in avoid))
        return self._open()(caller, request)

    def _open(self) -> OpenSession:
        limits = self._limits
        return OpenSession(
            store=self.store,
            blobs=self._blobs,
            clock=self.clock,
            randomness=self.draw,
            session_lifetime=timedelta(seconds=limits.session_ttl_seconds),
            abandon_after=timedelta(seconds=limits.abandon_after_seconds),
            is_development=False,
        )


def bench_settings(folder: Path) -> Settings:
    """The environment's models, and all else in the folder. One thread for each kind of work: processes share."""
    environ = {key: value for key, value in os.environ.items() if key.startswith("BONAFIDE_MODEL")}
    environ |= {
        "BONAFIDE_DATA_DIR": str(folder),
        "BONAFIDE_LANDMARKER_POOL_SIZE": "1",
        "BONAFIDE_MATCHING_THREADS": "1",
    }
    for name in ("HOME", "XDG_CACHE_HOME"):
        if name in os.environ:
            environ[name] = os.environ[name]
    return Settings.from_env(environ, dev=True)
