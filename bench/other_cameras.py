"""Clips of a media folder as other cameras and other rooms would have shown them, in a folder of the same layout.

Nobody was filmed anew: movement and person stay the same, light, noise, size and compression do not. What the
detectors make of somebody must not hang on one camera.

    python -m bench.other_cameras --media ../shared/media --people headpose_alaa tranvan_real --out var/cameras
    python -m bench.pad_error_rates --media var/cameras --species bona_fide
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage
from app.simulation.clips import SHORT_SIDE, open_clip
from bench.pad.manifest import MANIFEST
from bench.pad.people import FULL_RATE, LONGEST_SECONDS, Clip, clips_of

Floats = NDArray[np.float32]
Camera = Callable[[BgrImage, np.random.Generator], BgrImage]

LARGEST_SHORT_SIDE = SHORT_SIDE * 3 // 2
"""Larger pictures are made smaller first: the page streams no larger ones."""


def dim(image: BgrImage, chance: np.random.Generator) -> BgrImage:
    """A dark room, where the camera's own brightening adds noise."""
    return _noisy(255.0 * 0.75 * (image.astype(np.float32) / 255.0) ** 1.5, 4.0, chance)


def underexposed(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """A little more than half of the light, colours as they are."""
    levels = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    levels[..., 0] *= 0.55
    return np.asarray(cv2.cvtColor(_levels(levels), cv2.COLOR_YCrCb2BGR), dtype=np.uint8)


def noisy(image: BgrImage, chance: np.random.Generator) -> BgrImage:
    """A cheap sensor, eight grey levels."""
    return _noisy(image.astype(np.float32), 8.0, chance)


def small(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """Somebody farther away: 0.7 times as large, the edges drawn out."""
    height, width = image.shape[:2]
    less = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    above, left = (height - less.shape[0]) // 2, (width - less.shape[1]) // 2
    below, right = height - less.shape[0] - above, width - less.shape[1] - left
    return np.asarray(cv2.copyMakeBorder(less, above, below, left, right, cv2.BORDER_REPLICATE), dtype=np.uint8)


def compressed(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """A virtual meeting's picture: JPEG of quality 35."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 35])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def mirrored(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """Left and right change places."""
    return np.ascontiguousarray(image[:, ::-1])


def warm(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """A lamp's light without white balance."""
    return _levels(1.05 * image.astype(np.float32) * np.array([0.75, 0.95, 1.1], dtype=np.float32) + 8.0)


def soft(image: BgrImage, _: np.random.Generator) -> BgrImage:
    """A lens that is not clean."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), dtype=np.uint8)


CAMERAS: Mapping[str, Camera] = {
    one.__name__: one for one in (dim, underexposed, noisy, small, compressed, mirrored, warm, soft)
}


def _noisy(image: Floats, levels: float, chance: np.random.Generator) -> BgrImage:
    return _levels(image + levels * chance.standard_normal(image.shape, dtype=np.float32))


def _levels(image: Floats) -> BgrImage:
    return np.clip(image, 0, 255).astype(np.uint8)


def write(clip: Clip, name: str, file: Path) -> int:
    """The clip as that camera shows it; how many frames it has."""
    rate, images = open_clip(clip.path, FULL_RATE)
    chance, written, count = np.random.default_rng(7), None, 0
    for image in islice(images, round(LONGEST_SECONDS * rate)):
        factor = min(1.0, LARGEST_SHORT_SIDE / min(image.shape[:2]))
        fitting = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        shown = CAMERAS[name](np.asarray(fitting, dtype=np.uint8), chance)
        if written is None:
            size = (shown.shape[1], shown.shape[0])
            written = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
        written.write(shown)
        count += 1
    if written is not None:
        written.release()
    return count


def main() -> None:
    options = _options()
    folder = options.out / "video"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in clips_of(options.media) if not one.is_replay and one.name in options.people]
    missing = sorted(set(options.people) - {one.name for one in chosen})
    if missing:
        raise SystemExit(f"no live clip is called {', '.join(missing)}")
    with (options.out / MANIFEST).open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["path", "identity", "label"])
        for clip in chosen:
            for name in CAMERAS:
                file = folder / f"{clip.path.stem}_{name}.mp4"
                count = write(clip, name, file)
                rows.writerow([file.relative_to(options.out).as_posix(), clip.identity, "live"])
                print(f"{file.name}: {count} frames", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder with video, spoof/replay_video")
    parser.add_argument("--people", nargs="+", required=True, help="names of clips")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new clips")
    return parser.parse_args()


if __name__ == "__main__":
    main()
