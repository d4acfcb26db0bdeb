"""What a server writes to standard error: our own lines at the level of the settings, warnings of all others."""

from __future__ import annotations

import logging


def configure_logging(level: str) -> None:
    """Libraries stay at warnings: some of them log addresses, and ours carry session tokens."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("app").setLevel(level.upper())
