"""Passive presentation attack detection: networks that look at one crop around a face.

Both networks take a crop of 2.7 face boxes, blue-green-red, 0–255, and answer three logits, one of which
stands for a bona fide presentation. They err on different material, so every one that is present is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.adapters.model_files import sha256_of
from app.adapters.pool import Pool
from app.domain.face import BgrImage, FaceBox
from app.domain.verdict import ModelIdentity

CROP_SCALE = 2.7
"""Side of the crop over side of the face box, as the networks were trained (Silent-Face-Anti-Spoofing)."""


@dataclass(frozen=True)
class PadModel:
    """`side` is the input's width and height in pixels, `bona_fide_class` the index of that logit."""

    model_id: str
    side: int
    bona_fide_class: int


PAD_MODELS = (
    PadModel("minifasnet_v2", side=80, bona_fide_class=1),
    PadModel("fr_liveness", side=128, bona_fide_class=0),
)


class PassivePadModels:
    """`PassivePad` over the models whose files are given: model id → path.

    A model without a file is named by `models()` and takes no part. RuntimeError where a file cannot be
    loaded, ValueError for an unknown model id.
    """

    def __init__(self, paths: Mapping[str, Path], pool_size: int = 1) -> None:
        cv2.setNumThreads(1)  # the pool uses the cores; threads inside OpenCV as well would fight over them
        if unknown := sorted(set(paths) - {model.model_id for model in PAD_MODELS}):
            raise ValueError(f"no passive PAD model: {', '.join(unknown)}")
        self._identities = tuple(
            ModelIdentity(model.model_id, sha256_of(paths[model.model_id]) if model.model_id in paths else None)
            for model in PAD_MODELS
        )
        self._present = tuple(model for model in PAD_MODELS if model.model_id in paths)
        self._networks = Pool(lambda: [_load(paths[model.model_id]) for model in self._present], pool_size)

    def score(self, image: BgrImage, box: FaceBox) -> Mapping[str, float]:
        """Model id → probability of a bona fide presentation, 0–1; 6 ms for both.

        A model whose answer is not finite is left out, and all are where the box lies outside the image.
        """
        crop = pad_crop(image, box)
        if crop is None:
            return {}
        with self._networks.borrow() as networks:
            answers = {
                model.model_id: _probability(network, model, crop)
                for model, network in zip(self._present, networks, strict=True)
            }
        return {model_id: value for model_id, value in answers.items() if np.isfinite(value)}

    def models(self) -> Sequence[ModelIdentity]:
        """Both models; `sha256` None for a missing one."""
        return self._identities


def pad_crop(image: BgrImage, box: FaceBox) -> BgrImage | None:
    """The face with its surroundings, as Silent-Face cuts it; None where the box lies outside the image.

    The box keeps its shape, grows by `CROP_SCALE` or as far as the image allows, and is then pushed inside.
    """
    height, width = image.shape[:2]
    centre_x, centre_y = box.centre
    if box.width < 1 or box.height < 1 or not (0 <= centre_x < width and 0 <= centre_y < height):
        return None
    scale = min((height - 1) / box.height, (width - 1) / box.width, CROP_SCALE)
    half_width, half_height = box.width * scale / 2, box.height * scale / 2
    left = min(max(centre_x - half_width, 0.0), width - 1 - 2 * half_width)
    top = min(max(centre_y - half_height, 0.0), height - 1 - 2 * half_height)
    right, bottom = int(left + 2 * half_width), int(top + 2 * half_height)
    return image[int(top) : bottom + 1, int(left) : right + 1]


def _load(path: Path) -> cv2.dnn.Net:
    try:
        return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise RuntimeError(f"{path.name} cannot be loaded") from error


def _probability(network: cv2.dnn.Net, model: PadModel, crop: BgrImage) -> float:
    """Softmax of the bona fide logit."""
    network.setInput(cv2.dnn.blobFromImage(crop, 1.0, (model.side, model.side)))
    logits = np.asarray(network.forward(), dtype=np.float64).ravel()
    exponents = np.exp(logits - logits.max())
    return float(exponents[model.bona_fide_class] / exponents.sum())
