"""Fakes of the ports: deterministic, in memory, moved by hand."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import numpy as np

from app.domain.comparison import (
    Calibration,
    Candidate,
    ComparisonScore,
    FaceTemplate,
    Template,
    TemplateFormat,
)
from app.domain.errors import (
    InvalidImage,
    MatchingFailed,
    MatchingUnavailable,
    RecordUnreadable,
    StoreUnavailable,
)
from app.domain.face import BgrImage, FaceBox, Observation
from app.domain.frame_signals import NOISE_SIDE, THUMBNAIL_SIZE, FrameSignals
from app.domain.organization import KycValidation, StoredTemplate
from app.domain.replay import Fingerprints, StoredFingerprints
from app.domain.session import BiometricSession
from app.domain.verdict import ModelIdentity
from app.services.ports import BlobAddress, MatchingHealth, PageClaim, Rate, RateStanding
from tests.skins import living_skin_of

EPOCH = datetime(2026, 6, 19, 14, 40, tzinfo=UTC)
FAKE_FORMAT = TemplateFormat("fake-model", "1")
FAKE_DIMENSION = 128
FAKE_CALIBRATION = Calibration("fake-1", (-1.0, 0.0, 0.375, 1.0), (0.0, 0.0, 30.0, 100.0))


@dataclass
class FakeClock:
    """Stands still until it is told to move."""

    at: datetime = EPOCH
    ms: int = 0

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> int:
        return self.ms

    def advance(self, **how_far: float) -> None:
        """Both clocks; arguments as of `timedelta`."""
        step = timedelta(**how_far)
        self.at += step
        self.ms += round(step.total_seconds() * 1000)


Option = TypeVar("Option")


class SeededRandomness:
    """The same numbers in every run. Ids grow, as UUIDv7 do."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._counter = itertools.count((seed << 32) + 1)

    def choose(self, options: Sequence[Option]) -> Option:
        return self._random.choice(options)

    def nonce(self) -> str:
        return f"nonce-{next(self._counter):016x}"

    def secret(self) -> str:
        return hashlib.sha256(f"{next(self._counter)}".encode()).hexdigest()[:43]

    def object_id(self) -> str:
        return str(UUID(int=(0x0190_0000_0000_7000_8000 << 48) | next(self._counter)))


@dataclass
class FakeRateLimiter:
    """Remembers every request for a minute."""

    clock: FakeClock
    hits: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def hit(self, rate: Rate, who: str) -> RateStanding:
        is_allowed = self.look(rate, who).is_allowed
        if is_allowed:
            self.hits.setdefault((rate.name, who), []).append(self.clock.ms)
        return replace(self.look(rate, who), is_allowed=is_allowed)

    def look(self, rate: Rate, who: str) -> RateStanding:
        counted = [at for at in self.hits.get((rate.name, who), []) if self.clock.ms - at < 60_000]
        remaining = rate.per_minute - len(counted)
        opens_in = 0 if remaining else (counted[0] + 60_000 - self.clock.ms + 999) // 1000
        return RateStanding(rate, remaining > 0, remaining, opens_in)


@dataclass
class FakeMatchingCore:
    """Finds the face that `faces` holds for the image's bytes; without an entry, one good face of its own.

    Templates are of `template_format`, whatever `faces` says. It fails on `puzzling` images.
    """

    faces: dict[bytes, FaceTemplate | None] = field(default_factory=dict)
    broken: set[bytes] = field(default_factory=set)
    puzzling: set[bytes] = field(default_factory=set)
    template_format: TemplateFormat = FAKE_FORMAT
    is_away: bool = False
    templates_made: int = 0

    def create_template(self, image: bytes) -> FaceTemplate | None:
        if self.is_away:
            raise MatchingUnavailable("the matching core is away")
        if image in self.broken:
            raise InvalidImage("The image is broken.")
        if image in self.puzzling:
            raise MatchingFailed("The face could not be described.")
        self.templates_made += 1
        face = self.faces[image] if image in self.faces else face_of(image)
        return face and replace(face, template=Template(self.template_format, face.template.vector))

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        if self.is_away:
            raise MatchingUnavailable("the matching core is away")
        try:
            return [FAKE_CALIBRATION.score(probe.cosine(reference)) for reference in references]
        except ValueError as error:
            raise MatchingFailed("The templates cannot be compared.") from error

    def search(self, probe: Template, gallery: Mapping[str, Template], limit: int) -> Sequence[Candidate]:
        scores = self.compare(probe, list(gallery.values()))
        found = [Candidate(key, score) for key, score in zip(gallery, scores, strict=True)]
        return sorted(found, key=lambda candidate: -candidate.score.value)[:limit]

    def health(self) -> MatchingHealth:
        reason = "away" if self.is_away else None
        return MatchingHealth(
            not self.is_away,
            (ModelIdentity(self.template_format.model_id, "0" * 64),),
            reason,
            None if self.is_away else self.template_format,
            None if self.is_away else FAKE_CALIBRATION.version,
            None if self.is_away else FAKE_DIMENSION,
        )


def face_of(
    image: bytes,
    *,
    width: float = 200,
    second_face_ratio: float = 0,
    template_format: TemplateFormat = FAKE_FORMAT,
) -> FaceTemplate:
    """A face whose template depends on nothing but the bytes."""
    seed = int.from_bytes(hashlib.sha256(image).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=FAKE_DIMENSION).astype(np.float32)
    return FaceTemplate(
        template=Template(template_format, vector / np.float32(np.linalg.norm(vector))),
        box=FaceBox(10, 10, width, width * 1.3),
        interocular_px=width / 2,
        sharpness=100,
        second_face_ratio=second_face_ratio,
    )


@dataclass
class MemoryBlobStore:
    """Keeps blobs in clear, but as strictly bound to their address as the real one."""

    blobs: dict[str, tuple[BlobAddress, bytes]] = field(default_factory=dict)
    is_read_only: bool = False

    def put(self, address: BlobAddress, data: bytes) -> str:
        if self.is_read_only:
            raise StoreUnavailable("the blob store cannot be written")
        blob_id = f"{len(self.blobs):032x}"
        self.blobs[blob_id] = (address, data)
        return blob_id

    def get(self, blob_id: str, address: BlobAddress) -> bytes:
        bound_to, data = self.blobs.get(blob_id, (None, b""))
        if bound_to != address:
            raise RecordUnreadable("no such blob under this address")
        return data

    def delete(self, blob_id: str) -> None:
        self.blobs.pop(blob_id, None)

    def is_ready(self) -> str | None:
        return "the blob store cannot be written" if self.is_read_only else None


class FakeTemplateVault:
    """Seals in clear, but as strictly bound as the real one. It keeps nothing: one opens what another sealed."""

    def seal(self, validation: KycValidation, template: Template, at: datetime) -> StoredTemplate:
        sealed = StoredTemplate(
            validation_id=validation.validation_id,
            organization_id=validation.organization_id,
            entity_id=validation.entity_id,
            is_test=validation.is_test,
            model_id=template.format.model_id,
            model_version=template.format.version,
            sealed=b"",
            created_at=at,
        )
        return replace(sealed, sealed=_bound_to(sealed) + template.vector.astype("<f4").tobytes())

    def open(self, sealed: Sequence[StoredTemplate]) -> Sequence[Template | None]:
        return [self._opened(one) for one in sealed]

    def _opened(self, stored: StoredTemplate) -> Template | None:
        bound_to = _bound_to(stored)
        if not stored.sealed.startswith(bound_to):
            return None
        return Template(stored.template_format, np.frombuffer(stored.sealed[len(bound_to) :], dtype="<f4"))


class FakeFingerprintVault:
    """As `FakeTemplateVault`, for the replay ledger."""

    def seal(self, session: BiometricSession, fingerprints: Fingerprints, at: datetime) -> StoredFingerprints:
        names = (session.session_id, session.organization_id, session.entity_id)
        sealed = _names(*names) + fingerprints.astype("<u8").tobytes()
        return StoredFingerprints(*names, session.is_test, sealed, at)

    def open(self, sealed: Sequence[StoredFingerprints]) -> Sequence[Fingerprints | None]:
        return [self._opened(one) for one in sealed]

    def _opened(self, stored: StoredFingerprints) -> Fingerprints | None:
        bound_to = _names(stored.session_id, stored.organization_id, stored.entity_id)
        if not stored.sealed.startswith(bound_to):
            return None
        return np.frombuffer(stored.sealed[len(bound_to) :], dtype="<u8").astype(np.uint64)


def _names(*names: str) -> bytes:
    return json.dumps(names).encode("utf-8")


def _bound_to(stored: StoredTemplate) -> bytes:
    names = (stored.organization_id, stored.entity_id, stored.validation_id, stored.model_id, stored.model_version)
    return json.dumps(names).encode("utf-8")


@dataclass
class FakeImages:
    """Every image is grey and 640×480, unless its bytes are called broken; those of `attacks` are black."""

    broken: set[bytes] = field(default_factory=set)
    attacks: set[bytes] = field(default_factory=set)

    def read_frame(self, data: bytes) -> BgrImage:
        return self.read_image(data)

    def read_image(self, data: bytes) -> BgrImage:
        if data in self.broken:
            raise InvalidImage("The image is broken.")
        return np.full((480, 640, 3), 0 if data in self.attacks else 128, dtype=np.uint8)


@dataclass
class ScriptedAnalyzer:
    """Gives the observations it was handed, in order, then the last one again; no two as still as a picture."""

    observations: list[Observation]
    looks: int = 0

    def observe(self, image: BgrImage) -> Observation:
        height, width = image.shape[:2]
        if not self.observations:
            return Observation(width, height, face=None, second_face_ratio=0, luma=float(image.mean()))
        self.looks += 1
        return _trembling(
            self.observations.pop(0) if len(self.observations) > 1 else self.observations[0], self.looks
        )


def _trembling(observation: Observation, look: int) -> Observation:
    """The landmarks a third of a pixel off, as a living face and a landmarker's noise put them."""
    face = observation.face
    if face is None:
        return observation
    off = np.random.default_rng(look).normal(0, 0.3, face.landmarks.shape).astype(np.float32)
    return replace(observation, face=replace(face, landmarks=face.landmarks + off))


@dataclass
class FakePad:
    """Gives the same probabilities for every face, but `of_attacks` in black images."""

    probabilities: Mapping[str, float] = field(default_factory=dict)
    of_attacks: Mapping[str, float] = field(default_factory=dict)

    def score(self, image: BgrImage, box: FaceBox) -> Mapping[str, float]:
        assert image.size
        assert box.width > 0
        return dict(self.probabilities if image.any() else self.of_attacks)

    def models(self) -> Sequence[ModelIdentity]:
        return [ModelIdentity(name, "0" * 64) for name in self.probabilities]


class FakeFrameSignals:
    """Signals of a frame in which nothing changes but its number, and the skin of a face that moves."""

    def measure(self, image: BgrImage, data: bytes, observation: Observation) -> FrameSignals:
        return FrameSignals(
            digest=hashlib.blake2b(data, digest_size=16).digest(),
            fingerprint=int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big"),
            thumbnail=np.full(THUMBNAIL_SIZE, 128, np.uint8),
            texture=living_skin_of(observation.face) if observation.face else None,
            skin=None,
            surroundings=(128.0, 128.0, 128.0),
            noise=np.full((NOISE_SIDE, NOISE_SIDE), 128, np.uint8),
            jpeg="fake",
        )


@dataclass
class FakeSigner:
    """Readable instead of signed."""

    def sign(self, organization_id: str, session_id: str, status: str, now: datetime) -> str:
        return f"{organization_id}.{session_id}.{status}.{int(now.timestamp())}"

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        return [{"kid": "fake"}]


class FakeLinks:
    """Readable instead of signed; an upload ticket never expires."""

    def session_token(self, hosted_session_id: str, created_at: datetime) -> str:
        return f"link-{hosted_session_id}-{int(created_at.timestamp())}"

    def read_session_token(self, token: str) -> str | None:
        return token[len("link-") :].rpartition("-")[0] if token.startswith("link-") else None

    def upload_ticket(self, hosted_session_id: str, attempt: int, nonce: str) -> str:
        return f"ticket/{hosted_session_id}/{attempt}/{nonce}"

    def read_upload_ticket(self, ticket: str) -> tuple[str, int, str] | None:
        parts = ticket.split("/")
        if len(parts) != 4 or parts[0] != "ticket":
            return None
        return parts[1], int(parts[2]), parts[3]

    def handoff_token(self, handoff_id: str, created_at: datetime) -> str:
        return f"handoff-{handoff_id}"

    def read_handoff_token(self, token: str) -> str | None:
        return token[len("handoff-") :] if token.startswith("handoff-") else None

    def phone_token(self, hosted_session_id: str, handoff_id: str, created_at: datetime) -> str:
        return f"phone/{hosted_session_id}/{handoff_id}"

    def read_page_token(self, token: str) -> PageClaim | None:
        if token.startswith("phone/"):
            _, of_phone, handoff_id = token.split("/")
            return PageClaim(of_phone, handoff_id)
        hosted_session_id = self.read_session_token(token)
        return PageClaim(hosted_session_id) if hosted_session_id else None
