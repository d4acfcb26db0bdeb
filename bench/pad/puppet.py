"""A portrait bent through its face mesh by a program: what somebody can make of one picture without a network."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage, Landmarks
from app.simulation.mesh import triangles_over

Points = NDArray[np.float32]
"""Rows of x, y (and z) in pixels."""

MESH_POINTS = 468
OUTLINE = (0.75, 1.0)
"""Half the width of head and hair, and of what moves at all, in widths of the face."""

PIVOT_DEPTH = 0.8
"""The axis of the neck lies this many face widths behind the mesh's middle; what lies there stays put."""

# Points of the lids and lips in MediaPipe's mesh, upper and lower in the same order.
UPPER_LIDS = (246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398)
LOWER_LIDS = (7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382)
INNER_UPPER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
MOUTH_CORNERS = (61, 291)
UPPER_LIP, CHIN = 13, 152

LID_CREASES = (247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414)
LID_OVERLAP, CREASE_SHARE = 1.12, 0.35
"""A closed upper lid ends a little below the lower one, and draws the skin above it along by this share."""

MOUTH_BGR, TEETH_BGR = (38, 26, 58), (196, 208, 214)
JAW_DROP = 0.22
"""How far the chin falls at a fully open jaw, in widths of the face."""


class Puppet:
    """One portrait and its mesh, 468 points or more with depth, moved and drawn anew."""

    def __init__(self, portrait: BgrImage, mesh: Landmarks) -> None:
        self.image = portrait
        self.mesh = mesh[:MESH_POINTS].astype(np.float32)
        low, high = self.mesh[:, :2].min(axis=0), self.mesh[:, :2].max(axis=0)
        self.width = float(high[0] - low[0])
        self.centre = ((low + high) / 2).astype(np.float32)
        self._head = np.concatenate([self.mesh, self._outline()])
        self._triangles = triangles_over(self._head)

    def expression(self, eyes_closed: float, smile: float, jaw_open: float) -> Points:
        """The 468 points after lids, corners of the mouth and jaw have moved; each amount is 0–1."""
        moved = self.mesh.copy()
        upper, lower = list(UPPER_LIDS), list(LOWER_LIDS)
        fall = eyes_closed * (self.mesh[lower, :2] - self.mesh[upper, :2])
        moved[upper, :2] += LID_OVERLAP * fall
        moved[list(LID_CREASES), :2] += CREASE_SHARE * fall
        moved[:, :2] += smile * self._smile()
        moved[:, 1] += jaw_open * JAW_DROP * self.width * self._jaw_share()
        return moved

    def posed(self, mesh: Points, yaw_degrees: float, pitch_degrees: float) -> Points:
        """The mesh and the head around it, turned about the neck: 532 × 3."""
        head = np.concatenate([mesh, self._head[MESH_POINTS:]])
        centre = np.array([*self.centre, PIVOT_DEPTH * self.width], dtype=np.float32)
        x, y, z = (head - centre).T
        yaw, pitch = np.radians(yaw_degrees), np.radians(pitch_degrees)
        turned_x = x * np.cos(yaw) - z * np.sin(yaw)
        turned_z = x * np.sin(yaw) + z * np.cos(yaw)
        turned_y = y * np.cos(pitch) + turned_z * np.sin(pitch)
        depth = turned_z * np.cos(pitch) - y * np.sin(pitch)
        turned_x, turned_y = turned_x + centre[0], turned_y + centre[1]
        return np.asarray(np.stack([turned_x, turned_y, depth], axis=1), dtype=np.float32)

    def driven(self, driver_neutral: Landmarks, driver: Landmarks) -> Points:
        """The mesh moved as another face moved from its neutral, pose and expression at once: 532 × 3.

        A map from the driver's resting face to this one carries its movements over.
        """
        rest, now = driver_neutral[:MESH_POINTS], driver[:MESH_POINTS]
        scale = self.width / float(rest[:, 0].max() - rest[:, 0].min())
        moved = self.mesh + scale * (now - rest)
        ring = self._head[MESH_POINTS:].copy()
        ring[: len(ring) // 2, :2] += np.median(moved[:, :2] - self.mesh[:, :2], axis=0)
        return np.concatenate([moved, ring]).astype(np.float32)

    def draw(self, head: Points) -> BgrImage:
        """The portrait with its triangles moved; the nearest is drawn last. An open mouth is dark inside."""
        height, width = self.image.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        source, target, depth = self._head[:, :2], head[:, :2], head[:, 2]
        for triangle in sorted(self._triangles, key=lambda corners: -depth[list(corners)].sum()):
            corners = list(triangle)
            _place(source[corners], target[corners], x, y)
        drawn = cv2.remap(self.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return self._with_mouth(np.asarray(drawn, dtype=np.uint8), target)

    def _with_mouth(self, image: BgrImage, target: Points) -> BgrImage:
        """Fill what the opened lips disclose: dark, with a row of teeth below the upper lip."""
        upper, lower = target[list(INNER_UPPER_LIP)], target[list(INNER_LOWER_LIP)]
        rest = self.mesh[[13, 14], 1]
        opened = float(target[14, 1] - target[13, 1]) - float(rest[1] - rest[0])
        if opened < 0.03 * self.width:
            return image
        layer, mask = image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
        cv2.fillPoly(mask, [np.concatenate([upper, lower[::-1]]).astype(np.int32)], 255)
        layer[:] = MOUTH_BGR
        below = upper + np.array([0, min(opened * 0.4, 0.06 * self.width)], dtype=np.float32)
        teeth = np.concatenate([upper, below[::-1]])
        cv2.fillPoly(layer, [teeth.astype(np.int32)], TEETH_BGR)
        share = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.float32)[..., None] / 255
        mixed = image * (1 - share) + cv2.GaussianBlur(layer, (0, 0), 1.5) * share
        return np.asarray(mixed, dtype=np.uint8)

    def _smile(self) -> Points:
        """How far each point moves at a full smile: corners outwards and up, the rest less."""
        corners = self.mesh[list(MOUTH_CORNERS), :2]
        centre, half = corners.mean(axis=0), float(np.linalg.norm(corners[1] - corners[0])) / 2
        across, down = ((self.mesh[:, :2] - centre) / half).T
        near_mouth = np.exp(-((across / 1.3) ** 2) - (down / 0.9) ** 2)
        near_corner = np.exp(-(((np.abs(across) - 1) / 0.6) ** 2) - (down / 0.9) ** 2)
        outwards = 0.34 * half * across * np.sqrt(near_mouth)
        return np.asarray(np.stack([outwards, -0.38 * half * near_corner], axis=1), dtype=np.float32)

    def _jaw_share(self) -> NDArray[np.float32]:
        """How much of the jaw's fall each point follows: the lower lip and chin all of it, the upper lip none."""
        lip, chin = self.mesh[UPPER_LIP], self.mesh[CHIN]
        down = np.clip((self.mesh[:, 1] - lip[1]) / (chin[1] - lip[1]), 0, 1)
        across = (self.mesh[:, 0] - lip[0]) / (0.45 * self.width)
        share = np.minimum(1.0, 1.6 * down) * np.exp(-(across**4))
        mouth = [
            14,
            87,
            317,
            178,
            402,
            88,
            318,
            95,
            324,
            15,
            86,
            316,
            179,
            403,
            16,
            85,
            315,
            180,
            404,
            17,
            84,
            314,
        ]
        share[mouth] = np.maximum(share[mouth], np.exp(-((across[mouth] / 0.55) ** 2)) * 0.9)
        share[list(INNER_UPPER_LIP)] = 0
        return np.asarray(share, dtype=np.float32)

    def _outline(self) -> Points:
        """Hair and ears: two ellipses around the face, as far back as the axis."""
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        circle = np.stack([np.cos(angles), 1.2 * np.sin(angles), np.zeros(32)], axis=1)
        rings = [(reach * circle + [0, 0, PIVOT_DEPTH]) * self.width + [*self.centre, 0] for reach in OUTLINE]
        return np.concatenate(rings).astype(np.float32)


def _place(source: Points, target: Points, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
    """Write into `x` and `y` where the pixels of one moved triangle come from."""
    height, width = x.shape
    left, top = np.maximum(np.floor(target.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 1, (width, height))
    (ax, ay), (bx, by) = (target[1] - target[0]).tolist(), (target[2] - target[0]).tolist()
    area = ax * by - ay * bx
    if left >= right or top >= bottom or abs(area) < 0.5:
        return
    columns = np.arange(left, right, dtype=np.float32)[None] - target[0, 0]
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] - target[0, 1]
    first = (columns * by - rows * bx) / area
    second = (rows * ax - columns * ay) / area
    inside = (first >= -0.02) & (second >= -0.02) & (first + second <= 1.02)
    along, aside = source[1] - source[0], source[2] - source[0]
    x[top:bottom, left:right][inside] = (source[0, 0] + first * along[0] + second * aside[0])[inside]
    y[top:bottom, left:right][inside] = (source[0, 1] + first * along[1] + second * aside[1])[inside]
