"""A hosted session from the inside: the capture use cases over fakes, and somebody in front of the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

from app.adapters.db.unit_of_work import SqlStore
from app.domain.admission import FrameRates
from app.domain.capture import CaptureRun
from app.domain.capture_events import CaptureEvent
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability, ChallengeKind
from app.domain.face import Observation
from app.domain.organization import Caller
from app.domain.session import BiometricSession, HostedSession
from app.domain.verdict import ModelIdentity
from app.services.attempts import AttemptLedger
from app.services.cancel_session import CancelSession
from app.services.capture_view import CaptureView, OutcomePresenter
from app.services.decide_capture import DecideCapture
from app.services.frame_traffic import FrameTraffic
from app.services.keep_capture import KeepCapture, Kept
from app.services.live_capture import LiveCapture, LiveCaptures
from app.services.observe_frame import (
    AnswerLight,
    BeginAlignment,
    FrameHeader,
    FrameLimits,
    FrameResult,
    InterruptCapture,
    ObserveFrame,
    SwapChallenge,
)
from app.services.record_consent import ConsentText, RecordConsent
from app.services.replay_ledger import ReplayLedger
from app.services.start_capture import ReadCapture, StartCapture
from app.services.withdraw import Withdraw
from tests.builders import PORTRAIT_BYTES, Builder, add_organization, caller_of
from tests.faces import RESTING, Face, Motion, seen
from tests.fakes import (
    FakeClock,
    FakeFingerprintVault,
    FakeFrameSignals,
    FakeImages,
    FakeMatchingCore,
    FakePad,
    FakeSigner,
    FakeTemplateVault,
    MemoryBlobStore,
    ScriptedAnalyzer,
    SeededRandomness,
    face_of,
)
from tests.searching import search_probe

ABANDON_AFTER = timedelta(minutes=15)
LEDGER_RETENTION = timedelta(days=30)
PAGE = "page-1"
TEXT = ConsentText(version="1", sha256="ab" * 32, language="en")
PAD_MODEL = ModelIdentity("pad", "0" * 64)


known_face = cache(face_of)


STRANGER = b"somebody else"


@dataclass
class Studio:
    """One organization, one enrolled person, one session. `person` is whose face the camera sees.

    Frames of which `is_attack` is true look like an attack to passive PAD; where `is_stranger` is true they show
    somebody else.
    """

    store: SqlStore
    clock: FakeClock
    randomness: SeededRandomness
    blobs: MemoryBlobStore
    session: BiometricSession
    caller: Caller
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)
    images: FakeImages = field(default_factory=FakeImages)
    analyzer: ScriptedAnalyzer = field(default_factory=lambda: ScriptedAnalyzer([]))
    pad: FakePad = field(default_factory=lambda: FakePad({PAD_MODEL.name: 0.95}, {PAD_MODEL.name: 0.05}))
    live: LiveCaptures = field(default_factory=LiveCaptures)
    person: bytes = PORTRAIT_BYTES
    is_attack: Callable[[Face | Observation | None], bool] = lambda _: False
    is_stranger: Callable[[Face | Observation | None], bool] = lambda _: False
    seq: int = 0
    events: list[CaptureEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        store, clock, randomness, live = self.store, self.clock, self.randomness, self.live
        self.traffic = FrameTraffic(2, FrameRates(10, 8), clock)
        presenter = OutcomePresenter(signer=FakeSigner(), clock=clock)
        ledger = AttemptLedger(
            store=store, blobs=self.blobs, clock=clock, randomness=randomness, capture_models=[PAD_MODEL]
        )
        self.read_capture = ReadCapture(
            store=store,
            clock=clock,
            randomness=randomness,
            presenter=presenter,
            live=live,
            abandon_after=ABANDON_AFTER,
        )
        self.start_capture = StartCapture(
            store=store,
            clock=clock,
            randomness=randomness,
            presenter=presenter,
            live=live,
            ledger=ledger,
            read_capture=self.read_capture,
        )
        self.record_consent = RecordConsent(store=store, clock=clock, randomness=randomness, live=live)
        self.begin_alignment = BeginAlignment(
            store=store, clock=clock, ledger=ledger, live=live, traffic=self.traffic
        )
        self.interrupt_capture = InterruptCapture(clock=clock, ledger=ledger, live=live, traffic=self.traffic)
        self.swap_challenge = SwapChallenge(clock=clock, live=live)
        self.answer_light = AnswerLight(clock=clock, live=live, traffic=self.traffic)
        self.observe_frame = ObserveFrame(
            images=self.images,
            analyzer=self.analyzer,
            signals=FakeFrameSignals(),
            pad=self.pad,
            ledger=ledger,
            store=store,
            clock=clock,
            live=live,
            limits=FrameLimits(),
            traffic=self.traffic,
        )
        self.keep_capture = KeepCapture(
            store=store,
            blobs=self.blobs,
            images=self.images,
            analyzer=self.analyzer,
            pad=self.pad,
            capture_models=[PAD_MODEL],
            ledger=ledger,
            replays=ReplayLedger(
                store=store, vault=FakeFingerprintVault(), clock=clock, retention=LEDGER_RETENTION
            ),
            clock=clock,
            randomness=randomness,
            live=live,
        )
        self.decide_capture = DecideCapture(
            store=store,
            blobs=self.blobs,
            vault=FakeTemplateVault(),
            core=self.core,
            search=search_probe(store, self.blobs, self.core, clock),
            clock=clock,
            randomness=randomness,
        )
        self.withdraw = Withdraw(store=store, clock=clock, randomness=randomness, live=live)
        self.cancel = CancelSession(store=store, clock=clock, randomness=randomness, abandon_after=ABANDON_AFTER)

    # What the page does

    def hello(
        self, page_id: str = PAGE, avoid: Iterable[Ability] = (), *, has_more_time: bool = False
    ) -> CaptureView:
        return self.start_capture(self.hosted_id, page_id=page_id, avoid=avoid, has_more_time=has_more_time)

    def consent(self) -> bool:
        return self.record_consent.accept(self.hosted_id, TEXT)

    def camera(self, page_id: str = PAGE, signals: Iterable[str] = ()) -> list[CaptureEvent] | None:
        events = self.begin_alignment(self.hosted_id, page_id, list(signals))
        return None if events is None else list(events)

    def send(self, data: bytes, page_id: str = PAGE, **header: Any) -> FrameResult:
        """One frame as it comes over the wire; header fields that are not given are right."""
        self.seq += 1
        live = self.live.get(self.hosted_id)
        standing = live.run.challenge.challenge_id if live and live.run.challenge else None
        right = FrameHeader(
            seq=live.order.next_seq if live else self.seq,
            captured_at_ms=self.clock.monotonic_ms() + self.seq / 1_000,
            challenge_id=standing,
            nonce=(live.run.frame_nonce if live else None) or "",
        )
        result = self.observe_frame(self.hosted_id, page_id, replace(right, **header), data)
        self.events += result.events
        return result

    def show(self, frame: Face | Observation | None = RESTING, *, after_ms: int = 100) -> FrameResult:
        """One frame of what the camera sees."""
        self.clock.advance(milliseconds=after_ms)
        self.analyzer.observations = [frame if isinstance(frame, Observation) else seen(frame)]
        data = self.picture(f"frame {self.seq}", STRANGER if self.is_stranger(frame) else None)
        if self.is_attack(frame):
            self.images.attacks.add(data)
        return self.send(data)

    def hold(self, frame: Face | Observation | None, ms: int, *, every_ms: int = 100) -> FrameResult:
        """The same frame for so long, or until the attempt or the session is over."""
        result = self.show(frame, after_ms=every_ms)
        for _ in range(ms // every_ms - 1):
            if result.refusal or result.ended or self.run_of().phase is CapturePhase.STOPPED:
                break
            result = self.show(frame, after_ms=every_ms)
        return result

    def picture(self, name: str, person: bytes | None = None) -> bytes:
        """The bytes of a picture of the person; the matching core knows who that is."""
        whose = self.person if person is None else person
        data = f"{name} of {whose.decode()}".encode()
        self.core.faces[data] = known_face(whose)
        return data

    def again(self, **session: Any) -> Studio:
        """Another session of the same person at the same time, once this one is over."""
        assert self.withdraw(self.hosted_id) or self.stored()[0].status.is_terminal
        with self.store.begin() as uow:
            entity = uow.entities.get(self.session.organization_id, self.session.is_test, self.session.entity_id)
            assert entity is not None
            opened, hosted = Builder(self.randomness).session(entity, **session)
            uow.sessions.add(opened, hosted)
            uow.commit()
        return replace(self, session=opened, live=LiveCaptures(), seq=0, events=[])

    # Whole stretches

    def ready(self, **hello: Any) -> Studio:
        """Hello and consent; the camera is about to start."""
        self.hello(**hello)
        assert self.consent()
        return self

    def align(self) -> Studio:
        """Camera, and rest until something is asked."""
        assert self.camera() is not None
        while self.run_of().phase is CapturePhase.ALIGN:
            assert self.show().refusal is None
        return self

    def obey(self) -> FrameResult:
        """Do what is asked."""
        asked = self.run_of().challenge
        assert asked is not None
        return self.perform(asked.kind)

    def perform(self, kind: ChallengeKind) -> FrameResult:
        """Move until the challenge that stands is over."""
        asked, result = self.run_of().challenge, FrameResult()
        # Nobody is a clock: every prompt is followed after another while.
        rest_ms = 300 + 200 * (asked.index % 3 if asked else 0)
        for _, face in Motion(kind, rest_ms=rest_ms, hold_ms=1_000).frames(10):
            result = self.show(face)
            live = self.live.get(self.hosted_id)
            if live is None or live.run.challenge is not asked:
                break
        return result

    def fail(self) -> FrameResult:
        """Perform something else, held long enough to be wrong."""
        asked = self.run_of().challenge
        assert asked is not None
        wrong = ChallengeKind.LOOK_UP if asked.kind is not ChallengeKind.LOOK_UP else ChallengeKind.TURN_LEFT
        return self.perform(wrong)

    def pass_all(self) -> Studio:
        """Obey until a still is wanted."""
        while self.run_of().challenge is not None:
            self.obey()
        return self

    def up_to_still(self) -> Studio:
        """The whole way to the still."""
        return self.ready().align().pass_all()

    def keep(
        self,
        still: bytes | None = None,
        *,
        attempt: int | None = None,
        nonce: str | None = None,
        frame: Observation | None = None,
    ) -> Kept:
        """Upload the still with its ticket's claims; what is not given is right."""
        live = self.live_capture()
        self.analyzer.observations = [frame or seen()]
        return self.keep_capture(
            self.hosted_id,
            live.attempts_used if attempt is None else attempt,
            live.run.nonce if nonce is None else nonce,
            self.picture("still") if still is None else still,
        )

    def decide(self) -> BiometricSession | None:
        return self.decide_capture(self.hosted_id)

    # What stands in the store and in memory

    @property
    def hosted_id(self) -> str:
        return self.session.hosted_session_id

    def stored(self) -> tuple[BiometricSession, HostedSession]:
        with self.store.read() as uow:
            found = uow.sessions.by_hosted_id(self.hosted_id)
        assert found is not None
        return found

    def audit(self) -> list[str]:
        """What the audit trail says happened, in order."""
        with self.store.read() as uow:
            return [entry.action for entry in uow.audit.of_organization(self.session.organization_id)]

    def live_capture(self) -> LiveCapture:
        live = self.live.get(self.hosted_id)
        assert live is not None
        return live

    def run_of(self) -> CaptureRun:
        return self.live_capture().run


def make_studio(store: SqlStore, *, settings: dict[str, Any] | None = None, **session: Any) -> Studio:
    """`settings` are the organization's, `session` what the integrator asked for."""
    randomness, blobs = SeededRandomness(), MemoryBlobStore()
    build = Builder(randomness)
    organization = add_organization(store, build.organization(**(settings or {})))
    entity = build.enrolled(store, blobs, organization)
    opened, hosted = build.session(entity, **session)
    with store.begin() as uow:
        uow.sessions.add(opened, hosted)
        uow.commit()
    return Studio(store, FakeClock(), randomness, blobs, opened, caller_of(organization))
