"""Attack instruments made of one portrait, as a motivated attacker's script or hands would make them.

Each is prepared once from a portrait and its mesh (pixels of the portrait), and then drawn in any pose. The
same call gives the same pixels. A camera's noise is `camera_noise`, apart from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, Landmarks
from bench.pad.puppet import (
    CHIN,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIDS,
    MESH_POINTS,
    MOUTH_CORNERS,
    UPPER_LIDS,
    UPPER_LIP,
    Puppet,
)

Floats = NDArray[np.float32]

FACE_SHARE = 0.40
"""Width of the face over the frame's shorter side at scale 1."""

FOCAL_SHARE = 0.95
"""Focal length over the frame's longer side: a lens that sees 56°, as laptops and phones have."""

HOLE_DEPTH = 0.06
"""The wearer's eyes and mouth lie so far behind a cut-out mask, in widths of the face."""


@dataclass(frozen=True)
class Acting:
    """What the attacker makes of the instrument: its angles, `scale` as nearness, the rest 0–1."""

    yaw_degrees: float = 0.0
    pitch_degrees: float = 0.0
    scale: float = 1.0
    eyes_closed: float = 0.0
    smile: float = 0.0
    jaw_open: float = 0.0


FULL: Mapping[ChallengeKind, Acting] = {
    ChallengeKind.TURN_LEFT: Acting(yaw_degrees=38.0),
    ChallengeKind.TURN_RIGHT: Acting(yaw_degrees=-38.0),
    ChallengeKind.LOOK_UP: Acting(pitch_degrees=26.0),
    ChallengeKind.LOOK_DOWN: Acting(pitch_degrees=-28.0),
    ChallengeKind.BLINK: Acting(eyes_closed=1.0),
    ChallengeKind.SMILE: Acting(smile=1.0),
    ChallengeKind.OPEN_MOUTH: Acting(jaw_open=1.0),
    ChallengeKind.MOVE_CLOSER: Acting(scale=1.34),
}
"""What brings a puppet beyond the judges' limits; the landmarker reads two thirds of the angles.

A flat print reads as 7° however far it is turned, a bent one as 15–24°, and neither as more than 10° of pitch.
"""


def acting_for(kind: ChallengeKind, share: float) -> Acting:
    """`share` 0–1 of the way from rest to what the movement needs."""
    full = FULL[kind]
    return Acting(
        yaw_degrees=share * full.yaw_degrees,
        pitch_degrees=share * full.pitch_degrees,
        scale=1.0 + share * (full.scale - 1.0),
        eyes_closed=share * full.eyes_closed,
        smile=share * full.smile,
        jaw_open=share * full.jaw_open,
    )


class Instrument(Protocol):
    """An attack instrument before a camera."""

    def render(self, acting: Acting) -> BgrImage:
        """The frame a camera would take of it."""


class Print:
    """A portrait on paper, turned in space before a wall; it shows no expression.

    `bend_radius` in widths of the face rolls it about the axis of the movement: about the vertical for turns,
    the horizontal for looks, and the more the further it is turned. None keeps it flat.
    """

    def __init__(
        self, portrait: BgrImage, mesh: Landmarks, size: tuple[int, int], bend_radius: float | None = None
    ) -> None:
        self.width, self.height = size
        points, _ = _framed(portrait, mesh, size)
        self.portrait, self.bend_radius = portrait, bend_radius
        low, high = mesh[:MESH_POINTS, :2].min(axis=0), mesh[:MESH_POINTS, :2].max(axis=0)
        self.centre = (low + high) / 2
        self.zoom = float((points[:, 0].max() - points[:, 0].min()) / (high[0] - low[0]))
        self.face_px = float(high[0] - low[0]) * self.zoom
        self.wall = _wall(size)

    def render(self, acting: Acting) -> BgrImage:
        """The print before the wall."""
        x, y, on_print = self.sampled(acting, 0.0)
        picture = cv2.remap(self._picture(acting), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.GaussianBlur(on_print.astype(np.float32), (0, 0), 0.8)[..., None]
        return np.asarray(np.clip(picture * share + self.wall * (1 - share), 0, 255), dtype=np.uint8)

    def _picture(self, acting: Acting) -> BgrImage:
        return self.portrait

    def sampled(self, acting: Acting, behind: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """For every pixel of the frame, the place on the portrait that it sees, and whether it is on it.

        `behind` moves the surface away from the camera, in widths of the face (a flat print only).
        """
        origin, rays = self._rays(acting)
        radius, about_vertical = self._radius_px(acting)
        if radius is None:
            reach = (behind * self.face_px - origin[2]) / rays[2]
            across, down = origin[0] + reach * rays[0], origin[1] + reach * rays[1]
            hit = reach > 0
        else:
            across, down, hit = _cylinder(origin, rays, radius, about_vertical)
        x = (across / self.zoom + self.centre[0]).astype(np.float32)
        y = (down / self.zoom + self.centre[1]).astype(np.float32)
        height, width = self.portrait.shape[:2]
        return x, y, hit & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)

    def _rays(self, acting: Acting) -> tuple[Floats, Floats]:
        """The camera's place and the direction of every pixel, in the axes of the print."""
        focal = FOCAL_SHARE * max(self.width, self.height)
        columns, rows = np.meshgrid(np.arange(self.width), np.arange(self.height))
        flat = np.stack([columns - self.width / 2, rows - self.height / 2, np.full(columns.shape, focal)])
        rotation = _rotation(acting.yaw_degrees, acting.pitch_degrees).T
        rays = np.einsum("ij,jyx->iyx", rotation, flat)
        return (rotation @ [0.0, 0.0, -focal / acting.scale]).astype(np.float32), rays.astype(np.float32)

    def _radius_px(self, acting: Acting) -> tuple[float | None, bool]:
        about_vertical = abs(acting.yaw_degrees) >= abs(acting.pitch_degrees)
        bent = min(1.0, max(abs(acting.yaw_degrees), abs(acting.pitch_degrees)) / 12.0)
        if self.bend_radius is None or bent < 0.05:
            return None, about_vertical
        return self.bend_radius / bent * self.face_px, about_vertical


class CutOut(Print):
    """A print with holes for eyes and mouth, worn before a face that blinks, smiles and opens its mouth."""

    def __init__(
        self, portrait: BgrImage, mesh: Landmarks, size: tuple[int, int], bend_radius: float | None = None
    ) -> None:
        super().__init__(portrait, mesh, size, bend_radius)
        self._wearer = Puppet(portrait, mesh)
        self._holes = _holes(portrait, mesh)

    def render(self, acting: Acting) -> BgrImage:
        """The mask before the wall, with the wearer's eyes and mouth behind its holes."""
        x, y, on_print = self.sampled(acting, 0.0)
        deep_x, deep_y, _ = self.sampled(acting, 0.0 if self.bend_radius else HOLE_DEPTH)
        wearer = self._wearer.draw(
            self._wearer.posed(
                self._wearer.expression(acting.eyes_closed, acting.smile, acting.jaw_open), 0.0, 0.0
            )
        )
        paper = cv2.remap(self.portrait, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        behind = cv2.remap(wearer, deep_x, deep_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        hole = cv2.remap(self._holes, x, y, cv2.INTER_LINEAR)[..., None]
        share = cv2.GaussianBlur(on_print.astype(np.float32), (0, 0), 0.8)[..., None]
        mask = paper * (1 - hole) + behind * hole
        return np.asarray(np.clip(mask * share + self.wall * (1 - share), 0, 255), dtype=np.uint8)


class PuppetOnScreen:
    """A portrait moved by a program, frame by frame, as a virtual camera would show it."""

    def __init__(self, portrait: BgrImage, mesh: Landmarks, size: tuple[int, int]) -> None:
        points, picture = _framed(portrait, mesh, size)
        self.puppet = Puppet(picture, points)

    def render(self, acting: Acting) -> BgrImage:
        """The portrait turned, with its expression, enlarged about the face."""
        face = self.puppet.expression(acting.eyes_closed, acting.smile, acting.jaw_open)
        return self._near(
            self.puppet.draw(self.puppet.posed(face, acting.yaw_degrees, acting.pitch_degrees)), acting.scale
        )

    def render_driven(self, driver_neutral: Landmarks, driver: Landmarks) -> BgrImage:
        """The portrait moved as the mesh of a real clip moves from its resting frame."""
        return self.puppet.draw(self.puppet.driven(driver_neutral, driver))

    def _near(self, image: BgrImage, scale: float) -> BgrImage:
        x, y = (float(value) for value in self.puppet.centre)
        matrix = np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y]], dtype=np.float32)
        size = (image.shape[1], image.shape[0])
        return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


NewInstrument = Callable[[BgrImage, Landmarks, tuple[int, int]], Instrument]
"""From a portrait, its mesh, and the frame's width and height."""

INSTRUMENTS: Mapping[str, NewInstrument] = {
    "tilted_print": Print,
    "bent_print": lambda portrait, mesh, size: Print(portrait, mesh, size, 0.5),
    "slightly_bent_print": lambda portrait, mesh, size: Print(portrait, mesh, size, 1.0),
    "cut_out": CutOut,
    "bent_cut_out": lambda portrait, mesh, size: CutOut(portrait, mesh, size, 0.5),
    "puppet": PuppetOnScreen,
}


def camera_noise(image: BgrImage, seed: int, sigma: float = 2.0) -> BgrImage:
    """The frame with the noise that a cheap sensor adds: normal, `sigma` grey levels, the same for a seed."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, image.shape)
    return np.asarray(np.clip(np.rint(image + noise), 0, 255), dtype=np.uint8)


def _framed(portrait: BgrImage, mesh: Landmarks, size: tuple[int, int]) -> tuple[Landmarks, BgrImage]:
    """The mesh and the portrait scaled so that the face has its size in the middle of a frame."""
    low, high = mesh[:MESH_POINTS, :2].min(axis=0), mesh[:MESH_POINTS, :2].max(axis=0)
    zoom = FACE_SHARE * min(size) / float(high[0] - low[0])
    shift = np.array(size) / 2 - zoom * (low + high) / 2
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]], dtype=np.float32)
    points = mesh.astype(np.float32) * zoom
    points[:, :2] += shift
    smoothed = portrait if zoom >= 1 else cv2.GaussianBlur(portrait, (0, 0), 0.4 / zoom)
    framed = cv2.warpAffine(smoothed, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return points, np.asarray(framed, dtype=np.uint8)


def _rotation(yaw_degrees: float, pitch_degrees: float) -> NDArray[np.float64]:
    """From the print's axes (x right, y down, z away) to the camera's; yaw to the image's right, pitch upwards."""
    yaw, pitch = np.radians(-yaw_degrees), np.radians(pitch_degrees)
    about_vertical = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_horizontal = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    return np.asarray(about_horizontal @ about_vertical, dtype=np.float64)


def _cylinder(
    origin: Floats, rays: Floats, radius: float, about_vertical: bool
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Where rays first meet a cylinder that touches the print's middle: places along the paper, and whether."""
    round_, straight = (0, 1) if about_vertical else (1, 0)
    from_axis = origin[2] - radius
    a = rays[round_] ** 2 + rays[2] ** 2
    b = origin[round_] * rays[round_] + from_axis * rays[2]
    c = origin[round_] ** 2 + from_axis**2 - radius**2
    root = b**2 - a * c
    reach = (-b - np.sqrt(np.maximum(root, 0))) / a
    angle = np.arctan2(origin[round_] + reach * rays[round_], -(from_axis + reach * rays[2]))
    along, beside = radius * angle, origin[straight] + reach * rays[straight]
    hit = (root > 0) & (np.abs(angle) < np.pi / 2)
    return (along, beside, hit) if about_vertical else (beside, along, hit)


def _holes(portrait: BgrImage, mesh: Landmarks) -> Floats:
    """1 where eyes and mouth were cut out, with soft edges; the mouth's hole is larger than the lips."""
    mask = np.zeros(portrait.shape[:2], dtype=np.uint8)
    half = len(UPPER_LIDS) // 2
    for eye in (slice(None, half), slice(half, None)):
        lids = mesh[np.array(UPPER_LIDS[eye] + LOWER_LIDS[eye]), :2]
        _fill_grown(mask, lids, 1.5, 2.2)
    below = mesh[[UPPER_LIP], :2] + 0.75 * (mesh[[CHIN], :2] - mesh[[UPPER_LIP], :2])
    lips = mesh[[*INNER_UPPER_LIP, *INNER_LOWER_LIP, *MOUTH_CORNERS], :2]
    _fill_grown(mask, lips, 1.7, 6.0)
    _fill_grown(mask, np.concatenate([lips, below]), 1.5, 1.4)
    width = float(mesh[:MESH_POINTS, 0].max() - mesh[:MESH_POINTS, 0].min())
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.008 * width).astype(np.float32) / 255, dtype=np.float32)


def _fill_grown(mask: NDArray[np.uint8], points: Floats, across: float, down: float) -> None:
    """Fill an ellipse around points, grown by factors, at least as high as half its width."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2
    half_width = across * (high[0] - low[0]) / 2
    half_height = max(down * (high[1] - low[1]) / 2, 0.5 * half_width)
    cv2.ellipse(
        mask, ((float(x), float(y)), (2 * float(half_width), 2 * float(half_height)), 0.0), 255, thickness=-1
    )


def _wall(size: tuple[int, int]) -> BgrImage:
    """An office out of focus: the same for everybody."""
    coarse = np.random.default_rng(11).uniform(100, 160, (6, 8, 1)).repeat(3, 2).astype(np.float32)
    return np.asarray(
        cv2.GaussianBlur(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), (0, 0), 9).clip(0, 255),
        dtype=np.uint8,
    )
