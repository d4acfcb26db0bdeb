"""The page without a browser, against a server that is full."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, cast

import httpx
import pytest

from app.cli import simulated_page
from app.cli.simulated_page import CaptureSocket, PageRefused, SimulatedPage
from app.simulation.scene import Actor


class Still:
    """An actor that does nothing."""

    def rest(self, now_ms: float) -> None:
        assert now_ms > 0


class FullServer:
    """Answers `camera` with these codes, then takes it; time passes only while somebody listens."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.asked, self.seconds = list(codes), 0, 1_000.0
        self.heard: deque[Any] = deque()

    def ask(self, event: str, _payload: dict[str, Any]) -> dict[str, Any]:
        assert event == "camera"
        self.asked += 1
        return {"ok": False, "code": self.codes.pop(0)} if self.codes else {"ok": True, "nonce": "n"}

    def listen(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def said() -> list[str]:
    return []


def begin(server: FullServer, said: list[str], monkeypatch: pytest.MonkeyPatch) -> SimulatedPage:
    monkeypatch.setattr(time, "monotonic", lambda: server.seconds)
    page = SimulatedPage(httpx.Client(), "https://verify.example/s", cast("Actor", Still()), said.append)
    page._begin(cast("CaptureSocket", server))
    return page


def test_who_finds_the_server_full_waits_and_keeps_its_place(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FullServer("busy", "busy")
    page = begin(server, said, monkeypatch)
    assert (server.asked, server.seconds, page._nonce) == (3, 1_010.0, "n")
    assert [line.split()[0] for line in said] == ["busy", "busy"]


def test_any_other_refusal_ends_it(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PageRefused, match="superseded"):
        begin(FullServer("busy", "superseded"), said, monkeypatch)


def test_nobody_waits_for_ever(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    server = FullServer(*["busy"] * 10_000)
    with pytest.raises(PageRefused, match="busy"):
        begin(server, said, monkeypatch)
    assert server.seconds <= 1_000 + simulated_page.LONGEST_SECONDS + simulated_page.BUSY_SECONDS
