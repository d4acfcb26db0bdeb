"""How a JPEG was made, without decoding it: every encoder leaves its hand."""

from __future__ import annotations

import hashlib

TABLES, FRAMES, SCAN = 0xDB, frozenset({0xC0, 0xC1, 0xC2}), 0xDA
HEADERS_MAX = 64
"""Segments before the scan that are looked at; camera pages send about ten."""


def jpeg_structure(data: bytes) -> str:
    """Name of the structure: order of segments, quantisation tables, sampling; empty for what is no JPEG."""
    if data[:2] != b"\xff\xd8":
        return ""
    digest, position = hashlib.blake2b(digest_size=8), 2
    for _ in range(HEADERS_MAX):
        if position + 4 > len(data) or data[position] != 0xFF:
            return ""
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        digest.update(bytes([marker]))
        if marker == SCAN:
            return digest.hexdigest()
        body = data[position + 4 : position + 2 + length]
        if marker == TABLES:
            digest.update(body)
        elif marker in FRAMES:
            digest.update(body[:1] + body[5:])  # without the frame's size
        position += 2 + length
    return ""
