"""Exact search: how long it takes on one core, what it holds in memory, and how long a gallery takes to load.

    python bench/search.py                        # 10,000 and 100,000 templates; loads 10,000 enrolments
    python bench/search.py --sizes 1000000 --enrolments 100000 --out var/search.json

Each measurement runs in a process of its own, bound to one core. `plain` is `gallery @ probe` over one array and
`argpartition`, in turn with the index in the same process: not exact about ties, and nothing can be deleted.
The enrolments to load stand in a store of their own (SQLite, encrypted as always) in a temporary folder.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from app.adapters.db.tables import Base, EntityKeyRow, EntityRow, KycValidationRow, TemplateRow
from app.adapters.encryption import DataKeys, WrappedKey
from app.adapters.template_vault import EncryptedTemplateVault
from app.config import Settings
from app.dev_secrets import make_dev_secrets
from app.domain.comparison import Calibration, Template, TemplateFormat
from app.domain.organization import Entity, KycValidation, Organization, ValidationStatus
from app.main import Infrastructure, ensure_demo_organization, open_infrastructure, prepare_store
from app.main.infrastructure import make_template_vault
from app.matching.gallery import BLOCK_ROWS, TemplateGallery, TemplateIndex
from app.services.load_gallery import LoadGallery

Vectors = NDArray[np.float32]
Figures = dict[str, float]

DIMENSION = 128
LIMIT = 10
PAGE = 500
CHANGES = 2_000
FORMAT = TemplateFormat("bench", "1")
SCALE = Calibration("bench", (-1.0, 1.0), (0.0, 100.0))
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    options = _options()
    report: dict[str, object] = {"dimension": DIMENSION, "limit": LIMIT, "block_rows": options.block_rows}
    report["index"] = {}
    for size in options.sizes:
        figures = alone(measure_index, size, options.rounds, options.block_rows)
        figures["traced_mb"] = alone(traced_mb, size, options.block_rows)["traced_mb"]
        report["index"] = {**_dict(report["index"]), str(size): figures}
        print(_line(f"{size:,} × {DIMENSION}", figures), flush=True)
    if options.enrolments:
        report["start_up"] = alone(measure_start_up, options.enrolments)
        print(_line(f"start-up, {options.enrolments:,} enrolments", _dict(report["start_up"])), flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="templates of an index")
    parser.add_argument("--enrolments", type=int, default=10_000, help="how many to load from a store; 0: none")
    parser.add_argument("--rounds", type=int, default=200, help="searches that are timed")
    parser.add_argument("--block-rows", type=int, default=BLOCK_ROWS)
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser.parse_args()


def alone(measure: Callable[..., Figures], *arguments: int) -> Figures:
    """In a fresh process, so that nothing but its own memory is measured, and with one thread for BLAS."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, initializer=_take_one_core) as process:
        return process.submit(measure, *arguments).result()


def _take_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure_index(size: int, rounds: int, block_rows: int) -> Figures:
    """Time and resident memory."""
    for page in pages(PAGE):  # what numpy itself takes at its first use is no part of the index
        TemplateIndex(DIMENSION, block_rows).put(keys(0, PAGE), page)
    before, began = _resident_bytes(), time.perf_counter()
    index = filled(size, block_rows)
    filling = time.perf_counter() - began
    figures = {"resident_mb": (_resident_bytes() - before) / 1e6, "held_mb": index.nbytes / 1e6}
    figures["adds_many_per_s"] = size / filling
    figures |= _searches(index, size, rounds) | _changes(index, size)
    return figures


def traced_mb(size: int, block_rows: int) -> Figures:
    """What Python and numpy say they allocated for it."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    index = filled(size, block_rows)
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] - before
    assert len(index) == size
    return {"traced_mb": traced / 1e6}


def pages(size: int) -> Iterator[Vectors]:
    """Random normalized templates, always the same."""
    random = np.random.default_rng(size)
    for start in range(0, size, PAGE):
        rows = random.standard_normal((min(PAGE, size - start), DIMENSION), dtype=np.float32)
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)


def keys(start: int, count: int) -> list[str]:
    """UUIDs that grow, as UUIDv7 do."""
    return [str(UUID(int=(0x0190 << 112) | number)) for number in range(start, start + count)]


def filled(size: int, block_rows: int) -> TemplateIndex:
    """An index of random templates."""
    index = TemplateIndex(DIMENSION, block_rows)
    for page in pages(size):
        index.put(keys(len(index), len(page)), page)
    return index


def _searches(index: TemplateIndex, size: int, rounds: int) -> Figures:
    """Index and plain numpy in turn, each with the same probes."""
    plain = np.concatenate(list(pages(size)))
    probes = list(next(pages(max(PAGE, rounds))))[:rounds]
    ours, theirs, cpu = [], [], []
    for probe in probes[:3]:
        index.search(probe, LIMIT)
        _plain_search(plain, probe)
    for probe in probes:
        began, began_cpu = time.perf_counter(), time.process_time()
        index.search(probe, LIMIT)
        cpu.append(time.process_time() - began_cpu)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        _plain_search(plain, probe)
        theirs.append(time.perf_counter() - began)
    return {
        "median_ms": statistics.median(ours) * 1e3,
        "p95_ms": _p95(ours) * 1e3,
        "cpu_median_ms": statistics.median(cpu) * 1e3,
        "plain_median_ms": statistics.median(theirs) * 1e3,
        "ratio_to_plain": statistics.median(ours) / statistics.median(theirs),
    }


def _plain_search(gallery: Vectors, probe: Vectors) -> NDArray[np.intp]:
    cosines = gallery @ probe
    best = np.argpartition(cosines, -LIMIT)[-LIMIT:]
    return np.asarray(best[np.argsort(-cosines[best])], dtype=np.intp)


def _changes(index: TemplateIndex, size: int) -> Figures:
    """One by one, in an index that is full already; deletions take rows from the middle."""
    rows = np.concatenate(list(pages(CHANGES)))
    added = keys(size, CHANGES)
    began = time.perf_counter()
    for key, row in zip(added, rows, strict=True):
        index.put([key], row[None])
    adding = time.perf_counter() - began
    removed = keys(size // 2, min(CHANGES, size // 2))
    began = time.perf_counter()
    for key in removed:
        index.remove(key)
    removing = time.perf_counter() - began
    return {"adds_per_s": CHANGES / adding, "deletes_per_s": len(removed) / removing}


def measure_start_up(enrolments: int) -> Figures:
    """From sealed templates in a store to a gallery that can be searched."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        make_dev_secrets(data)
        settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(data)}, may_use_dev_secrets=True)
        prepare_store(settings)
        infrastructure = open_infrastructure(settings)
        try:
            organization = ensure_demo_organization(infrastructure)
            began = time.perf_counter()
            write_enrolments(settings, infrastructure, organization, enrolments)
            writing = time.perf_counter() - began
            gallery = TemplateGallery(FORMAT, DIMENSION, SCALE)
            vault, clock = make_template_vault(settings, infrastructure), infrastructure.clock
            load = LoadGallery(store=infrastructure.store, vault=vault, gallery=gallery, clock=clock)
            before = _resident_bytes()
            loaded = load(organization.organization_id, True, FORMAT)
            resident = _resident_bytes() - before
        finally:
            infrastructure.store.close()
    assert (loaded.templates, loaded.damaged) == (enrolments, 0)
    seconds = max(loaded.elapsed_ms, 1) / 1e3
    return {
        "seconds": seconds,
        "templates_per_s": enrolments / seconds,
        "resident_mb": resident / 1e6,
        "writing_them_took_s": writing,
    }


class KeysInMemory:
    """Implements `WrappedKeys` as far as sealing goes: keys are written to the store in bulk afterwards."""

    def __init__(self) -> None:
        self.made: list[WrappedKey] = []

    def find(self, organization_id: str, entity_id: str) -> WrappedKey | None:
        return None

    def find_all(self, entity_ids: Collection[str]) -> Sequence[WrappedKey]:
        return []

    def add_first(self, key: WrappedKey) -> WrappedKey:
        self.made.append(key)
        return key

    def not_wrapped_by(self, master_key_id: str, limit: int) -> Sequence[WrappedKey]:
        return []

    def replace(self, before: WrappedKey, after: WrappedKey) -> bool:
        return False


def write_enrolments(
    settings: Settings, infrastructure: Infrastructure, organization: Organization, enrolments: int
) -> None:
    """As enrolling one by one would leave them, apart from the portraits."""
    wrapped = KeysInMemory()
    vault = EncryptedTemplateVault(DataKeys(wrapped, {key.key_id: key.key for key in settings.master_keys}))
    for page in pages(enrolments):
        people = [_enrolment(infrastructure, organization) for _ in page]
        sealed = [
            vault.seal(validation, Template(FORMAT, row), validation.created_at)
            for (_, validation), row in zip(people, page, strict=True)
        ]
        _insert(infrastructure, EntityRow, [entity for entity, _ in people])
        _insert(infrastructure, KycValidationRow, [validation for _, validation in people])
        _insert(infrastructure, EntityKeyRow, wrapped.made)
        _insert(infrastructure, TemplateRow, sealed)
        wrapped.made.clear()


def _enrolment(infrastructure: Infrastructure, organization: Organization) -> tuple[Entity, KycValidation]:
    now, new_id = infrastructure.clock.now(), infrastructure.randomness.object_id
    entity = Entity(new_id(), organization.organization_id, True, "person", "Somebody", now, now)
    validation = KycValidation(
        new_id(), entity.organization_id, entity.entity_id, True, ValidationStatus.APPROVED, now, now
    )
    return entity, replace(validation, approved_at=now)


def _insert(infrastructure: Infrastructure, row: type[Base], objects: Sequence[object]) -> None:
    with infrastructure.engine.begin() as connection:
        connection.execute(insert(row.__table__), [dict(vars(one)) for one in objects])  # type: ignore[arg-type]


def _resident_bytes() -> int:
    """Of this process, where the system tells (Linux)."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def _dict(value: object) -> Figures:
    assert isinstance(value, dict)
    return value


def _line(name: str, figures: Figures) -> str:
    return f"{name}: " + ", ".join(f"{what} {value:,.2f}" for what, value in figures.items())


if __name__ == "__main__":
    main()
