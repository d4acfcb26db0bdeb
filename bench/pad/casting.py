"""Who is in a media folder: its clips, looked at in processes of their own, and kept for the next run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnContext
from pathlib import Path

import cv2

from bench.pad.people import Clip, Listed, Unread, clips_of, prepare, said
from bench.pad.studio import bench_settings

Look = Callable[[Clip], Listed | Unread]
DIED = "the process that looked at it died"


@dataclass(frozen=True)
class Cast:
    """Everybody who was found. `unknown` are names that were asked for and belong to no clip."""

    people: Sequence[Listed]
    unread: Sequence[Unread]
    unknown: Sequence[str] = ()


def quiet() -> None:
    """Processes share the cores; MediaPipe speaks to standard error."""
    cv2.setNumThreads(1)
    os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 (its own spelling)


def cast(media: Path, names: Sequence[str] | None, folder: Path, workers: int, context: SpawnContext) -> Cast:
    """Look at the clips, or take what another run on the very same ones has left in the folder."""
    clips = [clip for clip in clips_of(media) if not names or not set(names).isdisjoint(_called(clip))]
    own = folder.resolve() / key_of(media, names, clips)
    kept = own / "people.pickle"
    found = _kept(kept)
    if found is None:
        own.mkdir(parents=True, exist_ok=True)
        found = look_at(clips, partial(prepare, bench_settings(own), own), workers, context)
        _keep(kept, found)
    known = {name for clip in clips for name in _called(clip)}
    unknown = [name for name in names or () if name not in known]
    people = [one for one in found if isinstance(one, Listed)]
    return Cast(people, [one for one in found if isinstance(one, Unread)], unknown)


def _called(clip: Clip) -> Sequence[str]:
    return clip.name, clip.path.stem, clip.relative


def key_of(media: Path, names: Sequence[str] | None, clips: Sequence[Clip]) -> str:
    """Another one for other media, other people, and clips that have changed."""
    stats = [(clip, clip.path.stat()) for clip in clips]
    files = [
        (clip.relative, clip.identity, clip.is_replay, stat.st_size, stat.st_mtime_ns) for clip, stat in stats
    ]
    document = json.dumps([str(media.resolve()), sorted(set(names or ())), files])
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def look_at(clips: Sequence[Clip], look: Look, workers: int, context: SpawnContext) -> Sequence[Listed | Unread]:
    """What is in each. A clip that kills the process takes no other with it: who is left is looked at alone."""
    found: dict[Clip, Listed | Unread] = {}
    try:
        with ProcessPoolExecutor(workers, context, quiet) as pool:
            for clip, future in [(clip, pool.submit(look, clip)) for clip in clips]:
                found[clip] = future.result()
    except BrokenExecutor:
        for clip in clips:
            if clip not in found:
                found[clip] = _alone(clip, look, context)
    return [found[clip] for clip in clips]


def _alone(clip: Clip, look: Look, context: SpawnContext) -> Listed | Unread:
    try:
        with ProcessPoolExecutor(1, context, quiet) as pool:
            return pool.submit(look, clip).result()
    except BrokenExecutor as error:
        return Unread(clip.name, f"{DIED} ({said(error)})")


def _kept(file: Path) -> Sequence[Listed | Unread] | None:
    if not file.exists():
        return None
    found: Sequence[Listed | Unread] = pickle.loads(file.read_bytes())  # noqa: S301 (written by this program)
    is_whole = all(one.file.exists() for one in found if isinstance(one, Listed))
    return found if is_whole else None


def _keep(file: Path, found: Sequence[Listed | Unread]) -> None:
    """Whole or not at all."""
    unfinished = file.with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(found))
    unfinished.replace(file)
