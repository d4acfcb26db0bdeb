"""Puts somebody (or something) in front of the browser's camera."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import BrowserContext, Page, Route

from app.domain.face import BgrImage
from app.simulation.camera import NOISE_SIGMA
from app.simulation.performance import Performance, wire_name
from app.simulation.player import REPEAT_AFTER_MS
from tests.portrait import jpeg

FRAMES_PER_SECOND = 15
"""Of the performances here, and so of the canvas they are painted on."""

REACTION_MS = 600
"""How long the performer takes to follow a prompt; people take 300–1,500 ms."""

SCRIPT = Path(__file__).with_name("performer.js")


@dataclass(frozen=True)
class Act:
    """What stands in front of the camera. `refusal` is the DOMException that getUserMedia ends with instead.

    `way_ms` is how long what the page's socket sends and hears takes, each.
    """

    performance: Performance
    cameras: Sequence[str] = ("Integrated camera",)
    refusal: str = ""
    way_ms: int = 0


def put_before_camera(target: BrowserContext | Page, act: Act) -> None:
    """Every page of the context (or the page) opened from now on sees the act in its camera."""
    index, frames = pack(act.performance)

    def serve_index(route: Route) -> None:
        route.fulfill(body=json.dumps(index), content_type="application/json")

    def serve_frames(route: Route) -> None:
        route.fulfill(body=frames, content_type="application/octet-stream")

    target.route(f"**/performer/{act.performance.name}.json", serve_index)
    target.route(f"**/performer/{act.performance.name}.bin", serve_frames)
    target.add_init_script(_script(act))


def script_with_all(act: Act) -> str:
    """The same for a browser whose requests cannot be answered by the test: the frames are in the script."""
    index, frames = pack(act.performance)
    files = {"json": json.dumps(index), "bin": b64encode(frames).decode()}
    return f"{{ const files = {json.dumps(files)};\n{INSTEAD_OF_FETCHING} }}\n{_script(act)}"


INSTEAD_OF_FETCHING = """
  const { fetch } = window;
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  window.fetch = async (url, ...others) => {
    if (!String(url).startsWith("/performer/")) return fetch.call(window, url, ...others);
    return new Response(url.endsWith(".json") ? files.json : bytes(files.bin));
  };
"""


def _script(act: Act) -> str:
    settings = {
        "act": act.performance.name,
        "framesPerSecond": act.performance.frames_per_second,
        "noiseSigma": NOISE_SIGMA,
        "reactionMs": REACTION_MS,
        "repeatAfterMs": REPEAT_AFTER_MS,
        "cameras": list(act.cameras),
        "refusal": act.refusal,
        "wayMs": act.way_ms,
    }
    # In a block of its own: the page's scripts must not find `settings`.
    return f"{{ const settings = {json.dumps(settings)};\n{SCRIPT.read_text('utf-8')} }}"


def pack(performance: Performance) -> tuple[Mapping[str, object], bytes]:
    """All JPEGs in one file, and where each lies."""
    parts: list[bytes] = []
    position = 0

    def place(frames: Sequence[bytes]) -> list[tuple[int, int]]:
        nonlocal position
        spans = []
        for frame in frames:
            spans.append((position, position + len(frame)))
            position += len(frame)
            parts.append(frame)
        return spans

    index = {
        "width": performance.width,
        "height": performance.height,
        "idle": place(performance.idle),
        "movements": {wire_name(kind): place(frames) for kind, frames in performance.movements.items()},
    }
    return index, b"".join(parts)


def still_photograph(performance: Performance) -> Performance:
    """A picture of the right person that never moves."""
    return replace(performance, name=f"{performance.name}-photo", idle=performance.idle[:1], movements={})


def empty_room(performance: Performance) -> Performance:
    """A lit wall and nobody before it; it flickers as a sensor does."""
    chance = np.random.default_rng(7)
    light = np.linspace(90, 150, performance.width)[None, :, None]
    wall = np.broadcast_to(light, (performance.height, performance.width, 3))
    frames = [jpeg(np.asarray(wall + chance.normal(0, 3, wall.shape), dtype=np.uint8)) for _ in range(4)]
    return replace(performance, name="empty-room", idle=frames, movements={})


def two_people(performance: Performance) -> Performance:
    """Two faces of about one size, side by side."""
    half = performance.width // 2

    def beside(frame: bytes) -> bytes:
        image = decode(frame)
        left = (performance.width - half) // 2
        middle = image[:, left : left + half]
        return jpeg(np.ascontiguousarray(np.concatenate([middle, middle[:, ::-1]], axis=1)))

    return replace(
        performance,
        name=f"{performance.name}-twice",
        width=2 * half,
        idle=[beside(frame) for frame in performance.idle],
        movements={},
    )


def decode(frame: bytes) -> BgrImage:
    """A JPEG as pixels."""
    image = cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("no JPEG")
    return np.asarray(image, dtype=np.uint8)


def write_camera_file(frames: Iterator[bytes], path: Path) -> Path:
    """A file that Chromium plays, over and over, as its own fake camera: JPEGs one after another (.mjpeg).

    Chromium takes 30 pictures a second from it.
    """
    repeats = round(30 / FRAMES_PER_SECOND)
    with path.open("wb") as file:
        for frame in frames:
            file.write(frame * repeats)
    return path
