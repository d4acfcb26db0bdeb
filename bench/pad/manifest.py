"""What the folder says of its own files: whom a clip shows, and whether it was filmed from a screen."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "MANIFEST.csv"
"""Columns `path`, `identity` and `label`; others are not read."""

REPLAY = re.compile(r"(?<![a-z])replay", re.IGNORECASE)
LIVE = re.compile(r"(real|live|bona.?fide|genuine)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One row; empty where the manifest has none or leaves it out."""

    identity: str = ""
    label: str = ""


def read_manifest(media: Path) -> Mapping[str, Entry]:
    """By path below the media folder. Empty without a manifest; rows that are none are left out."""
    file = media / MANIFEST
    if not file.is_file():
        return {}
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        rows = [row for row in csv.DictReader(lines, restkey="rest", restval="") if row.get("path")]
    return {
        row["path"]: Entry((row.get("identity") or "").strip(), (row.get("label") or "").strip()) for row in rows
    }


def is_screen_recording(stem: str, label: str) -> bool:
    """By its label, where that says so or the contrary; else by the name of the file."""
    if REPLAY.match(label) or LIVE.match(label):
        return REPLAY.match(label) is not None
    return REPLAY.search(stem) is not None
