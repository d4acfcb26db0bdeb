"""Exact search: every template of a gallery is compared, on one core, in memory."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.domain.comparison import Calibration, Candidate, Template, TemplateFormat
from app.domain.errors import MatchingFailed
from app.matching.key_rows import KeyRows, packed, unpacked

Key = TypeVar("Key", str, bytes)
Vectors = NDArray[np.float32]

BLOCK_ROWS = 2048
"""1 MiB of 128 numbers. Of 256 to 16,384 rows, searched in turn over 100,000 × 128 on one core, 1,024 and more
took the same within 5 %, 256 a tenth longer; larger blocks keep more memory for rows that are not there yet."""

LENGTH_TOLERANCE = 1e-3
"""How far from 1 the length of a vector may be. float32 stays within 1e-6; more is no normalized vector."""


class TemplateIndex:
    """Normalized float32 templates in fixed blocks, each under a UUID. Threads share it.

    One lock covers keys and vectors: what changes them and what searches them take turns. A search therefore
    sees each template whole, with its own key, and the moves of a removal either not at all or done. A change
    waits for one search at most (some 10 ms with 100,000 × 128), a search for one change.

    No row is left behind: a removed template is overwritten by the last one, the last one's old place by zeros,
    and a block without rows is given back. 100,000 × 128 take 51.2 MB and 2.8 MB for the keys.
    """

    def __init__(self, dimension: int, block_rows: int = BLOCK_ROWS) -> None:
        self._dimension = dimension
        self._block_rows = block_rows
        self._blocks: list[Vectors] = []
        self._keys = KeyRows()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def nbytes(self) -> int:
        """What blocks and keys hold."""
        with self._lock:
            return sum(block.nbytes for block in self._blocks) + self._keys.nbytes

    def put(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Add the rows of `vectors` (n × dimension), each in the place of what its key had before.

        ValueError, before anything is changed, for a key that is no UUID, another shape, or a row that is not
        normalized.
        """
        names = [packed(key) for key in keys]
        self._check(vectors, len(names))
        with self._lock:
            self._reserve(len(self._keys) + len(names))
            for name, vector in zip(names, vectors, strict=True):
                row = self._keys.row(name)
                self._set(self._keys.add(name) if row is None else row, vector)
            self._release()

    def remove(self, key: str) -> bool:
        """Whether it was there. Nothing of it stays in memory."""
        try:
            name = packed(key)
        except ValueError:
            return False
        with self._lock:
            row = self._keys.remove(name)
            if row is None:
                return False
            last = len(self._keys)
            self._set(row, self._blocks[last // self._block_rows][last % self._block_rows])
            self._set(last, np.float32(0))
            self._release()
        return True

    def search(self, probe: Vectors, limit: int) -> Sequence[tuple[str, float]]:
        """The `limit` templates with the highest cosines, the highest first; of equal ones the smaller key.

        ValueError for another length, or a probe that is not normalized.
        """
        self._check(probe[None], 1)
        with self._lock:
            cosines = np.empty(len(self._keys), dtype=np.float32)
            for number, block in enumerate(self._blocks):
                part = cosines[number * self._block_rows : (number + 1) * self._block_rows]
                products(block[: len(part)], probe, part)
            rows = highest(clipped(cosines), limit)
            names = [self._keys.key(row) for row in rows.tolist()]
        best = ranked(zip(names, cosines[rows].tolist(), strict=True), limit)
        return [(unpacked(name), cosine) for name, cosine in best]

    def _check(self, vectors: Vectors, count: int) -> None:
        if vectors.shape != (count, self._dimension):
            raise ValueError(f"a template of this index has {self._dimension} numbers")
        with np.errstate(over="ignore", invalid="ignore"):
            squared = np.vecdot(vectors, vectors)
        if not (np.abs(squared - 1) <= 2 * LENGTH_TOLERANCE).all():
            raise ValueError("a template is not normalized")

    def _set(self, row: int, vector: Vectors | np.float32) -> None:
        self._blocks[row // self._block_rows][row % self._block_rows] = vector

    def _reserve(self, rows: int) -> None:
        """Blocks for so many rows, before anything is changed: memory may run out."""
        while len(self._blocks) * self._block_rows < rows:
            self._blocks.append(np.zeros((self._block_rows, self._dimension), dtype=np.float32))

    def _release(self) -> None:
        """Give back blocks without rows; they hold zeros."""
        del self._blocks[-(-len(self._keys) // self._block_rows) :]


class TemplateGallery:
    """Implements `Gallery`: an index for each organization and mode, and the recognizer's scale. Keys are UUIDs.

    Searches take turns, and each runs on the thread that asks: however many are asked for, they take one core
    and leave the others to live frames.
    """

    def __init__(self, template_format: TemplateFormat, dimension: int, calibration: Calibration) -> None:
        self._format = template_format
        self._dimension = dimension
        self._calibration = calibration
        self._indexes: dict[tuple[str, bool], TemplateIndex] = {}
        self._making = threading.Lock()
        self._turn = threading.Lock()

    def put(self, organization_id: str, is_test: bool, key: str, template: Template) -> None:
        """ValueError also for a damaged template, and for a key that is no UUID."""
        if template.format != self._format:
            raise ValueError("the template is of another model than the gallery's")
        index = self._indexes.get((organization_id, is_test))
        if index is None:
            with self._making:
                index = self._indexes.setdefault((organization_id, is_test), TemplateIndex(self._dimension))
        index.put([key], template.vector[None])

    def remove(self, organization_id: str, is_test: bool, key: str) -> bool:
        index = self._indexes.get((organization_id, is_test))
        return index is not None and index.remove(key)

    def search(self, organization_id: str, is_test: bool, probe: Template, limit: int) -> Sequence[Candidate]:
        """`MatchingFailed` also for a damaged probe."""
        if probe.format != self._format:
            raise MatchingFailed("The probe is of another model than the gallery's templates.")
        index = self._indexes.get((organization_id, is_test))
        if index is None:
            return []
        try:
            with self._turn:
                found = index.search(probe.vector, limit)
        except ValueError as error:
            raise MatchingFailed("The probe is damaged.") from error
        return [Candidate(key, self._calibration.score(cosine)) for key, cosine in found]


def search_templates(probe: Template, gallery: Mapping[str, Template], limit: int) -> Sequence[tuple[str, float]]:
    """The same search where the templates come with the request: any keys, nothing kept.

    ValueError where a template is of another format or length than the probe, or damaged.
    """
    if any(template.format != probe.format for template in gallery.values()):
        raise ValueError("templates of different models cannot be compared")
    if not gallery:
        return []
    rows = np.stack([template.vector for template in gallery.values()])
    if rows.ndim != 2 or rows.shape[1:] != probe.vector.shape:
        raise ValueError("templates of different lengths cannot be compared")
    with np.errstate(over="ignore", invalid="ignore"):
        cosines = products(rows, probe.vector)
    if not np.isfinite(cosines).all():
        raise ValueError("a template is damaged")
    keys = list(gallery)
    best = highest(clipped(cosines), limit).tolist()
    return ranked(((keys[row], float(cosines[row])) for row in best), limit)


def products(rows: Vectors, probe: Vectors, out: Vectors | None = None) -> Vectors:
    """The probe's dot product with each row: bit for bit what `Template.cosine` computes.

    A BLAS matrix–vector product (`rows @ probe`) rounds differently with a row's place among the others: equal
    templates would score unequally, and the order would depend on what else is there. `vecdot` takes the same
    dot product for each row, on the thread that asks, where BLAS may use every core for a large matrix.
    It takes up to twice as long where all rows are in the cache, and little longer where memory is what
    both wait for.
    """
    found: Vectors = np.vecdot(rows, probe, out=out)
    return found


def clipped(cosines: Vectors) -> Vectors:
    """The same array: rounding must not carry a cosine beyond −1…1, where equal ones would seem unequal."""
    np.clip(cosines, np.float32(-1), np.float32(1), out=cosines)
    return cosines


def highest(cosines: Vectors, limit: int) -> NDArray[np.intp]:
    """Positions of the `limit` highest and of all that equal the last of them, in any order."""
    if limit <= 0:
        return np.empty(0, dtype=np.intp)
    if limit >= len(cosines):
        return np.arange(len(cosines))
    return np.flatnonzero(cosines >= np.partition(cosines, -limit)[-limit])


def ranked(found: Iterable[tuple[Key, float]], limit: int) -> Sequence[tuple[Key, float]]:
    """The highest cosine first; of equal ones the smaller key."""
    return heapq.nsmallest(limit, found, key=lambda one: (-one[1], one[0]))
