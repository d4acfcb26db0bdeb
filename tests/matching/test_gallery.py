from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import MatchingFailed
from app.matching import gallery as gallery_module
from app.matching.gallery import TemplateGallery, TemplateIndex, products, search_templates
from tests.fakes import FAKE_CALIBRATION, FAKE_FORMAT

Vectors = NDArray[np.float32]

DIMENSION = 19
ANOTHER = TemplateFormat("fake-model", "2")
FULL_SIZE = 128


def key(number: int) -> str:
    return str(UUID(int=number))


def vectors(count: int, dimension: int = DIMENSION) -> Vectors:
    rows: Vectors = np.random.default_rng(count).normal(size=(count, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


POOL = vectors(5)
POOL[4] = POOL[0] * np.float32(1.0004)
"""Few, so that many keys have equal templates, and the probe is one of them or its opposite. The last one is the
first, but longer than 1 by as much as is let through: their cosines are equal only within −1…1."""

numbers = st.integers(0, 14)
changes = st.lists(st.tuples(numbers, st.none() | st.integers(0, len(POOL) - 1)), max_size=60)
probes = st.sampled_from([*POOL, *-POOL, *vectors(3)])
limits = st.integers(-1, 20)


def template(vector: Vectors, template_format: TemplateFormat = FAKE_FORMAT) -> Template:
    return Template(template_format, vector)


def one(*values: float) -> Vectors:
    return np.array(values, dtype=np.float32)


def brute_force(probe: Vectors, gallery: Mapping[str, Vectors], limit: int) -> Sequence[tuple[str, float]]:
    cosines = {name: template(probe).cosine(template(vector)) for name, vector in gallery.items()}
    return sorted(cosines.items(), key=lambda found: (-found[1], found[0]))[: max(0, limit)]


@given(changes, probes, limits)
def test_a_search_finds_what_sorting_everything_would(
    changed: list[tuple[int, int | None]], probe: Vectors, limit: int
) -> None:
    index, expected = TemplateIndex(DIMENSION, block_rows=4), dict[str, Vectors]()
    for number, chosen in changed:
        if chosen is None:
            assert index.remove(key(number)) == (expected.pop(key(number), None) is not None)
        else:
            index.put([key(number)], POOL[chosen][None])
            expected[key(number)] = POOL[chosen]
    assert len(index) == len(expected)
    assert index.search(probe, limit) == brute_force(probe, expected, limit)


@given(st.lists(st.tuples(numbers, st.integers(0, len(POOL) - 1)), max_size=30), probes)
def test_many_at_once_are_as_many_one_by_one(added: list[tuple[int, int]], probe: Vectors) -> None:
    index, other = (TemplateIndex(DIMENSION, block_rows=4) for _ in range(2))
    index.put([key(number) for number, _ in added], POOL[[chosen for _, chosen in added]])
    for number, chosen in added:
        other.put([key(number)], POOL[[chosen]])
    assert index.search(probe, 20) == other.search(probe, 20)
    assert index.nbytes == other.nbytes


@given(st.dictionaries(st.text(max_size=3), st.integers(0, len(POOL) - 1), max_size=12), probes, limits)
def test_a_gallery_that_comes_with_the_request_is_searched_alike(
    chosen: dict[str, int], probe: Vectors, limit: int
) -> None:
    gallery = {name: POOL[number] for name, number in chosen.items()}
    found = search_templates(template(probe), {name: template(row) for name, row in gallery.items()}, limit)
    assert found == brute_force(probe, gallery, limit)


@pytest.mark.parametrize(
    "reference",
    [
        template(one(1, 0), ANOTHER),
        template(one(1, 0, 0)),
        template(one(np.nan, 0)),
        template(one(np.inf, -np.inf)),
        template(np.ones((1, 2), dtype=np.float32)),
    ],
)
def test_a_damaged_template_in_a_request_is_refused(reference: Template) -> None:
    probe = template(one(0.6, 0.8))
    with pytest.raises(ValueError, match=r"damaged|compared|shape"):
        search_templates(probe, {"a": template(one(1, 0)), "b": reference}, 1)


def test_an_index_holds_little_more_than_its_numbers_and_gives_it_back() -> None:
    count = 10_000
    index = TemplateIndex(FULL_SIZE)
    empty = index.nbytes
    index.put([key(number) for number in range(count)], vectors(count, FULL_SIZE))
    assert index.nbytes <= 70_000_000 * count / 100_000
    for number in range(count):
        index.remove(key(number))
    assert len(index) == 0
    assert index.nbytes < empty + 100


def test_nothing_of_a_removed_template_stays_in_memory() -> None:
    index = TemplateIndex(DIMENSION, block_rows=2)
    index.put([key(number) for number in range(3)], POOL[:3])
    first, second = index._blocks
    index.remove(key(0))
    assert np.array_equal(first, POOL[[2, 1]])
    assert not second.any()
    assert len(index._blocks) == 1
    index.put([key(1)], POOL[[4]])
    assert np.array_equal(first, POOL[[2, 4]])
    index.remove(key(1))
    index.remove(key(2))
    assert not first.any()
    assert index._blocks == []


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ([key(7)], POOL[:2]),
        ([key(7), key(8)], POOL[:1]),
        ([key(7)], vectors(1, DIMENSION + 1)),
        ([key(7)], POOL[0]),
        ([key(7), key(8)], np.stack([POOL[0], POOL[1] * 2])),
        ([key(7), key(8)], np.stack([POOL[0], np.zeros(DIMENSION, dtype=np.float32)])),
        ([key(7), key(8)], np.stack([POOL[0], np.full(DIMENSION, np.nan, dtype=np.float32)])),
        ([key(7), key(8)], np.stack([POOL[0], np.full(DIMENSION, 1e30, dtype=np.float32)])),
        ([key(7), "customer-1"], POOL[:2]),
    ],
)
def test_what_is_no_template_is_refused_and_changes_nothing(keys: list[str], rows: Vectors) -> None:
    index = TemplateIndex(DIMENSION)
    index.put([key(1)], POOL[:1])
    with pytest.raises(ValueError, match=r"template|UUID"):
        index.put(keys, rows)
    assert index.search(POOL[0], 9) == brute_force(POOL[0], {key(1): POOL[0]}, 9)


def test_a_removal_waits_for_the_search_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would move the last template into a block that was searched already."""
    index = TemplateIndex(DIMENSION, block_rows=1)
    index.put([key(number) for number in range(3)], POOL[:3])
    removals: list[threading.Thread] = []

    def products_while_something_is_removed(rows: Vectors, probe: Vectors, out: Vectors) -> Vectors:
        found = products(rows, probe, out)
        if not removals:
            removals.append(threading.Thread(target=index.remove, args=[key(0)]))
            removals[0].start()
            removals[0].join(timeout=0.05)
        return found

    monkeypatch.setattr(gallery_module, "products", products_while_something_is_removed)
    expected = {key(number): POOL[number] for number in range(3)}
    assert index.search(POOL[2], 9) == brute_force(POOL[2], expected, 9)
    removals[0].join()
    del expected[key(0)]
    assert index.search(POOL[2], 9) == brute_force(POOL[2], expected, 9)


def test_many_threads_leave_an_index_whole() -> None:
    """The first half of the keys stays; the second comes and goes, which moves rows about all the time."""
    count = 16
    rows = np.eye(count, dtype=np.float32)
    keys = [key(number) for number in range(count)]
    index = TemplateIndex(count, block_rows=2)
    index.put(keys, rows)

    def change(_: int) -> None:
        for number in range(count // 2, count):
            index.remove(keys[number])
        for number in range(count // 2, count):
            index.put([keys[number]], rows[[number]])

    def search(number: int) -> Mapping[str, float]:
        return dict(index.search(rows[number % count], count))

    with ThreadPoolExecutor(4) as threads:
        changing = threads.map(change, range(50))
        found = list(threads.map(search, range(200)))
        list(changing)
    for number, cosines in enumerate(found):
        wanted = keys[number % count]
        assert set(keys[: count // 2]) <= set(cosines)
        assert all(cosine == (name == wanted) for name, cosine in cosines.items())


def make_gallery() -> TemplateGallery:
    return TemplateGallery(FAKE_FORMAT, 2, FAKE_CALIBRATION)


def test_organizations_and_modes_have_galleries_of_their_own() -> None:
    gallery, probe = make_gallery(), template(one(1, 0))
    gallery.put("acme", True, key(1), probe)
    gallery.put("acme", True, key(2), template(one(0.6, 0.8)))
    gallery.put("acme", False, key(3), probe)
    gallery.put("other", True, key(4), probe)
    found = gallery.search("acme", True, probe, 9)
    assert [candidate.key for candidate in found] == [key(1), key(2)]
    assert [candidate.score for candidate in found] == [
        FAKE_CALIBRATION.score(probe.cosine(template(vector))) for vector in (one(1, 0), one(0.6, 0.8))
    ]
    assert gallery.remove("acme", True, key(1))
    assert not gallery.remove("acme", True, key(1))
    assert not gallery.remove("acme", True, key(3))
    assert not gallery.remove("nobody", True, key(3))
    assert not gallery.remove("acme", True, "no key")
    assert [candidate.key for candidate in gallery.search("acme", True, probe, 9)] == [key(2)]
    assert gallery.search("nobody", True, probe, 9) == []


def test_templates_of_another_model_do_not_meet_a_gallery() -> None:
    gallery = make_gallery()
    gallery.put("acme", True, key(1), template(one(1, 0)))
    for wrong in (template(one(1, 0), ANOTHER), template(one(1, 0, 0)), template(one(np.nan, 0))):
        with pytest.raises(ValueError, match="template"):
            gallery.put("acme", True, key(2), wrong)
        with pytest.raises(MatchingFailed):
            gallery.search("acme", True, wrong, 1)
    assert [candidate.key for candidate in gallery.search("acme", True, template(one(1, 0)), 9)] == [key(1)]
