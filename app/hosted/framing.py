"""What lets a page of ours be framed by an integrator's page that is cross-origin isolated."""

from __future__ import annotations

FRAME_HEADERS = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Such a page holds only frames that ask of their own parts what it asks of its. Ours come from our own origin.

Who may frame at all, `frame-ancestors` says.
"""
