"""Use cases behind the capture page and its socket."""

from __future__ import annotations

from datetime import timedelta

from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.passive_pad import PAD_MODELS, PassivePadModels
from app.config import Settings
from app.domain.admission import FrameRates
from app.hosted import protocol
from app.hosted.origins import origin_of
from app.hosted.services import HostedServices
from app.main.infrastructure import (
    Infrastructure,
    make_fingerprint_vault,
    make_links,
    make_signer,
    make_template_vault,
)
from app.main.models import LANDMARKER_MODEL, LoadedModels
from app.services.attempts import AttemptLedger
from app.services.capture_view import OutcomePresenter
from app.services.decide_capture import DecideCapture
from app.services.frame_traffic import FrameTraffic
from app.services.handoff import make_handoffs
from app.services.keep_capture import KeepCapture
from app.services.keep_logo import ReadLogo
from app.services.live_capture import LiveCaptures
from app.services.observe_frame import (
    AnswerLight,
    BeginAlignment,
    FrameLimits,
    InterruptCapture,
    ObserveFrame,
    SwapChallenge,
)
from app.services.ports import FaceAnalyzer, ImageReader, MatchingCore
from app.services.record_consent import RecordConsent
from app.services.replay_ledger import ReplayLedger
from app.services.search_probe import SearchProbe
from app.services.start_capture import ReadCapture, StartCapture
from app.services.withdraw import Withdraw


def make_capture_services(
    settings: Settings,
    infrastructure: Infrastructure,
    models: LoadedModels,
    images: ImageReader,
    analyzer: FaceAnalyzer,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
    search: SearchProbe,
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
    pad = PassivePadModels(pad_paths, limits.landmarker_pool_size)
    presenter = OutcomePresenter(signer=make_signer(settings), clock=clock)
    ledger = AttemptLedger(
        store=store, blobs=blobs, clock=clock, randomness=randomness, capture_models=capture_models
    )
    frame_limits = FrameLimits(limits.frame_max_bytes, limits.frames_per_second_max)
    rates = FrameRates(protocol.FRAMES_PER_SECOND, limits.frames_per_second_min)
    traffic = FrameTraffic(limits.landmarker_pool_size, rates, clock)
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
            ledger=ledger,
            read_capture=read_capture,
        ),
        record_consent=RecordConsent(store=store, clock=clock, randomness=randomness, live=live),
        begin_alignment=BeginAlignment(store=store, clock=clock, ledger=ledger, live=live, traffic=traffic),
        interrupt_capture=InterruptCapture(clock=clock, ledger=ledger, live=live, traffic=traffic),
        observe_frame=ObserveFrame(
            images=images,
            analyzer=analyzer,
            signals=FrameSignalMeter(),
            pad=pad,
            ledger=ledger,
            store=store,
            clock=clock,
            live=live,
            limits=frame_limits,
            traffic=traffic,
        ),
        swap_challenge=SwapChallenge(clock=clock, live=live),
        answer_light=AnswerLight(clock=clock, live=live, traffic=traffic),
        keep_capture=KeepCapture(
            store=store,
            blobs=blobs,
            images=images,
            analyzer=analyzer,
            pad=pad,
            capture_models=capture_models,
            ledger=ledger,
            replays=ReplayLedger(
                store=store,
                vault=make_fingerprint_vault(settings, infrastructure),
                clock=clock,
                retention=timedelta(days=limits.replay_ledger_days),
            ),
            clock=clock,
            randomness=randomness,
            live=live,
        ),
        decide_capture=DecideCapture(
            store=store,
            blobs=blobs,
            vault=make_template_vault(settings, infrastructure),
            core=core,
            search=search,
            clock=clock,
            randomness=randomness,
        ),
        withdraw=Withdraw(store=store, clock=clock, randomness=randomness, live=live),
        handoffs=make_handoffs(store, clock, randomness, read_capture, timedelta(seconds=limits.handoff_seconds)),
        read_logo=ReadLogo(store=store, blobs=blobs),
        presenter=presenter,
        links=make_links(settings, clock),
        live=live,
        clock=clock,
        frame_limits=frame_limits,
        traffic=traffic,
        max_sockets=limits.max_capture_sockets,
        image_max_bytes=limits.image_max_bytes,
        public_url=settings.public_url,
        public_origin=origin_of(settings.public_url) or settings.public_url,
        is_development=settings.is_dev,
        is_able=not models.required_missing,
    )
