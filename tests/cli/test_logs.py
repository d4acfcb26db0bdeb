from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.cli.logs import configure_logging


@pytest.fixture(autouse=True)
def levels_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("app")
    before = root.level, own.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    own.setLevel(before[1])
    root.handlers[:] = before[2]


@pytest.mark.parametrize(("level", "is_shown"), [("debug", True), ("info", True), ("warning", False)])
def test_our_own_lines_are_shown_at_the_level_of_the_settings(level: str, is_shown: bool) -> None:
    configure_logging(level)
    assert logging.getLogger("app.jobs.renewal").isEnabledFor(logging.INFO) is is_shown


def test_libraries_only_warn_whatever_the_level() -> None:
    """Some log addresses, and ours carry session tokens."""
    logging.getLogger().setLevel(logging.WARNING)
    configure_logging("debug")
    for library in ("httpx", "werkzeug", "engineio.server", "sqlalchemy.engine"):
        assert not logging.getLogger(library).isEnabledFor(logging.INFO), library
