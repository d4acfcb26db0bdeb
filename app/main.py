"""The composition root: the only place where adapters meet ports."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_babel import Babel
from sqlalchemy import Engine

from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.clock import SystemClock
from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import upgrade
from app.adapters.db.unit_of_work import SqlStore
from app.adapters.db.wrapped_keys import SqlWrappedKeys
from app.adapters.encryption import DataKeys
from app.adapters.images import Images
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.missing_models import NoFaceAnalyzer
from app.adapters.model_files import ModelCorrupt, ModelFiles, ModelMissing
from app.adapters.opencv_faces import SfaceEncoder, YunetDetector
from app.adapters.passive_pad import PAD_MODELS, PassivePadModels
from app.adapters.photometry import measure_face
from app.adapters.randomness import SystemRandomness
from app.adapters.result_signer import Ed25519ResultSigner
from app.adapters.signed_tokens import SignedTokens
from app.adapters.trusted_proxies import Wsgi, behind_proxies
from app.api.app import install_api
from app.api.services import ApiServices
from app.config import ConfigurationError, Settings
from app.demo.routes import DemoSettings, create_demo_blueprint
from app.domain.organization import Organization, Scope
from app.domain.verdict import ModelIdentity
from app.hosted.app import HostedPart, install_hosted
from app.hosted.languages import select_language
from app.hosted.origins import origin_of
from app.hosted.services import HostedServices
from app.matching.embedded import EmbeddedMatchingCore
from app.services.attempts import AttemptLedger
from app.services.authenticate import Authenticate
from app.services.cancel_session import CancelSession
from app.services.capture_view import OutcomePresenter
from app.services.decide_capture import DecideCapture
from app.services.import_validation import ImportValidation
from app.services.keep_capture import KeepCapture
from app.services.live_capture import LiveCaptures
from app.services.manage_keys import ManageKeys
from app.services.observe_frame import (
    BeginAlignment,
    FrameLimits,
    InterruptCapture,
    ObserveFrame,
    SwapChallenge,
)
from app.services.open_session import OpenSession
from app.services.ports import FaceAnalyzer
from app.services.provision_organization import provision_organization
from app.services.read_session import ReadSession
from app.services.readiness import CheckReadiness
from app.services.record_consent import RecordConsent
from app.services.register_entity import FindEntity, RegisterEntity
from app.services.start_capture import ReadCapture, StartCapture
from app.services.withdraw import Withdraw

DEMO_SLUG = "demo"
LAN_CERTIFICATE = "lan/lan-certificate.pem"
LANDMARKER_MODEL, DETECTOR_MODEL, RECOGNIZER_MODEL = "face_landmarker", "yunet", "sface"
PROJECT_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Infrastructure:
    """What every use case stands on. Needs no secrets."""

    engine: Engine
    store: SqlStore
    clock: SystemClock
    randomness: SystemRandomness

    @property
    def keys(self) -> ManageKeys:
        """API keys."""
        return ManageKeys(store=self.store, clock=self.clock, randomness=self.randomness)


@dataclass(frozen=True)
class LoadedModels:
    """Model files that are there and intact (id → path), and what is wrong with the others."""

    files: ModelFiles
    paths: Mapping[str, Path]
    required_missing: tuple[str, ...]
    optional_missing: tuple[str, ...]

    def identity(self, model_id: str) -> ModelIdentity:
        """How a decision names a model; no hash for one that took no part."""
        return ModelIdentity(model_id, self.files.sha256(model_id) if model_id in self.paths else None)


@dataclass(frozen=True)
class Application:
    """A built application, to be served."""

    flask: Flask
    infrastructure: Infrastructure
    hosted: HostedPart
    wsgi: Wsgi

    def drain(self) -> None:
        """Say goodbye to open pages, so that the process can end."""
        self.hosted.drain()

    def close(self) -> None:
        """Give back connections."""
        self.infrastructure.store.close()


def open_infrastructure(settings: Settings) -> Infrastructure:
    """Connects lazily."""
    engine = make_engine(settings.database_url)
    return Infrastructure(engine, SqlStore(engine), SystemClock(), SystemRandomness())


def prepare_store(settings: Settings) -> None:
    """The data folder and up-to-date tables. Lets `OSError` and `SQLAlchemyError` through."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)


def prepare_development(settings: Settings) -> str:
    """Organization `demo` and a test key for it: the same at every start, so that what uses it keeps working."""
    infrastructure = open_infrastructure(settings)
    try:
        demo = ensure_demo_organization(infrastructure)
        key = development_key(settings)
        infrastructure.keys.ensure(demo, key, [Scope.ADMIN], is_test=True, name="development")
    finally:
        infrastructure.store.close()
    return key


def ensure_demo_organization(infrastructure: Infrastructure) -> Organization:
    """Organization `demo`, made where there is none."""
    return provision_organization(
        infrastructure.store,
        infrastructure.clock,
        infrastructure.randomness,
        slug=DEMO_SLUG,
        name="Demo organization",
    )


def development_key(settings: Settings) -> str:
    """The test key that a development server prints, derived from its secret."""
    digest = hmac.new(settings.secret_keys[0].encode("utf-8"), b"bonafide.development-key", hashlib.sha256)
    return f"bf_test_{base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode('ascii')}"


def make_blob_store(settings: Settings, infrastructure: Infrastructure) -> EncryptedBlobStore:
    """Needs the master keys."""
    master_keys = {key.key_id: key.key for key in settings.master_keys}
    data_keys = DataKeys(SqlWrappedKeys(infrastructure.engine), master_keys)
    return EncryptedBlobStore(settings.data_dir / "blobs", data_keys)


def load_models(settings: Settings) -> LoadedModels:
    """Verify every model file. One that is missing or damaged is no reason not to start: `/readyz` says so."""
    overrides = {model_id: (one.path, one.sha256) for model_id, one in settings.model_overrides.items()}
    files = ModelFiles(settings.models_dir, overrides)
    paths: dict[str, Path] = {}
    required: list[str] = []
    optional: list[str] = []
    for model in files.manifest:
        try:
            paths[model.model_id] = files.path(model.model_id)
        except (ModelMissing, ModelCorrupt) as error:
            state = "damaged" if isinstance(error, ModelCorrupt) else "missing"
            (required if model.is_required else optional).append(f"{model.model_id} ({state})")
    return LoadedModels(files, paths, tuple(required), tuple(optional))


def make_images(settings: Settings) -> Images:
    """Reads images within the configured bounds."""
    return Images(settings.limits.image_max_pixels, settings.limits.image_max_bytes)


def make_matching_core(settings: Settings, models: LoadedModels, images: Images) -> EmbeddedMatchingCore:
    """The embedded core; without its models it stands, says so, and refuses work."""
    pool_size = settings.limits.landmarker_pool_size
    detector, recognizer = models.paths.get(DETECTOR_MODEL), models.paths.get(RECOGNIZER_MODEL)
    return EmbeddedMatchingCore(
        images,
        YunetDetector(detector, pool_size) if detector else None,
        SfaceEncoder(recognizer, pool_size) if recognizer else None,
        measure_face,
        [models.identity(DETECTOR_MODEL), models.identity(RECOGNIZER_MODEL)],
    )


def build_application(settings: Settings) -> Application:
    """Everything, wired. Call it in the process that serves: models have threads of their own.

    `ConfigurationError` where the strict profile lacks a model.
    """
    infrastructure = open_infrastructure(settings)
    models = load_models(settings)
    missing = (*models.required_missing, *models.optional_missing)
    if missing and settings.liveness_profile == "strict":
        raise ConfigurationError([f"the strict profile needs every model, but: {', '.join(missing)}"])
    images = make_images(settings)
    core = make_matching_core(settings, models, images)
    blobs = make_blob_store(settings, infrastructure)
    flask = Flask(
        "bonafide",
        static_folder=str(PROJECT_FOLDER / "static"),
        template_folder=str(PROJECT_FOLDER / "templates"),
    )
    flask.config["BABEL_TRANSLATION_DIRECTORIES"] = str(PROJECT_FOLDER / "app" / "translations")
    Babel(flask, locale_selector=select_language)
    api_services = make_api_services(settings, infrastructure, models, core, blobs)
    install_api(flask, api_services)
    capture = make_capture_services(settings, infrastructure, models, images, core, blobs)
    hosted = install_hosted(flask, capture)
    if settings.is_dev:
        flask.register_blueprint(create_demo_blueprint(make_demo_settings(settings)))
    wsgi = behind_proxies(flask.wsgi_app, settings.trusted_proxies)
    return Application(flask, infrastructure, hosted, wsgi)


def make_demo_settings(settings: Settings) -> DemoSettings:
    """The demo integrator calls the API from outside, as anybody would; in the LAN it trusts our certificate."""
    certificate = settings.data_dir / LAN_CERTIFICATE
    is_lan = settings.public_url.startswith("https://") and certificate.is_file()
    verify = ssl.create_default_context(cafile=str(certificate)) if is_lan else True
    return DemoSettings(settings.public_url, development_key(settings), verify)


def make_analyzer(settings: Settings, models: LoadedModels) -> FaceAnalyzer:
    """Landmarkers, one for each core by default; without the model every frame is refused."""
    path = models.paths.get(LANDMARKER_MODEL)
    return LandmarkerPool(path, settings.limits.landmarker_pool_size) if path else NoFaceAnalyzer()


def make_capture_services(
    settings: Settings,
    infrastructure: Infrastructure,
    models: LoadedModels,
    images: Images,
    core: EmbeddedMatchingCore,
    blobs: EncryptedBlobStore,
) -> HostedServices:
    """Use cases behind the capture page and its socket."""
    store, clock, randomness = infrastructure.store, infrastructure.clock, infrastructure.randomness
    limits, live = settings.limits, LiveCaptures()
    pad_paths = {
        model.model_id: models.paths[model.model_id] for model in PAD_MODELS if model.model_id in models.paths
    }
    capture_models = [
        models.identity(name) for name in (LANDMARKER_MODEL, *(model.model_id for model in PAD_MODELS))
    ]
    analyzer = make_analyzer(settings, models)
    pad = PassivePadModels(pad_paths, limits.landmarker_pool_size)
    presenter = OutcomePresenter(signer=make_signer(settings), clock=clock)
    ledger = AttemptLedger(store=store, clock=clock, randomness=randomness, capture_models=capture_models)
    frame_limits = FrameLimits(limits.frame_max_bytes, limits.frames_per_second_max)
    read_capture = ReadCapture(
        store=store,
        clock=clock,
        randomness=randomness,
        presenter=presenter,
        live=live,
        abandon_after=timedelta(seconds=limits.abandon_after_seconds),
    )
    return HostedServices(
        read_capture=read_capture,
        start_capture=StartCapture(
            store=store,
            clock=clock,
            randomness=randomness,
            presenter=presenter,
            live=live,
            read_capture=read_capture,
        ),
        record_consent=RecordConsent(store=store, clock=clock, randomness=randomness, live=live),
        begin_alignment=BeginAlignment(store=store, clock=clock, live=live),
        interrupt_capture=InterruptCapture(clock=clock, ledger=ledger, live=live),
        observe_frame=ObserveFrame(
            images=images,
            analyzer=analyzer,
            pad=pad,
            ledger=ledger,
            store=store,
            clock=clock,
            live=live,
            limits=frame_limits,
        ),
        swap_challenge=SwapChallenge(clock=clock, live=live),
        keep_capture=KeepCapture(
            store=store,
            blobs=blobs,
            images=images,
            analyzer=analyzer,
            pad=pad,
            capture_models=capture_models,
            ledger=ledger,
            clock=clock,
            randomness=randomness,
            live=live,
        ),
        decide_capture=DecideCapture(store=store, blobs=blobs, core=core, clock=clock, randomness=randomness),
        withdraw=Withdraw(store=store, clock=clock, randomness=randomness, live=live),
        presenter=presenter,
        links=make_links(settings, clock),
        live=live,
        clock=clock,
        frame_limits=frame_limits,
        max_sockets=limits.max_capture_sockets,
        image_max_bytes=limits.image_max_bytes,
        public_origin=origin_of(settings.public_url) or settings.public_url,
        is_development=settings.is_dev,
        is_able=not models.required_missing,
    )


def make_import_validation(
    settings: Settings,
    infrastructure: Infrastructure,
    core: EmbeddedMatchingCore,
    blobs: EncryptedBlobStore,
) -> ImportValidation:
    """Shared by the API and the command line."""
    return ImportValidation(
        store=infrastructure.store,
        blobs=blobs,
        core=core,
        clock=infrastructure.clock,
        randomness=infrastructure.randomness,
        image_max_bytes=settings.limits.image_max_bytes,
    )


def make_api_services(
    settings: Settings,
    infrastructure: Infrastructure,
    models: LoadedModels,
    core: EmbeddedMatchingCore,
    blobs: EncryptedBlobStore,
) -> ApiServices:
    """Use cases behind the API's routes."""
    store, clock, randomness = infrastructure.store, infrastructure.clock, infrastructure.randomness
    abandon_after = timedelta(seconds=settings.limits.abandon_after_seconds)
    return ApiServices(
        authenticate=Authenticate(store=store, clock=clock),
        register_entity=RegisterEntity(store=store, clock=clock, randomness=randomness),
        find_entity=FindEntity(store=store),
        import_validation=make_import_validation(settings, infrastructure, core, blobs),
        open_session=OpenSession(
            store=store,
            blobs=blobs,
            clock=clock,
            randomness=randomness,
            session_lifetime=timedelta(seconds=settings.limits.session_ttl_seconds),
            abandon_after=abandon_after,
            is_development=settings.is_dev,
        ),
        read_session=ReadSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        cancel_session=CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=abandon_after),
        check_readiness=CheckReadiness(
            store=store,
            blobs=blobs,
            core=core,
            required_missing=models.required_missing,
            optional_missing=models.optional_missing,
        ),
        links=make_links(settings, clock),
        signer=make_signer(settings),
        randomness=randomness,
        public_url=settings.public_url,
        max_body_bytes=settings.limits.max_body_bytes,
    )


def make_links(settings: Settings, clock: SystemClock) -> SignedTokens:
    """Needs the secret keys."""
    return SignedTokens(settings.secret_keys, clock, settings.limits.upload_ticket_seconds)


def make_signer(settings: Settings) -> Ed25519ResultSigner:
    """Needs the signing keys."""
    return Ed25519ResultSigner({key.key_id: key.key for key in settings.signing_keys}, settings.public_url)
