"""Bodies beyond the limit against a real server: 413, and its memory does not follow what is sent."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.live_server import Api, LiveServer

MIB = 1024**2
LIMIT = 16 * MIB
SENT_AT_MOST = 64 * MIB
WAIT_SECONDS = 20
PATHS = ("/api/entities", "/api/kyc/biometric/sessions", "/api/kyc/biometric", "/api/kyc/face-match")
JSON, FORM = "application/json", "multipart/form-data; boundary=x"


def takes(path: str) -> str:
    """The kind of body that the path would read."""
    return FORM if path.endswith("face-match") else JSON


def answer_to(api: Api, path: str, framing: str, body: Iterator[bytes], key: str | None = None) -> tuple[int, str]:
    """Send until the server has enough of it; status and code of the answer, which must come."""
    where = urlsplit(api.url)
    authorization = api.http.headers["Authorization"] if key is None else f"Bearer {key}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: {takes(path)}\r\n{framing}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=WAIT_SECONDS) as caller:
        caller.sendall(head.encode("ascii"))
        with contextlib.suppress(OSError):  # the server need not listen to the end
            for part in body:
                caller.sendall(part)
        return read_answer(caller)


def read_answer(caller: socket.socket) -> tuple[int, str]:
    received = b""
    while b"\r\n\r\n" not in received or not received.endswith(b"}\n"):
        part = caller.recv(65_536)
        assert part, f"no whole answer: {received!r}"
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), str(json.loads(body)["error"])


def chunks(server: LiveServer, peak: list[int]) -> Iterator[bytes]:
    """A body without a length, and the server's memory while it is sent."""
    for _ in range(SENT_AT_MOST // MIB):
        yield b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
        peak.append(server.memory_bytes())


@pytest.mark.parametrize("path", PATHS)
def test_a_length_beyond_the_limit_is_refused_before_a_byte_is_sent(
    server: LiveServer, api: Api, path: str
) -> None:
    before = server.memory_bytes()
    for length in (LIMIT + 1, 10 * 1024 * MIB, 2**63):
        assert answer_to(api, path, f"Content-Length: {length}", iter(())) == (413, "PAYLOAD_TOO_LARGE")
    assert server.memory_bytes() - before < 8 * MIB


def test_what_follows_such_a_length_is_not_kept(server: LiveServer, api: Api) -> None:
    before, peak = server.memory_bytes(), [0]

    def body() -> Iterator[bytes]:
        for _ in range(SENT_AT_MOST // MIB):
            yield b" " * MIB
            peak.append(server.memory_bytes())

    found = answer_to(api, PATHS[0], f"Content-Length: {10 * 1024 * MIB}", body())
    assert found == (413, "PAYLOAD_TOO_LARGE")
    assert max(peak) - before < 8 * MIB


@pytest.mark.parametrize("path", PATHS)
def test_a_body_without_a_length_is_read_no_further_than_the_limit(
    server: LiveServer, api: Api, path: str
) -> None:
    before, peak = server.memory_bytes(), [0]
    found = answer_to(api, path, "Transfer-Encoding: chunked", chunks(server, peak))
    assert found == (413, "PAYLOAD_TOO_LARGE")
    assert len(peak) < SENT_AT_MOST // MIB, "all of it was taken"
    assert max(*peak, server.memory_bytes()) - before < 2 * LIMIT + 8 * MIB


def test_a_stranger_is_not_even_read(server: LiveServer, api: Api) -> None:
    before, peak = server.memory_bytes(), [0]
    body = chunks(server, peak)
    found = answer_to(api, PATHS[0], "Transfer-Encoding: chunked", body, key=f"bf_test_{'x' * 43}")
    assert found == (401, "UNAUTHORIZED")
    assert max(*peak, server.memory_bytes()) - before < 8 * MIB


def test_many_at_once_cost_no_more(server: LiveServer, api: Api) -> None:
    before = server.memory_bytes()

    def declare(_: int) -> tuple[int, str]:
        return answer_to(api, PATHS[0], f"Content-Length: {10 * 1024 * MIB}", iter(()))

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(declare, range(64))) == {(413, "PAYLOAD_TOO_LARGE")}
    assert server.memory_bytes() - before < 16 * MIB
    assert api.http.get("/api/entities").status_code == 200
