"""A remote core that is away, slow, foreign or hostile: no call hangs, crashes or believes what it hears."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable

import numpy as np
import pytest

from app.domain.comparison import Template
from app.domain.errors import InvalidImage, MatchingFailed, MatchingUnavailable
from app.services.ports import MatchingCore
from tests.fakes import FAKE_FORMAT, FakeMatchingCore, face_of
from tests.live_server import free_port
from tests.matching.served import OLD_TOKEN, TOKEN, Slept, Talk, answer, raw, remote, rogue, serving

TEMPLATE = face_of(b"somebody").template
SHORT = 0.3
"""Seconds: long enough to connect, and what a hanging server costs a test."""

Ask = Callable[[MatchingCore], object]
CALLS: list[Ask] = [
    lambda core: core.create_template(b"image"),
    lambda core: core.compare(TEMPLATE, [TEMPLATE]),
    lambda core: core.search(TEMPLATE, {"a": TEMPLATE}, 1),
]
every_call = pytest.mark.parametrize("ask", CALLS, ids=["templates", "compare", "search"])


def hang(connection: socket.socket) -> None:
    """Until the other side has had enough."""
    connection.recv(1)


def drip(head: bytes) -> Talk:
    """A byte every few milliseconds, for ever."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    return talk


@every_call
def test_a_core_that_is_away_is_asked_again_and_then_unavailable(ask: Ask) -> None:
    slept = Slept()
    address = f"http://127.0.0.1:{free_port()}"
    with remote(address, slept, retries=3) as core, pytest.raises(MatchingUnavailable) as caught:
        ask(core)
    assert type(caught.value) is MatchingUnavailable, "the error table knows no other"
    assert len(slept.seconds) == 3
    assert all(0 <= seconds <= 5 for seconds in slept.seconds)


@every_call
@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_an_outage_is_retried_so_often_and_no_more(ask: Ask, status: str) -> None:
    with rogue(answer(status)) as server, remote(server.url, retries=2) as core:
        with pytest.raises(MatchingUnavailable):
            ask(core)
        assert server.asked == 3


class Returning(Slept):
    """While somebody waits for the second time, the core comes back."""

    def __init__(self, fake: FakeMatchingCore) -> None:
        super().__init__()
        self.fake = fake

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.fake.is_away = len(self.seconds) < 2


def test_a_retry_sends_the_image_again_after_the_wait_that_the_service_names() -> None:
    fake = FakeMatchingCore(is_away=True)
    slept = Returning(fake)
    with serving(fake) as url, remote(url, slept, retries=2) as core:
        face = core.create_template(b"image")
    assert face is not None
    assert face.template.vector.tobytes() == face_of(b"image").template.vector.tobytes()
    assert len(slept.seconds) == 2
    assert all(5 <= seconds <= 5.5 for seconds in slept.seconds)


def test_who_is_told_to_wait_long_gives_up_at_once() -> None:
    slept = Slept()
    with (
        rogue(answer("503 Busy", b"", "Retry-After: 3600")) as server,
        remote(server.url, slept, retries=5) as core,
        pytest.raises(MatchingUnavailable),
    ):
        core.create_template(b"image")
    assert (server.asked, slept.seconds) == (1, [])


@pytest.mark.parametrize("value", ["soon", "-5", "٣", "1e3", "9" * 50, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wait_that_is_no_number_counts_as_none(value: str) -> None:
    slept = Slept()
    talk = answer("503 Busy") if not value.isascii() else answer("503 Busy", b"", f"Retry-After: {value}")
    with rogue(talk) as server, remote(server.url, slept, retries=1) as core, pytest.raises(MatchingUnavailable):
        core.create_template(b"image")
    assert server.asked == 2
    assert slept.seconds[0] <= 5


@every_call
@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"],
    ids=["from the status line on", "in a header", "in the body"],
)
def test_a_server_that_drips_is_left_in_time(ask: Ask, head: bytes) -> None:
    with (
        rogue(drip(head or b"HTTP/1.1 200 ")) as server,
        remote(server.url, timeout_seconds=SHORT) as core,
        pytest.raises(MatchingUnavailable),
    ):
        ask(core)


@every_call
def test_a_server_that_hangs_is_left_in_time_and_asked_again(ask: Ask) -> None:
    slept = Slept()
    with rogue(hang) as server, remote(server.url, slept, timeout_seconds=SHORT, retries=1) as core:
        with pytest.raises(MatchingUnavailable):
            ask(core)
        assert len(slept.seconds) == 1


def test_a_server_that_reads_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with remote(url, timeout_seconds=SHORT) as core, pytest.raises(MatchingUnavailable):
            core.create_template(bytes(12 * 1024 * 1024))


CLOSED_EARLY = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n", b""]


@pytest.mark.parametrize("sent", [*CLOSED_EARLY, b"SSH-2.0-OpenSSH_9.9\r\n\r\n", bytes(5000)])
def test_a_connection_that_breaks_is_an_outage(sent: bytes) -> None:
    with rogue(raw(sent)) as server, remote(server.url, retries=1) as core:
        with pytest.raises(MatchingUnavailable):
            core.compare(TEMPLATE, [TEMPLATE])
        assert server.asked == 2


FACE = {
    "box": {"x": 1, "y": 2, "width": 30, "height": 40},
    "interocularPx": 10,
    "sharpness": 5,
    "secondFaceRatio": 0,
    "faces": 1,
}
ONE = {"modelId": "m", "modelVersion": "1", "vector": "AACAPw=="}
GARBAGE = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"<html>Welcome</html>",
    b"\xff\xfe",
    b"[" * 100_000,
    json.dumps({"face": FACE, "template": ONE, "warnings": []}).encode(),
    json.dumps({"face": FACE, "template": {**ONE, "vector": "!"}, "warnings": []}).encode(),
    json.dumps({"face": FACE, "template": {**ONE, "vector": "AAAA" * 128}, "warnings": []}).encode(),
    b'{"face": {"box": {"x": NaN}}, "template": null, "warnings": []}',
    b'{"scores": [], "probe": {"face": null}, "calibration": "c", "warnings": []}',
    b'{"scores": [null], "probe": {"face": null}, "calibration": "c", "warnings": []}',
    b'{"scores": [{"score": 101, "cosine": 0}], "probe": {"face": null}, "calibration": "c", "warnings": []}',
    b'{"scores": [{"score": 1e999, "cosine": 0}], "probe": {"face": null}, "calibration": "c", "warnings": []}',
    b'{"scores": [{"score": 1, "cosine": "0"}], "probe": {"face": null}, "calibration": "c", "warnings": []}',
    b'{"candidates": [{"key": "never sent", "score": 100, "cosine": 1}], "warnings": []}',
    b'{"candidates": [%s], "warnings": []}' % b",".join([b'{"key": "a", "score": 1, "cosine": 0}'] * 2),
]


@every_call
@pytest.mark.parametrize("body", GARBAGE)
def test_an_answer_that_is_none_of_the_contract_is_a_failure_and_not_believed(ask: Ask, body: bytes) -> None:
    with rogue(answer("200 OK", body)) as server, remote(server.url, retries=2) as core:
        with pytest.raises(MatchingFailed):
            ask(core)
        assert server.asked == 1, "asking again would change nothing"
        assert not core.health().is_ready


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def bomb(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + bytes(20))


def announced(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
    while True:
        connection.sendall(bytes(0x10000))


@every_call
@pytest.mark.parametrize("talk", [endless, announced, bomb])
def test_an_answer_of_any_length_is_read_no_further_than_one_can_be(ask: Ask, talk: Talk) -> None:
    with rogue(talk) as server, remote(server.url) as core, pytest.raises(MatchingFailed):
        ask(core)


@every_call
@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found", "418 Teapot", "500 Broken", "400 Bad"])
def test_other_answers_are_failures(ask: Ask, status: str) -> None:
    with rogue(answer(status)) as server, remote(server.url, retries=2) as core:
        with pytest.raises(MatchingFailed):
            ask(core)
        assert server.asked == 1


@every_call
def test_a_redirect_is_not_followed_and_the_token_stays_here(ask: Ask) -> None:
    with rogue(answer("200 OK", b"{}")) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            talk = answer(status, b"", f"Location: {elsewhere.url}/v1/templates")
            with rogue(talk) as server, remote(server.url) as core, pytest.raises(MatchingFailed):
                ask(core)
        assert elsewhere.asked == 0


def test_no_proxy_of_the_environment_gets_a_portrait(monkeypatch: pytest.MonkeyPatch) -> None:
    with rogue(answer("200 OK", b"{}")) as proxy, serving(FakeMatchingCore()) as url:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with remote(url) as core:
            assert core.create_template(b"image") is not None
        assert proxy.asked == 0


@every_call
def test_a_token_that_is_refused_makes_the_core_unavailable_and_is_not_logged(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "another-token-of-nobody-in-particular"
    slept = Slept()
    with serving(FakeMatchingCore()) as url, remote(url, slept, token=wrong, retries=3) as core:
        with caplog.at_level(logging.DEBUG), pytest.raises(MatchingUnavailable):
            ask(core)
        health = core.health()
    assert "refuses our token" in caplog.text
    assert wrong not in caplog.text
    assert slept.seconds == []
    assert not health.is_ready
    assert "BONAFIDE_MATCHING_TOKENS" in (health.reason or "")


@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN])
def test_in_a_rotation_both_tokens_are_good(token: str) -> None:
    with serving(FakeMatchingCore()) as url, remote(url, token=token) as core:
        assert core.create_template(b"image") is not None


def test_the_service_says_in_its_own_words_what_is_wrong_with_an_image() -> None:
    with (
        serving(FakeMatchingCore(broken={b"image"})) as url,
        remote(url) as core,
        pytest.raises(InvalidImage, match=r"^The image is broken\.$"),
    ):
        core.create_template(b"image")


@pytest.mark.parametrize(
    "talk", [raw(b""), answer("200 OK", b"{}"), answer("503 Busy"), answer("404 Nothing"), bomb]
)
def test_health_never_raises_and_asks_once(talk: Talk) -> None:
    with rogue(talk) as server, remote(server.url, retries=3) as core:
        health = core.health()
        assert (health.is_ready, health.template_format, health.calibration) == (False, None, None)
        assert (health.reason or "").startswith("remote matching core: ")
        assert server.asked == 1


def test_health_of_a_core_that_went_away_still_names_its_models() -> None:
    with serving(FakeMatchingCore()) as url, remote(url) as core:
        models = core.health().models
        assert models
        core._client._http.close()
        gone = core.health()
    assert (gone.is_ready, gone.models) == (False, models)


def test_health_hands_on_why_the_core_is_not_ready() -> None:
    with serving(FakeMatchingCore(is_away=True)) as url, remote(url) as core:
        assert core.health().reason == "remote matching core: away"


def test_a_template_of_no_numbers_is_refused_like_any_other() -> None:
    empty = Template(FAKE_FORMAT, np.zeros(0, dtype=np.float32))
    with serving(FakeMatchingCore()) as url, remote(url) as core, pytest.raises(MatchingFailed):
        core.compare(empty, [TEMPLATE])


@pytest.mark.parametrize("key", ["", "x" * 257, "\x00", "\ud800"])
def test_a_key_that_cannot_be_sent_is_a_failure(key: str) -> None:
    with serving(FakeMatchingCore()) as url, remote(url) as core, pytest.raises(MatchingFailed):
        core.search(TEMPLATE, {key: TEMPLATE}, 1)
