"""Skin as TEXTURE sees it, drawn: blotches on grey, which change with a movement or stay the same picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.domain.challenge import ChallengeKind
from app.domain.face import FaceMeasurement
from app.domain.frame_signals import TEXTURE_SIDE, GreyImage
from app.domain.liveness import LIMITS

Skin = NDArray[np.float64]
"""`TEXTURE_SIDE` square, in grey levels."""


def skin(seed: int = 1) -> Skin:
    """Blotches of three pixels on grey."""
    coarse = np.random.default_rng(seed).normal(0, 25, (22, 22))
    fine = np.kron(coarse, np.ones((3, 3)))[:TEXTURE_SIDE, :TEXTURE_SIDE]
    return 130.0 + (fine + np.roll(fine, 1, axis=0) + np.roll(fine, 1, axis=1)) / 3


def same_picture(share: float) -> Skin:
    """Drawn a pixel off, and brighter as a whole: what rectifying a bent picture leaves."""
    return np.roll(skin(), round(share), axis=1) * (1.0 + 0.1 * share)


def living(share: float) -> Skin:
    """Light comes from another side, and a part of what is seen is new."""
    across = np.linspace(-1, 1, TEXTURE_SIDE)[None, :]
    return (skin() * (1 - 0.25 * share) + 0.25 * share * skin(2)) * (1.0 + 0.25 * share * across)


def drawn(look: Skin, seed: int, noise: float) -> GreyImage:
    """As a camera gives it."""
    noisy = look + np.random.default_rng(seed).normal(0, noise, look.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def living_skin_of(face: FaceMeasurement) -> GreyImage:
    """The skin of a synthetic face as far as it has turned, tilted or smiled."""
    turn, tilt, smile = (
        LIMITS[kind].required for kind in (ChallengeKind.TURN_LEFT, ChallengeKind.LOOK_UP, ChallengeKind.SMILE)
    )
    pose, expression = face.pose, face.expression
    share = max(abs(pose.yaw_degrees) / turn, abs(pose.pitch_degrees) / tilt, expression.smile / smile)
    return _living(round(min(share, 2.0), 2))


@lru_cache(maxsize=512)
def _living(share: float) -> GreyImage:
    return drawn(living(share), 0, 0.0)
