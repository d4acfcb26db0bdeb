"""The matching core, embedded or remote, and the service that has it alone."""

from __future__ import annotations

from dataclasses import dataclass

from app.adapters.images import Images
from app.adapters.photometry import measure_face
from app.adapters.randomness import SystemRandomness
from app.adapters.trusted_proxies import Wsgi
from app.adapters.yunet_detector import YunetDetector
from app.config import Settings
from app.main.models import DETECTOR_MODEL, LoadedModels, load_models, make_images, make_recognizer
from app.matching.client import CoreClient, RemoteSettings
from app.matching.embedded import EmbeddedMatchingCore
from app.matching.http_app import MatchingService, create_matching_app
from app.matching.remote import RemoteMatchingCore
from app.matching.workers import Workers

Core = EmbeddedMatchingCore | RemoteMatchingCore
"""Either, to be closed."""


def make_matching_core(settings: Settings, models: LoadedModels, images: Images) -> Core:
    """The remote core where the settings name one: its models are not loaded here then."""
    return make_remote_core(settings) if settings.matching_url else make_embedded_core(settings, models, images)


def make_embedded_core(settings: Settings, models: LoadedModels, images: Images) -> EmbeddedMatchingCore:
    """The core in this process; without its models it stands, says so, and refuses work."""
    threads = settings.limits.matching_threads
    detector, recognizer = models.paths.get(DETECTOR_MODEL), make_recognizer(models)
    return EmbeddedMatchingCore(
        images,
        YunetDetector(detector) if detector else None,
        None if isinstance(recognizer, str) else recognizer,
        measure_face,
        [models.identity(DETECTOR_MODEL), models.identity(models.recognizer.model_id)],
        Workers(threads, settings.limits.matching_waiting_max),
        recognizer if isinstance(recognizer, str) else None,
    )


def make_remote_core(settings: Settings) -> RemoteMatchingCore:
    """Connects when it is asked. Of several tokens the newest is shown."""
    assert settings.matching_url is not None
    limits = settings.limits
    return RemoteMatchingCore(
        CoreClient(
            RemoteSettings(
                url=settings.matching_url,
                token=settings.matching_tokens[0],
                timeout_seconds=limits.matching_timeout_seconds,
                connect_seconds=limits.matching_connect_seconds,
                retries=limits.matching_retries,
                breaker_failures=limits.matching_breaker_failures,
                breaker_seconds=limits.matching_breaker_seconds,
            )
        )
    )


@dataclass(frozen=True)
class MatchingApplication:
    """The matching service, to be served."""

    core: EmbeddedMatchingCore
    wsgi: Wsgi

    def start(self) -> None:
        """Nothing runs beside the requests."""

    def drain(self) -> None:
        """Whoever waits is told to come back; no connection stays open longer than its request."""
        self.core.drain()

    def close(self) -> None:
        """End the core's threads."""
        self.core.close()


def build_matching_application(settings: Settings) -> MatchingApplication:
    """The embedded core behind HTTP. Call it in the process that serves: models have threads of their own."""
    core = make_embedded_core(settings, load_models(settings), make_images(settings))
    app = create_matching_app(
        MatchingService(
            core=core,
            tokens=settings.matching_tokens,
            randomness=SystemRandomness(),
            max_body_bytes=settings.limits.matching_max_body_bytes,
        )
    )
    return MatchingApplication(core, app.wsgi_app)
