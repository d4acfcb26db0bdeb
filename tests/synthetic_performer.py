"""A synthetic performer: the portrait that scikit-image ships, moved through its face mesh.

No real person moves here. It stands in where the shared clips are missing, and shows that landmarks
alone cannot tell a warped portrait from a head: docs say so, and passive detectors exist for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, FaceBox
from app.simulation.mesh import triangles_over
from app.simulation.performance import Performance
from tests.models_fixture import model_path
from tests.portrait import close_up, jpeg

Points = NDArray[np.float32]
"""Rows of x, y (and z) in pixels."""

WIDTH, HEIGHT = 640, 480
YAW_DEGREES, UP_DEGREES, DOWN_DEGREES = 38.0, 24.0, 26.0
"""Applied to the mesh; the landmarker reads two thirds of them from the picture."""

CLOSER = 1.34
OUTLINE = (0.75, 1.0)
"""Half the width of head and hair, and of what moves at all, in widths of the face."""

PIVOT_DEPTH = 0.8
"""The axis of the neck lies this many face widths behind the mesh's middle; what lies there stays put."""

FRAMES_PER_SECOND = 15.0
OUTWARD_FRAMES = 8
APEX_FRAMES = 4
IDLE_FRAMES = 8
GRID_PX = 6
MOUTH_CORNERS = (61, 291)


@dataclass(frozen=True)
class Puppet:
    """A picture with a face: 468 points with depth, and `head` with hair and ears as `triangles` of points."""

    image: BgrImage
    mesh: Points
    box: FaceBox
    head: Points
    triangles: Sequence[tuple[int, int, int]]


@cache
def synthetic_performer() -> Performance:
    """Turns, looks, smiles and comes closer; about 15 s of work, once a process."""
    smiling = _puppet(close_up(WIDTH, HEIGHT))
    resting = _puppet(_relaxed(smiling, 1.0))
    turns = {
        ChallengeKind.TURN_LEFT: (YAW_DEGREES, 0.0),
        ChallengeKind.TURN_RIGHT: (-YAW_DEGREES, 0.0),
        ChallengeKind.LOOK_UP: (0.0, UP_DEGREES),
        ChallengeKind.LOOK_DOWN: (0.0, -DOWN_DEGREES),
    }
    movements = {
        kind: _there_and_back(lambda share, to=to: _turned(resting, share * to[0], share * to[1]))  # type: ignore[misc]
        for kind, to in turns.items()
    }
    movements[ChallengeKind.SMILE] = _there_and_back(lambda share: _relaxed(smiling, 1.0 - share))
    movements[ChallengeKind.MOVE_CLOSER] = _there_and_back(
        lambda share: _nearer(resting, 1 + share * (CLOSER - 1))
    )
    sway = [2.0 * np.sin(np.pi * step / IDLE_FRAMES) for step in range(IDLE_FRAMES)]
    return Performance(
        name="synthetic",
        width=WIDTH,
        height=HEIGHT,
        frames_per_second=FRAMES_PER_SECOND,
        idle=[jpeg(_turned(resting, degrees, degrees / 2)) for degrees in sway],
        movements=movements,
        portrait=jpeg(smiling.image),
    )


def _puppet(image: BgrImage) -> Puppet:
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    try:
        face = landmarker.observe(image).face
    finally:
        landmarker.close()
    if face is None:
        raise ValueError("the portrait shows no face")
    mesh = face.landmarks[:468]
    head = np.concatenate([mesh, _outline(face.box)])
    return Puppet(image, mesh, face.box, head, triangles_over(head))


def _there_and_back(picture: Callable[[float], BgrImage]) -> Sequence[bytes]:
    """From rest to the apex, held for a moment, and back the same way."""
    shares = [0.5 - 0.5 * np.cos(np.pi * step / OUTWARD_FRAMES) for step in range(OUTWARD_FRAMES + 1)]
    outward = [jpeg(picture(float(share))) for share in shares]
    return [*outward, *[outward[-1]] * APEX_FRAMES, *reversed(outward[:-1])]


def _turned(puppet: Puppet, yaw_degrees: float, pitch_degrees: float) -> BgrImage:
    """Rotate the mesh and the head around it about the neck, and draw the picture on it anew."""
    head = puppet.head
    centre = np.array([*puppet.box.centre, PIVOT_DEPTH * puppet.box.width], dtype=np.float32)
    x, y, z = (head - centre).T
    yaw, pitch = np.radians(yaw_degrees), np.radians(pitch_degrees)
    turned_x = x * np.cos(yaw) - z * np.sin(yaw)
    turned_z = x * np.sin(yaw) + z * np.cos(yaw)
    turned_y = y * np.cos(pitch) + turned_z * np.sin(pitch)
    depth = turned_z * np.cos(pitch) - y * np.sin(pitch)
    turned = np.stack([turned_x, turned_y], axis=1) + centre[:2]
    return _draw(puppet, turned.astype(np.float32), depth)


def _draw(puppet: Puppet, target: Points, depth: Points) -> BgrImage:
    """The picture with its triangles moved; the nearest is drawn last and hides what lies behind."""
    height, width = puppet.image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    source = puppet.head[:, :2]
    for triangle in sorted(puppet.triangles, key=lambda corners: -depth[list(corners)].sum()):
        corners = list(triangle)
        to = target[corners]
        left, top = np.maximum(np.floor(to.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(to.max(axis=0)).astype(int) + 1, (width, height))
        edges = np.array([to[1] - to[0], to[2] - to[0]])
        area = float(np.linalg.det(edges))
        if left >= right or top >= bottom or abs(area) < 0.5:
            continue
        columns, rows = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
        places = np.stack([columns - to[0, 0], rows - to[0, 1]], axis=-1)
        share = places @ np.linalg.inv(edges)
        inside = (share >= -0.02).all(axis=-1) & (share.sum(axis=-1) <= 1.02)
        origin = source[corners[0]]
        comes_from = origin + share @ np.array([source[corners[1]] - origin, source[corners[2]] - origin])
        x[top:bottom, left:right][inside] = comes_from[inside][:, 0]
        y[top:bottom, left:right][inside] = comes_from[inside][:, 1]
    return np.asarray(
        cv2.remap(puppet.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def _outline(box: FaceBox) -> Points:
    """Hair and ears: two ellipses around the face, as far back as the axis."""
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    circle = np.stack([np.cos(angles), 1.2 * np.sin(angles), np.zeros(32)], axis=1)
    rings = [(reach * circle + [0, 0, PIVOT_DEPTH]) * box.width + [*box.centre, 0] for reach in OUTLINE]
    return np.concatenate(rings).astype(np.float32)


def _relaxed(puppet: Puppet, amount: float) -> BgrImage:
    """Draw the corners of the smiling mouth in and down; 0 leaves the smile, 1 takes it away."""
    corners = puppet.mesh[MOUTH_CORNERS, :2]
    centre, half = corners.mean(axis=0), float(np.linalg.norm(corners[1] - corners[0])) / 2
    across, down = ((puppet.mesh[:, :2] - centre) / half).T
    near_mouth = np.exp(-((across / 1.3) ** 2) - (down / 0.9) ** 2)
    near_corner = np.exp(-(((np.abs(across) - 1) / 0.5) ** 2) - (down / 0.8) ** 2)
    moved = puppet.mesh[:, :2].copy()
    moved[:, 0] -= 0.30 * amount * half * across * np.sqrt(near_mouth)
    moved[:, 1] += 0.30 * amount * half * near_corner
    return _warped(puppet.image, puppet.mesh[:, :2], moved, reach_px=8.0)


def _nearer(puppet: Puppet, scale: float) -> BgrImage:
    """Enlarge everything around the face."""
    x, y = puppet.box.centre
    matrix = np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y]], dtype=np.float32)
    return np.asarray(
        cv2.warpAffine(puppet.image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def _warped(image: BgrImage, source: Points, target: Points, reach_px: float) -> BgrImage:
    """Move the picture's `source` points to `target`; what lies between follows the nearest ones."""
    height, width = image.shape[:2]
    columns, rows = np.arange(0, width + GRID_PX, GRID_PX), np.arange(0, height + GRID_PX, GRID_PX)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
    squares = (grid**2).sum(1)[:, None] + (target**2).sum(1)[None] - 2 * grid @ target.T
    weights = np.exp(-squares / (2 * reach_px**2), dtype=np.float32)
    offsets = weights @ (source - target) / (weights.sum(axis=1, keepdims=True) + 1e-3)
    coarse = offsets.reshape(len(rows), len(columns), 2).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    fine = cv2.remap(coarse, x / GRID_PX, y / GRID_PX, cv2.INTER_LINEAR)
    return np.asarray(
        cv2.remap(image, x + fine[..., 0], y + fine[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )
