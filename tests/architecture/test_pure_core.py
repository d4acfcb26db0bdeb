"""What import contracts cannot say: the core uses only what is listed, and time reaches it through a port."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
CORE = sorted([*(APP / "domain").rglob("*.py"), *(APP / "services").rglob("*.py")])
NO_BUSINESS_OF_THE_CORE = {"http", "logging", "os", "random", "socket", "sqlite3", "ssl", "subprocess", "time"}
"""Parts of the standard library that reach out of the process, or that a port stands for."""


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(APP)))
def test_the_core_imports_the_standard_library_and_numpy_only(path: Path) -> None:
    own = ("app.domain",) if "domain" in path.parts else ("app.domain", "app.services")
    foreign = [
        name
        for name in imported_modules(path)
        if not name.startswith(own)
        and name.partition(".")[0] not in (sys.stdlib_module_names - NO_BUSINESS_OF_THE_CORE) | {"numpy"}
    ]
    assert foreign == []


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(APP)))
def test_the_core_asks_its_clock_for_the_time(path: Path) -> None:
    asks = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and ast.unparse(node.func.value).rpartition(".")[2] in {"datetime", "date"}
    ]
    assert asks == []
