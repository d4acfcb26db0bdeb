"""Who can be filmed: every clip of the media folder, looked at and cut, one file each in a temporary folder."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.challenge import MIN_KINDS_FOR_VERDICT, ChallengeKind
from app.domain.face import Landmarks
from app.domain.liveness import LIMITS, neutral_of
from app.domain.quality import QualityLimits, still_quality
from app.main import load_models
from app.simulation.clip_performer import Score, cut_score, joined_score, performance_of
from app.simulation.clips import SeenClip, faces_of, find_clips, watch_clip
from app.simulation.movements import values_of
from app.simulation.performance import Performance
from bench.pad.manifest import Entry, is_screen_recording, read_manifest

LIVE_FOLDERS = ("video", "spoof/replay_video")
REPLAY_FOLDER = "spoof/replay_video"
"""Clips in this folder were filmed from a screen where manifest or name says so; the layout's convention."""

PRINTS = "spoof/nuaa"
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})

LOOK_RATE = 10.0
"""Frames a second of the first look; who may be a performer is looked at again."""

FULL_RATE = 30.0
KINDS_WORTH_ANOTHER_LOOK = 2
"""The first look may miss some."""

LONGEST_SECONDS = 60.0
"""No more of a clip is looked at: a minute shows what somebody does, and every frame of it is kept."""

FILE_NAME_MAX = 80


@dataclass(frozen=True)
class Clip:
    """One file of the media folder: `relative` is its path there, `name` what reports call it.

    `identity` says whom it shows: clips that have it in common show the same person.
    """

    path: Path
    relative: str
    name: str
    is_replay: bool
    identity: str


@dataclass(frozen=True)
class Unread:
    """A clip that could not be looked at, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Person:
    """One clip. `performance` moves without jumps, `cuts` are takes cut out of it; None where nobody rests in it.

    `tape` is the clip as it stands, `meshes` the landmarks of the cuts' frames: the resting one under None.
    `outward` is how many frames of each cut pass before the movement begins to return.
    """

    name: str
    is_replay: bool
    portrait: bytes | None = field(repr=False)
    tape: Sequence[bytes] = field(repr=False)
    tape_rate: float
    performance: Performance | None = field(repr=False)
    cuts: Performance | None = field(repr=False)
    meshes: Mapping[ChallengeKind | None, Sequence[Landmarks]] = field(repr=False)
    outward: Mapping[ChallengeKind, int] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """A person as all processes know of it; the rest is in `file`."""

    name: str
    identity: str
    file: Path
    is_replay: bool
    size: tuple[int, int]
    has_portrait: bool
    joined: tuple[ChallengeKind, ...]
    cut: tuple[ChallengeKind, ...]
    able: tuple[ChallengeKind, ...]
    cut_able: tuple[ChallengeKind, ...]

    @property
    def is_performer(self) -> bool:
        """Whether a session can be narrowed to what this person shows, without a jump."""
        return not self.is_replay and len(self.able) >= MIN_KINDS_FOR_VERDICT


def clips_of(media: Path) -> Sequence[Clip]:
    """All clips below the media folder. A name that two of them have becomes the path."""
    found = [path for folder in LIVE_FOLDERS for path in find_clips(media / folder)]
    stems, entries = Counter(path.stem for path in found), read_manifest(media)
    return [_clip(media, path, entries, is_only=stems[path.stem] == 1) for path in found]


def _clip(media: Path, path: Path, entries: Mapping[str, Entry], *, is_only: bool) -> Clip:
    relative = path.relative_to(media).as_posix()
    entry = entries.get(relative, Entry())
    name = _printable(path.stem if is_only else relative)
    is_replay = media / REPLAY_FOLDER in path.parents and is_screen_recording(path.stem, entry.label)
    return Clip(path, relative, name, is_replay, entry.identity or name)


def _printable(name: str) -> str:
    """Names of files need not be text."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def prepare(settings: Settings, folder: Path, clip: Clip) -> Listed | Unread:
    """Look at one clip and write what sessions need of it, or say why that cannot be."""
    try:
        return _prepared(settings, folder, clip)
    except Exception as error:  # noqa: BLE001 (one file of somebody's folder must not stop all others)
        return Unread(clip.name, said(error))


def said(error: BaseException) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _prepared(settings: Settings, folder: Path, clip: Clip) -> Listed:
    pool = LandmarkerPool(load_models(settings).paths["face_landmarker"], 1)
    try:
        seen = watch_clip(clip.path, pool, LOOK_RATE, seconds=LONGEST_SECONDS)
        tape, tape_rate, portrait = [frame.jpeg for frame in seen.frames], seen.frames_per_second, _portrait(seen)
        first = _score(seen)
        if first is not None and len(first.movements) >= KINDS_WORTH_ANOTHER_LOOK:
            seen = watch_clip(clip.path, pool, FULL_RATE, seconds=LONGEST_SECONDS)
    finally:
        pool.close()
    cut, joined = _score(seen), _joined(seen)
    person = Person(
        name=clip.name,
        is_replay=clip.is_replay,
        portrait=seen.frames[joined.portrait].jpeg if joined else portrait,
        tape=tape,
        tape_rate=tape_rate,
        performance=performance_of(seen, joined) if joined else None,
        cuts=performance_of(seen, cut, is_joined=False) if cut else None,
        meshes=_meshes(seen, cut),
        outward=_outward(seen, cut),
    )
    file = folder / file_name(clip)
    file.write_bytes(pickle.dumps(person))
    return Listed(
        name=clip.name,
        identity=clip.identity,
        file=file,
        is_replay=clip.is_replay,
        size=(seen.width, seen.height),
        has_portrait=person.portrait is not None,
        joined=tuple(person.performance.movements) if person.performance else (),
        cut=tuple(person.cuts.movements) if person.cuts else (),
        able=person.performance.kinds() if person.performance else (),
        cut_able=person.cuts.kinds() if person.cuts else (),
    )


def file_name(clip: Clip) -> str:
    """Another one for every path, that any file system takes."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", clip.relative)[-FILE_NAME_MAX:]
    return f"{readable}-{hashlib.sha256(clip.relative.encode(errors='surrogateescape')).hexdigest()[:12]}.pickle"


def prints_of(media: Path) -> Sequence[Path]:
    """Recordings of printed photographs: folders named `print`, one folder a recording."""
    found = sorted((media / PRINTS).rglob("print"))
    folders = [one for folder in found if folder.is_dir() for one in sorted(folder.iterdir()) if one.is_dir()]
    return [one for one in folders if pictures_of(one)]


def pictures_of(folder: Path) -> Sequence[Path]:
    """The single frames of a recording, in their order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file())


@lru_cache(maxsize=4)
def load(file: Path) -> Person:
    """What `prepare` wrote."""
    person = pickle.loads(file.read_bytes())  # noqa: S301 (written by this very run)
    assert isinstance(person, Person)
    return person


def _score(seen: SeenClip) -> Score | None:
    try:
        return cut_score(seen)
    except ValueError:
        return None


def _joined(seen: SeenClip) -> Score | None:
    try:
        return joined_score(seen)
    except ValueError:
        return None


def _portrait(seen: SeenClip) -> bytes | None:
    """The best still of the clip, by the measure that chooses probes."""
    rated = [(still_quality(frame.observation, QualityLimits()) or 0.0, frame.jpeg) for frame in seen.frames]
    best = max(rated, key=lambda one: one[0], default=(0.0, b""))
    return best[1] if best[0] > 0 else None


def _meshes(seen: SeenClip, cut: Score | None) -> Mapping[ChallengeKind | None, Sequence[Landmarks]]:
    if cut is None:
        return {}
    ways: dict[ChallengeKind | None, Sequence[int]] = {None: cut.idle}
    for kind, way in cut.movements.items():
        ways[kind] = [step for step in way if isinstance(step, int)]
    return {
        kind: [face.landmarks for face in (seen.frames[index].face for index in way) if face is not None]
        for kind, way in ways.items()
    }


def _outward(seen: SeenClip, cut: Score | None) -> Mapping[ChallengeKind, int]:
    if cut is None:
        return {}
    neutral, found = neutral_of(faces_of(seen.frames[index] for index in cut.idle)), dict[ChallengeKind, int]()
    for kind, way in cut.movements.items():
        values = values_of([seen.frames[step] for step in way if isinstance(step, int)], kind, neutral)
        far = [place for place, value in enumerate(values) if value >= LIMITS[kind].required]
        found[kind] = max(far, default=len(values) - 1) + 1
    return found
