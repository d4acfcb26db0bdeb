"""A net of triangles over points in a picture, for whoever bends pictures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def triangles_over(points: NDArray[np.float32]) -> Sequence[tuple[int, int, int]]:
    """Delaunay triangles of points (n × 2 or more, pixels): indices of their corners. Equal points count once."""
    low, high = points[:, :2].min(axis=0) - 2, points[:, :2].max(axis=0) + 2
    plane = cv2.Subdiv2D((int(low[0]), int(low[1]), int(high[0] - low[0]) + 2, int(high[1] - low[1]) + 2))
    places = {}
    for index, (x, y) in enumerate(points[:, :2]):
        plane.insert((float(x), float(y)))
        places[float(x), float(y)] = index
    found = [[places.get((float(c[i]), float(c[i + 1]))) for i in (0, 2, 4)] for c in plane.getTriangleList()]
    return [(a, b, c) for a, b, c in found if a is not None and b is not None and c is not None]
