"""How faces are fed to a recognizer: the part of a manifest entry that stands in for code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from app.domain.comparison import Calibration, TemplateFormat

Colour = tuple[float, float, float]
Point = tuple[float, float]
Points = tuple[Point, Point, Point, Point, Point]

ALIGNMENTS: Mapping[str, Points] = {
    "arcface_112": (
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
}
"""Where the five points of a face come to lie, in pixels of the input: right eye, left eye, tip of the nose,
right and left corner of the mouth. `arcface_112` is InsightFace's template, which SFace was trained on too."""


PREPARATION = 2
"""Of our own between a picture and its template: how a face's points are found, and the graph prepared. Raised
whenever the same file then gives other numbers for the same picture."""


class BadRecognizerEntry(Exception):
    """The entry describes no recognizer that can be used; the message says what is wrong."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RecognizerEntry:
    """`input_side` pixels square, `channels` in the order the model was trained on, (value − mean) / std.

    `alignment` is a name of `ALIGNMENTS` or five points in pixels of the input. `dimension` is the length of a
    template. Without a `calibration` the model makes templates, but no scores.
    """

    input_side: int
    channels: Literal["rgb", "bgr"]
    mean: Colour
    std: Colour
    alignment: str | Points
    dimension: int
    metric: Literal["cosine"]
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if not 16 <= self.input_side <= 1024 or not 16 <= self.dimension <= 4096:
            raise ValueError("the input is 16–1024 pixels square and a template has 16–4096 numbers")
        if not np.isfinite([*self.mean, *self.std]).all() or min(self.std) <= 0:
            raise ValueError("mean and std are numbers, and std is greater than 0")
        if isinstance(self.alignment, str) and self.alignment not in ALIGNMENTS:
            raise ValueError(f"alignment is one of {', '.join(ALIGNMENTS)}, or five points")
        if not ((self.points >= 0) & (self.points <= self.input_side)).all():
            raise ValueError("the five points of the alignment lie in the input, in pixels")
        if np.linalg.matrix_rank(self.points - self.points.mean(axis=0)) < 2:
            raise ValueError("the five points of the alignment must not lie on one line")

    @property
    def points(self) -> NDArray[np.float64]:
        """5 × 2, in pixels of the input."""
        points = ALIGNMENTS[self.alignment] if isinstance(self.alignment, str) else self.alignment
        return np.array(points, dtype=np.float64)


_ENTRY = TypeAdapter(RecognizerEntry)


def parse_recognizer(table: Mapping[str, object]) -> RecognizerEntry:
    """The `recognizer` table of a manifest entry. `BadRecognizerEntry` with everything that is wrong."""
    try:
        return _ENTRY.validate_python(table)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'recognizer'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise BadRecognizerEntry("; ".join(problems)) from error


def template_format(model_id: str, sha256: str, entry: RecognizerEntry) -> TemplateFormat:
    """Names what the templates depend on: the file, how faces are fed to it, and our own `PREPARATION` of both.

    The scale is no part of it.
    """
    fed = {name: getattr(entry, name) for name in ("input_side", "channels", "mean", "std", "dimension")}
    fed["points"] = entry.points.tolist()
    fed["preparation"] = PREPARATION
    digest = hashlib.sha256(json.dumps([sha256, fed], sort_keys=True).encode("utf-8"))
    return TemplateFormat(model_id, digest.hexdigest()[:12])
