"""Peers that send slowly, do not hang up or speak no HTTP, against a real server: nobody else waits for them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.live_server import Api, LiveServer, running_server
from tests.sockets.raw import raw_socket

READ_SECONDS = 2
"""What this server is set to, so that nothing here waits for long."""

PATIENCE = 5
"""For whom a server in good order answers in milliseconds."""

GONE_WITHIN_SECONDS = 20
LINGERING, HALF_SENT = 20, 150
HEAD = b"Host: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """With little patience, which the other socket tests are no part of."""
    settings = {"BONAFIDE_REQUEST_READ_SECONDS": str(READ_SECONDS)}
    with running_server(tmp_path_factory.mktemp("slow"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: LiveServer) -> Iterator[Api]:
    client = Api(server.url, server.demo_key())
    yield client
    client.close()


@pytest.fixture
def peers(server: LiveServer) -> Iterator[Peers]:
    with ExitStack() as stack:
        yield Peers(server, stack)


class Peers:
    """Connections that stay open until the test is over."""

    def __init__(self, server: LiveServer, stack: ExitStack) -> None:
        self._where = urlsplit(server.url)
        self._stack = stack

    def send(self, data: bytes) -> socket.socket:
        """A new connection that has sent so much."""
        address = (self._where.hostname, self._where.port)
        peer = self._stack.enter_context(socket.create_connection(address, timeout=GONE_WITHIN_SECONDS))
        peer.sendall(data)
        return peer


def until_end(peer: socket.socket) -> bytes:
    """All that comes until the server hangs up; `TimeoutError` where it does not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := peer.recv(65_536):
            received += part
    return received


def status_and_error(answer: bytes) -> tuple[int, str]:
    """Of an answer in the form of the contract, which names its request in both places and no server."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    error = json.loads(body)
    assert set(error) >= {"error", "message", "requestId"}
    assert headers["x-request-id"] == error["requestId"]
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    assert "server" not in headers
    assert b"gunicorn" not in answer
    return int(lines[0].split()[1]), error["error"]


def is_alive(server: LiveServer) -> bool:
    return httpx.get(f"{server.url}/livez", timeout=PATIENCE).status_code == 200


def post(length: int, sent: bytes, more: bytes = b"") -> bytes:
    return b"POST /api/entities HTTP/1.1\r\n" + HEAD + more + b"Content-Length: %d\r\n\r\n" % length + sent


def test_peers_that_do_not_hang_up_hold_nobody_up(server: LiveServer, peers: Peers) -> None:
    answered = [
        peers.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(LINGERING)
    ]
    assert until_end(answered[0]).startswith(b"HTTP/1.1 200 ")
    assert is_alive(server)
    for peer in answered[1:]:
        assert until_end(peer).startswith(b"HTTP/1.1 200 ")


def test_bodies_that_stall_after_their_refusal_hold_nobody_up(server: LiveServer, peers: Peers) -> None:
    stalled = [peers.send(post(length, b"{")) for length in (20, 100_000) for _ in range(LINGERING)]
    for peer in stalled:
        assert status_and_error(until_end(peer)) == (401, "UNAUTHORIZED")
    assert is_alive(server)


def test_half_requests_hold_no_thread(server: LiveServer, peers: Peers) -> None:
    for part in (b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n", post(100_000, b"{")):
        for _ in range(HALF_SENT // 3):
            peers.send(part)
    for _ in range(LINGERING):
        peers.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert is_alive(server)


def test_more_connections_than_there_are_places_leave_one_for_the_next(server: LiveServer, peers: Peers) -> None:
    for _ in range(500):
        peers.send(b"GET /livez HTTP/1.1\r\n")
    assert is_alive(server)


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"\r\n\r\nGET / HT"])
def test_headers_that_never_end_are_hung_up_on(peers: Peers, begun: bytes) -> None:
    assert until_end(peers.send(begun)) == b""


def test_headers_by_the_byte_are_hung_up_on(peers: Peers) -> None:
    dripping = peers.send(b"GET /livez HTTP/1.1\r\nX: ")
    assert is_hung_up_on(dripping)


def test_body_by_the_byte_is_answered_and_hung_up_on(api: Api, peers: Peers) -> None:
    authorization = f"Authorization: {api.http.headers['Authorization']}\r\n".encode("ascii")
    dripping = peers.send(post(1000, b"{", authorization))
    assert is_hung_up_on(dripping)
    stalled = peers.send(post(1000, b"{", authorization))
    assert status_and_error(until_end(stalled)) == (400, "INVALID_REQUEST")


def is_hung_up_on(dripping: socket.socket) -> bool:
    """Whether the server stops to listen, though a byte comes whenever it has waited a little."""
    dripping.settimeout(READ_SECONDS / 10)
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            dripping.sendall(b" ")
            if not dripping.recv(65_536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_long_body_in_time_is_read_whole(api: Api) -> None:
    """Slower than the patience in all, faster than the least rate."""
    parts, seconds = 16, READ_SECONDS * 1.5

    def body() -> Iterator[bytes]:
        yield b'{"type": "person", "name": "Slow", "padding": "'
        for _ in range(parts):
            time.sleep(seconds / parts)  # the pace of the sender is what this is about
            yield b"x" * 16_384
        yield b'"}'

    answer = api.http.post("/api/entities", content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text


def test_idle_connection_is_used_again_beyond_the_patience(peers: Peers) -> None:
    peer = peers.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b'"alive"}\n'):  # head and body may come apart
        answer += peer.recv(65_536)
    assert b"keep-alive" in answer
    time.sleep(READ_SECONDS + 1)
    peer.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert until_end(peer).startswith(b"HTTP/1.1 200 ")


def test_websocket_is_not_measured_by_it(server: LiveServer) -> None:
    with raw_socket(server) as opened:
        opened.settimeout(READ_SECONDS + 1)
        with pytest.raises(Exception, match="timed out"):
            opened.recv()
        assert opened.connected


def test_requests_one_behind_the_other_are_all_answered(peers: Peers) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    peer = peers.send(one + one + last[:20])
    peer.sendall(last[20:])
    assert until_end(peer).count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize("key", ["", "Bearer bf_test_unknown"])
@pytest.mark.parametrize("size", [100, 60_000, 100_000, 2_000_000])
def test_pooled_client_is_told_when_its_connection_ends(server: LiveServer, size: int, key: str) -> None:
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as pooled:
        for _ in range(15):
            refused = pooled.post("/api/entities", content=b" " * size, headers={"Authorization": key})
            assert refused.status_code == 401
            assert pooled.get("/livez").status_code == 200


def test_pooled_client_keeps_its_connection_after_a_small_refusal(peers: Peers) -> None:
    peer = peers.send(post(100, b" " * 100))
    answer = peer.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: keep-alive" in answer
    peer.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 200 " in until_end(peer)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /api/entities HTTP/1.1\r\nHost: x\r\nContent-Length: secret\r\n\r\n",
        b"POST /api/entities HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: secret\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 10_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
        b"GET / HTTP/1.1\r\nX\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_as_the_contract_has_it(peers: Peers, request_: bytes) -> None:
    answer = until_end(peers.send(request_))
    assert status_and_error(answer) == (400, "INVALID_REQUEST")
    assert b"secret" not in answer


def test_no_answer_names_the_server(server: LiveServer) -> None:
    for path in ("/livez", "/api/entities", "/demo", "/nothing"):
        answer = httpx.get(f"{server.url}{path}", timeout=PATIENCE)
        assert "server" not in answer.headers
        assert "gunicorn" not in str(answer.headers)


def test_nothing_went_wrong_inside(server: LiveServer) -> None:
    """The last of this file: none of it is a fault of the server's, so its log tells of none."""
    assert "Traceback" not in server.log.read_text()
