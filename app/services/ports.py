"""What the use cases need of the world, the store apart, as Protocols; adapters and test fakes implement them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from app.domain.comparison import Candidate, ComparisonScore, FaceTemplate, Template, TemplateFormat
from app.domain.event import Event
from app.domain.face import BgrImage, FaceBox, Observation
from app.domain.frame_signals import FrameSignals
from app.domain.idempotency import IdempotencyPlace, KeptAnswer
from app.domain.organization import (
    KycValidation,
    StoredTemplate,
)
from app.domain.replay import Fingerprints, StoredFingerprints
from app.domain.session import BiometricSession
from app.domain.verdict import ModelIdentity
from app.domain.webhook import Delivery, WebhookEndpoint

Option = TypeVar("Option")


class Clock(Protocol):
    """Wall clock and monotonic clock; tests move both by hand."""

    def now(self) -> datetime:
        """UTC, aware, cut to milliseconds."""

    def monotonic_ms(self) -> int:
        """Milliseconds of a clock that never goes back; only differences mean anything."""


class Randomness(Protocol):
    """The operating system's CSPRNG; tests seed their own."""

    def choose(self, options: Sequence[Option]) -> Option:
        """One of the options, uniformly."""

    def nonce(self) -> str:
        """128 random bits, URL-safe text."""

    def secret(self) -> str:
        """256 random bits, URL-safe text of 43 characters."""

    def object_id(self) -> str:
        """A new UUIDv7."""


class ImageReader(Protocol):
    """Bounded decoding of images that strangers send."""

    def read_frame(self, data: bytes) -> BgrImage:
        """Decode a JPEG video frame, at most 1280×1280 from its header. `InvalidImage` otherwise."""

    def read_image(self, data: bytes) -> BgrImage:
        """Decode JPEG, PNG, WebP or TIFF by content, upright, at most 25 megapixels. `InvalidImage` otherwise."""


class FaceAnalyzer(Protocol):
    """Landmarks, pose, expression and photometry of one frame; keeps no state between frames."""

    def observe(self, image: BgrImage) -> Observation:
        """Analyse one frame; waits for a free landmarker of the pool."""


class FrameSignalReader(Protocol):
    """What a frame's pixels and bytes say beside the face in it."""

    def measure(self, image: BgrImage, data: bytes, observation: Observation) -> FrameSignals:
        """Signals of one decoded frame and the JPEG it came in."""


class PassivePad(Protocol):
    """Passive presentation attack detection by whatever models are present."""

    def score(self, image: BgrImage, box: FaceBox) -> Mapping[str, float]:
        """Model id → probability of a bona fide presentation, 0–1. Empty where no model is present."""

    def models(self) -> Sequence[ModelIdentity]:
        """All models that could take part; `sha256` None for a missing one."""


@dataclass(frozen=True)
class MatchingHealth:
    """Whether the matching core can work, with which models, and why not.

    `template_format` is that of the templates it makes, `calibration` the version of the scale of its scores;
    `dimension` how many numbers one has; None where the core could not be asked, or does not say.
    """

    is_ready: bool
    models: tuple[ModelIdentity, ...]
    reason: str | None = None
    template_format: TemplateFormat | None = None
    calibration: str | None = None
    dimension: int | None = None


class MatchingCore(Protocol):
    """The matching core: one contract, embedded or remote (docs/matching.md).

    Every call raises `MatchingUnavailable` where the core is out of reach, not ready or too busy: nothing is
    lost, the call can be repeated. `MatchingFailed` where it answered, but could not do the work.
    """

    def create_template(self, image: bytes) -> FaceTemplate | None:
        """Template of the largest face, None where there is none. `InvalidImage` for bytes that are no image.

        JPEG, PNG, WebP or TIFF by content. The same bytes give the same template.
        """

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        """The probe's score with each reference, in their order; `MatchingFailed` where formats differ."""

    def search(self, probe: Template, gallery: Mapping[str, Template], limit: int) -> Sequence[Candidate]:
        """The `limit` templates of the gallery (key → template) with the highest scores, the highest first."""

    def health(self) -> MatchingHealth:
        """Readiness and models. Never raises: a core that is out of reach is not ready, and the reason says so."""


@dataclass(frozen=True)
class Rate:
    """How many requests of a kind somebody may make in any minute. `name` is what callers see of it."""

    name: str
    per_minute: int


@dataclass(frozen=True)
class RateStanding:
    """Where somebody stands under a rate: `remaining` requests are left now.

    `opens_in_seconds` is when the next request will be let through if none is made meanwhile: a whole number,
    0 where one would be let through now, else at least 1. `is_allowed` is about the request that was asked for.
    """

    rate: Rate
    is_allowed: bool
    remaining: int
    opens_in_seconds: int


class RateLimiter(Protocol):
    """Counts requests by who makes them. It never fails: a store that is away is stood in for."""

    def hit(self, rate: Rate, who: str) -> RateStanding:
        """Count one more request where the rate allows it. One that is refused is not counted."""

    def look(self, rate: Rate, who: str) -> RateStanding:
        """Whether `hit` would be allowed; counts nothing."""


@dataclass(frozen=True)
class BlobAddress:
    """What a blob is bound to: the authenticated data of its encryption. Swapping two blobs fails."""

    organization_id: str
    entity_id: str
    record_id: str
    kind: str


class BlobStore(Protocol):
    """Encrypted images and templates, a data key per entity wrapped by the master key.

    `put` may write the entity's first key in a transaction of its own: call it before `Store.begin()`.
    """

    def put(self, address: BlobAddress, data: bytes) -> str:
        """Store encrypted and return the blob id. `StoreUnavailable` where it cannot be written."""

    def get(self, blob_id: str, address: BlobAddress) -> bytes:
        """Decrypt. `RecordUnreadable` where the key is missing or the bytes were changed."""

    def delete(self, blob_id: str) -> None:
        """Remove; removing what is gone is no error."""

    def is_ready(self) -> str | None:
        """None where blobs can be written, else the reason."""


class TemplateVault(Protocol):
    """Seals templates under their entity's data key, and opens them again. It stores nothing itself."""

    def seal(self, validation: KycValidation, template: Template, at: datetime) -> StoredTemplate:
        """May write the entity's first key in a transaction of its own: call it before `Store.begin()`."""

    def open(self, sealed: Sequence[StoredTemplate]) -> Sequence[Template | None]:
        """In their order; None where the key is gone or the bytes were changed. One query for all keys."""


class FingerprintVault(Protocol):
    """Seals the replay ledger's fingerprints under their entity's data key, and opens them again."""

    def seal(self, session: BiometricSession, fingerprints: Fingerprints, at: datetime) -> StoredFingerprints:
        """May write the entity's first key in a transaction of its own: call it before `Store.begin()`."""

    def open(self, sealed: Sequence[StoredFingerprints]) -> Sequence[Fingerprints | None]:
        """In their order; None where the key is gone or the bytes were changed. One query for all keys."""


class WebhookSecrets(Protocol):
    """Webhook secrets, derived and not stored."""

    def of(self, organization_id: str) -> Callable[[int], str]:
        """The organization's KYC webhook secrets by the policy version that made them.

        May write the organization's first key in a transaction of its own: call it before `Store.begin()`.
        """

    def of_endpoint(self, organization_id: str, endpoint_id: str) -> Callable[[int], str]:
        """An endpoint's secrets by their `secret_version`. Call it before `Store.begin()` too."""


class AnswerSeal(Protocol):
    """An organization's key for kept answers, taken out of the store once: nothing here asks the store."""

    def fingerprint(self, digest: bytes) -> str:
        """64 hexadecimal digits, the same for the same digest. Without the key nothing can be tried against it."""

    def seal(self, place: IdempotencyPlace, answer: KeptAnswer) -> bytes: ...
    def open(self, place: IdempotencyPlace, sealed: bytes) -> KeptAnswer:
        """`RecordUnreadable` where the bytes were changed, or belong to another place."""


class AnswerVault(Protocol):
    """Seals answers that are kept for idempotency keys. It stores nothing itself."""

    def seal_of(self, organization_id: str) -> AnswerSeal:
        """May write the organization's first key in a transaction of its own: call it before `Store.begin()`."""


class Gallery(Protocol):
    """Templates in memory, one gallery for each organization and mode, for exact search.

    All templates of a gallery are of one format. Threads share it.
    """

    def put(self, organization_id: str, is_test: bool, key: str, template: Template) -> None:
        """Add, or replace the template under this key. ValueError where the gallery is of another format."""

    def remove(self, organization_id: str, is_test: bool, key: str) -> bool:
        """Whether it was there."""

    def search(self, organization_id: str, is_test: bool, probe: Template, limit: int) -> Sequence[Candidate]:
        """The `limit` most similar, the most similar first. `MatchingFailed` for a probe of another format."""


@dataclass(frozen=True)
class PageClaim:
    """What the link of a page says: its hosted session, and the handoff it came by, None on the first device."""

    hosted_session_id: str
    handoff_id: str | None = None


class SessionLinks(Protocol):
    """Signed links and tickets; each purpose has a salt of its own, secrets rotate."""

    def session_token(self, hosted_session_id: str, created_at: datetime) -> str:
        """The same for the same session as long as the signing secret is the same."""

    def read_session_token(self, token: str) -> str | None:
        """Hosted session id, None for a forged one. Expiry is the session's own."""

    def upload_ticket(self, hosted_session_id: str, attempt: int, nonce: str) -> str: ...
    def read_upload_ticket(self, ticket: str) -> tuple[str, int, str] | None:
        """(hosted session id, attempt, nonce), None for a forged or expired one."""

    def handoff_token(self, handoff_id: str, created_at: datetime) -> str:
        """Of the link that a phone opens. It is no session link."""

    def read_handoff_token(self, token: str) -> str | None:
        """Handoff id, None for a forged one. Expiry is the handoff's own."""

    def phone_token(self, hosted_session_id: str, handoff_id: str, created_at: datetime) -> str:
        """Of the session's page on the phone that took the handoff."""

    def read_page_token(self, token: str) -> PageClaim | None:
        """Of the session's page, by either kind of link; None for a forged one."""


class ResultSigner(Protocol):
    """Signs the `result` JWT of the redirect (EdDSA) and publishes its public keys."""

    def sign(self, organization_id: str, session_id: str, status: str, now: datetime) -> str: ...
    def public_keys(self) -> Sequence[Mapping[str, str]]: ...


@dataclass(frozen=True)
class WebhookRequest:
    """One POST to an integrator. `headers` are all but those that HTTP itself needs."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class WebhookOutcome:
    """What became of it. Without a `status_code` there was no answer, and `error` says why in a word of ours.

    `is_refused`: the address may not be called at all, now or later (`app/domain/public_address.py`).
    """

    latency_ms: int
    status_code: int | None = None
    error: str | None = None
    retry_after_seconds: int | None = None
    is_refused: bool = False


class WebhookSender(Protocol):
    def send(self, request: WebhookRequest) -> WebhookOutcome:
        """Never raises for what a receiver or the network does. Ends within the deadline it was made with."""


class EventBodies(Protocol):
    def body(self, event: Event) -> bytes:
        """The envelope as UTF-8 JSON; the same for the same event."""


class WebhookSignatures(Protocol):
    """Secrets and signatures of addresses."""

    def headers(self, delivery: Delivery, endpoint: WebhookEndpoint | None, body: bytes) -> Mapping[str, str]:
        """`X-Webhook-Signature` and the Standard Webhooks headers, as of now.

        Without an endpoint the organization's KYC webhook secret signs, or none where it has none.
        """
