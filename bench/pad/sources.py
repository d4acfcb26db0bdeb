"""What attackers hold before a camera, and what they send without one."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, FaceMeasurement, Landmarks
from app.simulation.camera import decode
from app.simulation.performance import Performance, to_and_fro
from app.simulation.player import REACTION_MS, Player
from app.simulation.scene import Source
from bench.pad.instruments import Acting, Print, PuppetOnScreen

SCREEN_PITCH = 3
"""Camera pixels to one of the screen's rows: what makes moire."""

SCREEN_DEPTH = 0.10
SECOND_FACE_SHARE = 0.75
"""Width of the second face over the first one's; half counts as another person."""

ENTERS_MS = 700.0
SHOWN_FRAMES = 40
"""How long each frame of a recording stands: those that were published lie seconds apart."""

CENTRED_SHARE = 0.40
"""Height of a photographed face over the frame's."""

BOT_QUALITY = 85
DRIVEN_RATE = 10.0


class OnScreen(Print):
    """A picture shown by a screen: brighter, bluer, and with its rows and columns of pixels."""

    def _picture(self, acting: Acting) -> BgrImage:
        lit = np.clip(self.portrait.astype(np.float32) * (1.12, 1.05, 1.0) + 8, 0, 255)
        step = max(2, round(SCREEN_PITCH / self.zoom))
        lit[::step] *= 1 - SCREEN_DEPTH
        lit[:, ::step] *= 1 - SCREEN_DEPTH
        return np.asarray(lit, dtype=np.uint8)


class FilmedPhotograph:
    """A recording of a printed photograph, tilted and brought closer as the prompts ask: its plane is turned."""

    def __init__(self, frames: Sequence[BgrImage], face: FaceMeasurement, focal_share: float = 1.2) -> None:
        self._frames, self._centre = frames, face.box.centre
        self._focal = focal_share * max(frames[0].shape[:2])
        self._number = 0

    def render(self, acting: Acting) -> BgrImage:
        """The next frame of the recording, turned."""
        image = to_and_fro(self._frames, self._number // SHOWN_FRAMES)
        self._number += 1
        matrix = self._homography(acting)
        size = (image.shape[1], image.shape[0])
        return np.asarray(
            cv2.warpPerspective(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
        )

    def _homography(self, acting: Acting) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        yaw, pitch = math.radians(-acting.yaw_degrees), math.radians(acting.pitch_degrees)
        about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
        about_x = np.array(
            [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
        )
        rotation, focal, (x, y) = about_x @ about_y, self._focal, self._centre
        plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0.0, 0.0, focal / acting.scale]])
        lens = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])
        to_plane = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
        return np.asarray(lens @ plane @ to_plane, dtype=np.float64)


def centred(image: BgrImage, face: FaceMeasurement) -> BgrImage:
    """The picture as an attacker would hold it: the face in the middle, and large enough for alignment."""
    height, width = image.shape[:2]
    zoom = max(1.0, CENTRED_SHARE * height / face.box.height)
    x, y = face.box.centre
    matrix = np.array([[zoom, 0, width / 2 - zoom * x], [0, zoom, height / 2 - zoom * y]])
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


class DrivenPuppet:
    """A portrait that a program moves as the landmarks of somebody else's clip move."""

    def __init__(
        self,
        puppet: PuppetOnScreen,
        meshes: Mapping[ChallengeKind | None, Sequence[Landmarks]],
        seed: int,
        rate: float,
    ) -> None:
        self._puppet, self._meshes, self._rate = puppet, meshes, rate
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._neutral = meshes[None][0]
        self._kind: ChallengeKind | None = None
        self._due_ms = 0.0

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self._kind, self._due_ms = kind, now_ms + self._chance.uniform(*REACTION_MS)

    def rest(self, now_ms: float) -> None:
        self._kind = None

    def picture(self, now_ms: float) -> BgrImage:
        movement = self._meshes.get(self._kind, ()) if self._kind else ()
        place = int((now_ms - self._due_ms) * self._rate / 1_000)
        if 0 <= place < len(movement):
            return self._puppet.render_driven(self._neutral, movement[place])
        resting = to_and_fro(self._meshes[None], int(now_ms * self._rate / 1_000))
        return self._puppet.render_driven(self._neutral, resting)


class TwoPeople:
    """A person, and at each prompt somebody else who comes into the picture beside them; alone at rest."""

    def __init__(
        self, source: Source, face: FaceMeasurement, other: BgrImage, other_face: FaceMeasurement
    ) -> None:
        self._source, self._since_ms = source, math.inf
        self._head = _head(other, other_face, SECOND_FACE_SHARE * face.box.width)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self._since_ms = now_ms
        self._source.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        self._since_ms = math.inf
        self._source.rest(now_ms)

    def picture(self, now_ms: float) -> BgrImage:
        image = self._source.picture(now_ms)
        share = min(max((now_ms - self._since_ms) / ENTERS_MS, 0.0), 1.0)
        width = min(round(share * self._head.shape[1]), image.shape[1])
        if width == 0:
            return image
        top = (image.shape[0] - self._head.shape[0]) // 3
        shown = image.copy()
        shown[top : top + self._head.shape[0], image.shape[1] - width :] = self._head[:, :width]
        return shown


def _head(image: BgrImage, face: FaceMeasurement, wanted_width: float) -> BgrImage:
    """Somebody's head and shoulders with a face of this width."""
    box, zoom = face.box, wanted_width / face.box.width
    x, y = box.centre
    left, right = max(0, int(x - 0.75 * box.width)), min(image.shape[1], int(x + 0.75 * box.width))
    top, bottom = max(0, int(y - 0.9 * box.height)), min(image.shape[0], int(y + 1.1 * box.height))
    head = image[top:bottom, left:right]
    size = (max(2, round(head.shape[1] * zoom)), max(2, min(460, round(head.shape[0] * zoom))))
    return np.asarray(cv2.resize(head, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class Bot:
    """A script that speaks the protocol: the right take at the right time, written by an image library.

    Its clock is exact, it has each frame of its takes once as a file, and a resting face is one file.
    """

    def __init__(self, performance: Performance, seed: int) -> None:
        self._player = Player(performance, seed)
        self._files: dict[bytes, bytes] = {}
        self._resting = performance.idle[0]
        self._at_rest = frozenset(performance.idle)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self._player.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        self._player.rest()

    def frame(self, now_ms: float) -> bytes:
        data = self._player.frame(now_ms)
        return self._file(self._resting if data in self._at_rest else data)

    def still(self, now_ms: float) -> bytes:
        return self._file(self._resting)

    def wait_ms(self) -> float:
        return 100.0

    def _file(self, data: bytes) -> bytes:
        if data not in self._files:
            written = io.BytesIO()
            Image.fromarray(decode(data)[..., ::-1]).save(written, "JPEG", quality=BOT_QUALITY, subsampling=0)
            self._files[data] = written.getvalue()
        return self._files[data]


class Replayed:
    """The frames of a session that was approved, sent again under the new session's nonces, at their old pace.

    `takes` are the frames by what was asked when they were sent, None for the alignment; `changed` makes of each
    what is sent in its place.
    """

    def __init__(
        self,
        takes: Mapping[ChallengeKind | None, Sequence[tuple[float, bytes]]],
        still: bytes,
        seed: int,
        alteration: str,
    ) -> None:
        self._takes, self._still, self._alteration = takes, still, alteration
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._kind: ChallengeKind | None = None
        self._began_ms: float | None = None
        self._place = 0

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self._kind, self._place = kind, 0

    def rest(self, now_ms: float) -> None:
        """Goes on with what is asked next, or with the alignment."""
        self._kind, self._place = None, 0

    def frame(self, now_ms: float) -> bytes:
        frames = self._takes.get(self._kind) or self._takes[None]
        data = frames[self._place % len(frames)][1]
        self._place += 1
        return altered(data, self._alteration)

    def still(self, now_ms: float) -> bytes:
        return altered(self._still, self._alteration)

    def wait_ms(self) -> float:
        """As it was when it was recorded."""
        frames = self._takes.get(self._kind) or self._takes[None]
        here, before = self._place % len(frames), self._place % len(frames) - 1
        return max(frames[here][0] - frames[before][0], 50.0) if before >= 0 else 100.0


def altered(data: bytes, alteration: str) -> bytes:
    """`same`, `re-encoded` at another quality, `cropped` by 2 % and scaled to its size again, or `mirrored`."""
    if alteration == "same":
        return data
    image = decode(data)
    if alteration == "cropped":
        height, width = image.shape[:2]
        part = image[height // 100 : height - height // 100, width // 100 : width - width // 100]
        image = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    if alteration == "mirrored":
        image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 72])[1].tobytes())
