"""Comparison scores of many pairs of pictures, with the people in them: what error rates are counted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_TEMPLATE = -np.inf
"""Stands for the cosine of a pair one of whose pictures failed to enrol: it matches at no threshold."""

CROSS_PAIRS_MAX = 10_000_000
"""More cross pairs than this are not made (some 400 MB); people are drawn until their pictures make no more."""

_BLOCK = 512
_SEED = 1

Cosines = NDArray[np.float64]
Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class PairScores:
    """`cosines` are −1…1 or `NO_TEMPLATE`; `people` the identities' numbers (0, 1, …) of either side of the pairs.

    `people` is None where nobody knows them. In a mated pair both are equal, in a non-mated one they differ.
    `crossed` is the number of pictures of each person where these are all pairs across people, else None.
    """

    cosines: Cosines
    people: tuple[Numbers, Numbers] | None = None
    crossed: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.cosines)

    @property
    def people_count(self) -> int:
        """One more than the largest number: a bound for arrays that are indexed by it."""
        if self.people is None or not len(self):
            return 0
        return int(max(side.max() for side in self.people)) + 1

    @property
    def without_template(self) -> int:
        """Pairs that could not be compared since a picture failed to enrol."""
        return int(np.isneginf(self.cosines).sum())


@dataclass(frozen=True)
class PictureTemplates:
    """Templates of n pictures: `vectors` n × dimension, L2-normalized; all zeros where a picture failed to enrol.

    `person` is the number of the identity that each picture shows, None where identities are not known.
    """

    vectors: NDArray[np.float32]
    is_enrolled: NDArray[np.bool_]
    person: Numbers | None

    def pairs(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> PairScores:
        """Scores of the pairs of pictures with these numbers."""
        cosines = np.einsum("ij,ij->i", self.vectors[first], self.vectors[second])
        return PairScores(
            self._bounded(cosines, first, second),
            None if self.person is None else (self.person[first], self.person[second]),
        )

    def cross_pairs(self, pairs_max: int = CROSS_PAIRS_MAX) -> PairScores:
        """All pairs of pictures of different people; of people drawn by a fixed seed where those are too many.

        ValueError where identities are not known.
        """
        if self.person is None:
            raise ValueError("cross pairs need to know who is in the pictures")
        chosen = _bounded_choice(self.person, pairs_max)
        parts = [self._cross_block(chosen, start) for start in range(0, len(chosen), _BLOCK)]
        if not parts:
            nobody = np.zeros(0, dtype=np.int32)
            return PairScores(np.zeros(0), (nobody, nobody))
        cosines, first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
        return PairScores(cosines, (first, second), np.bincount(self.person[chosen]))

    def _cross_block(self, chosen: NDArray[np.intp], start: int) -> tuple[Cosines, Numbers, Numbers]:
        """Pairs of up to `_BLOCK` pictures with those after them: the whole square would be n² at once."""
        assert self.person is not None
        rows, columns = chosen[start : start + _BLOCK], chosen[start:]
        is_after = np.arange(len(columns))[None, :] > np.arange(len(rows))[:, None]
        row, column = np.nonzero(is_after & (self.person[rows][:, None] != self.person[columns][None, :]))
        cosines = (self.vectors[rows] @ self.vectors[columns].T)[row, column]
        first, second = rows[row], columns[column]
        return self._bounded(cosines, first, second), self.person[first], self.person[second]

    def _bounded(self, cosines: NDArray[np.float32], first: NDArray[np.intp], second: NDArray[np.intp]) -> Cosines:
        """As `Template.cosine` has it: rounding never leaves −1…1."""
        is_compared = self.is_enrolled[first] & self.is_enrolled[second]
        return np.where(is_compared, np.clip(cosines.astype(np.float64), -1.0, 1.0), NO_TEMPLATE)


def _bounded_choice(person: Numbers, pairs_max: int) -> NDArray[np.intp]:
    """Numbers of the pictures to cross: all, or all pictures of as many people as the bound allows."""
    if _cross_count(np.bincount(person)) <= pairs_max:
        return np.arange(len(person))
    order = np.random.default_rng(_SEED).permutation(int(person.max()) + 1)
    counts = np.bincount(person)[order]
    # With the first k people: half of (all pictures)² less the pairs within a person.
    pairs = (np.cumsum(counts) ** 2 - np.cumsum(counts**2)) // 2
    kept = order[: int(np.searchsorted(pairs, pairs_max, side="right"))]
    return np.nonzero(np.isin(person, kept))[0]


def _cross_count(pictures: NDArray[np.intp]) -> int:
    """Pairs of pictures of different people, from the number of pictures of each."""
    return int((pictures.sum() ** 2 - (pictures**2).sum()) // 2)
