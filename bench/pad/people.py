"""Who can be filmed: every clip of the media folder, looked at and cut, one file each in a temporary folder."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.config import Settings
from app.domain.challenge import MIN_KINDS_FOR_VERDICT, ChallengeKind
from app.domain.face import Landmarks
from app.domain.quality import QualityLimits, still_quality
from app.main import load_models
from app.simulation.clip_performer import Score, cut_score, joined_score, performance_of
from app.simulation.clips import SeenClip, find_clips, watch_clip
from app.simulation.performance import Performance

LIVE_FOLDERS = ("video", "spoof/replay_video")
REPLAY_FOLDER, REPLAY_SUFFIX = "spoof/replay_video", "_replay"
"""A clip in this folder whose name ends so was filmed from a screen; the layout's convention."""

LOOK_RATE = 10.0
"""Frames a second of the first look; who may be a performer is looked at again."""

FULL_RATE = 30.0
KINDS_WORTH_ANOTHER_LOOK = 2
"""The first look may miss some."""


@dataclass(frozen=True)
class Person:
    """One clip. `performance` moves without jumps, `cuts` are takes cut out of it; None where nobody rests in it.

    `tape` is the clip as it stands, `meshes` the landmarks of the cuts' frames: the resting one under None.
    `kinds` are the movements with and without joins, for the report.
    """

    name: str
    is_replay: bool
    portrait: bytes | None = field(repr=False)
    tape: Sequence[bytes] = field(repr=False)
    tape_rate: float
    performance: Performance | None = field(repr=False)
    cuts: Performance | None = field(repr=False)
    meshes: Mapping[ChallengeKind | None, Sequence[Landmarks]] = field(repr=False)


@dataclass(frozen=True)
class Listed:
    """A person as all processes know of it; the rest is in `file`."""

    name: str
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


def clips_of(media: Path) -> Sequence[tuple[Path, bool]]:
    """Clips and whether each was filmed from a screen."""
    found = [path for folder in LIVE_FOLDERS for path in find_clips(media / folder)]
    return [(path, media / REPLAY_FOLDER in path.parents and path.stem.endswith(REPLAY_SUFFIX)) for path in found]


def prepare(settings: Settings, clip: Path, is_replay: bool, folder: Path) -> Listed | None:
    """Look at one clip and write what sessions need of it. None for a file that no frame can be read of."""
    pool = LandmarkerPool(load_models(settings).paths["face_landmarker"], 1)
    try:
        seen = watch_clip(clip, pool, LOOK_RATE)
        tape, tape_rate, portrait = [frame.jpeg for frame in seen.frames], seen.frames_per_second, _portrait(seen)
        first = _score(seen)
        if first is not None and len(first.movements) >= KINDS_WORTH_ANOTHER_LOOK:
            seen = watch_clip(clip, pool, FULL_RATE)
    except ValueError:
        return None
    finally:
        pool.close()
    cut, joined = _score(seen), _joined(seen)
    person = Person(
        name=clip.stem,
        is_replay=is_replay,
        portrait=seen.frames[joined.portrait].jpeg if joined else portrait,
        tape=tape,
        tape_rate=tape_rate,
        performance=performance_of(seen, joined) if joined else None,
        cuts=performance_of(seen, cut, is_joined=False) if cut else None,
        meshes=_meshes(seen, cut),
    )
    file = folder / f"{clip.parent.name}-{clip.stem}.pickle"
    file.write_bytes(pickle.dumps(person))
    return Listed(
        name=clip.stem,
        file=file,
        is_replay=is_replay,
        size=(seen.width, seen.height),
        has_portrait=person.portrait is not None,
        joined=tuple(person.performance.movements) if person.performance else (),
        cut=tuple(person.cuts.movements) if person.cuts else (),
        able=person.performance.kinds() if person.performance else (),
        cut_able=person.cuts.kinds() if person.cuts else (),
    )


@lru_cache(maxsize=8)
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
