"""Locks pin everything by hash and name no registry: each machine uses its own."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def pinned(lock: Path) -> dict[str, str]:
    """Name → version (and marker) of everything that a lock pins."""
    return dict(re.findall(r"^([a-z0-9-]+)==(.+?) \\$", lock.read_text("utf-8"), re.MULTILINE))


def normalized(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda lock: lock.name)
def test_a_python_lock_pins_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash=sha256:", ""), re.MULTILINE), "an option of pip"
    entries = re.findall(r"^[a-z0-9-]+==.+\n(?: {4}.+\n)+", text, re.MULTILINE)
    assert len(entries) == len(pinned(lock)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_locks_hold_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    runtime = {normalized(name) for name in [*project["project"]["dependencies"], *groups["build"]]}
    assert runtime <= set(pinned(ROOT / "requirements" / "runtime.lock"))
    assert {normalized(name) for name in groups["dev"]} <= set(pinned(ROOT / "requirements" / "dev.lock"))


def test_developers_run_the_very_versions_that_are_served() -> None:
    runtime = pinned(ROOT / "requirements" / "runtime.lock").items()
    assert runtime <= pinned(ROOT / "requirements" / "dev.lock").items()


def test_the_npm_lock_pins_by_hash_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())
