"""Secrets for development: made once and kept in the data folder, so that a restart keeps links and data alive."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "dev-secrets.json"
NAMES = ("BONAFIDE_SECRET_KEYS", "BONAFIDE_MASTER_KEYS", "BONAFIDE_SIGNING_KEYS")


class DevSecretsUnreadable(Exception):
    """The file is there but is not what `make_dev_secrets` wrote."""


def read_dev_secrets(data_dir: Path) -> Mapping[str, str]:
    """Variable name → value as in the environment; empty where no development server ever ran."""
    path = data_dir / FILE_NAME
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DevSecretsUnreadable(f"{path} is damaged ({error})") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in NAMES):
        raise DevSecretsUnreadable(f"{path} does not hold {', '.join(NAMES)}")
    return {name: content[name] for name in NAMES}


def make_dev_secrets(data_dir: Path) -> Mapping[str, str]:
    """Read the secrets, or make them the first time: mode 0600, one winner among processes that start at once."""
    existing = read_dev_secrets(data_dir)
    if existing:
        return existing
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=data_dir, encoding="utf-8") as temporary:
        json.dump(_new_secrets(), temporary, indent=2)
        temporary.flush()
        os.fsync(temporary.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first; its secrets count
            os.link(temporary.name, data_dir / FILE_NAME)
    return read_dev_secrets(data_dir)


def _new_secrets() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode("ascii")

    return {
        "BONAFIDE_SECRET_KEYS": secrets.token_urlsafe(48),
        "BONAFIDE_MASTER_KEYS": f"dev-1:{key()}",
        "BONAFIDE_SIGNING_KEYS": f"dev-1:{key()}",
    }
