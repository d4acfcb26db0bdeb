"""The door before the sockets: the gate, the packets, the places, and what one socket may ask of us."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import simple_websocket
from wsproto.utilities import LocalProtocolError

from app.hosted.allowance import BURST, PER_SECOND, Allowance
from app.hosted.bounded_websocket import OpenSockets, SingleAttachmentPacket, close_quietly
from app.hosted.origins import origin_of, websocket_origin_of
from app.hosted.socket_server import gate
from tests.fakes import FakeClock
from tests.hosted.conftest import PUBLIC_ORIGIN, FakeSocket

HANDSHAKE = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/socket.io/",
    "HTTP_HOST": "verify.example",
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_ORIGIN": PUBLIC_ORIGIN,
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}


class Door:
    """The gate before an application that says `inside`."""

    def __init__(self, *, is_development: bool = False, places: int = 2) -> None:
        self.sockets = OpenSockets(places)
        self.gate = gate(self.inside, self.sockets, PUBLIC_ORIGIN, is_development=is_development)
        self.status = ""

    def inside(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [str(self.sockets.count()).encode()]

    def knock(self, **changes: str | None) -> str:
        environ = {name: value for name, value in {**HANDSHAKE, **changes}.items() if value is not None}

        def start_response(status: str, _headers: object) -> None:
            self.status = status[:3]

        return self.status if (body := b"".join(self.gate(environ, start_response))) == b"1" else body.decode()


def test_handshake_of_our_page_comes_in_and_holds_a_place_while_it_lasts() -> None:
    door = Door()
    assert door.knock() == "200"
    assert door.knock(HTTP_CONNECTION="keep-alive, Upgrade", HTTP_UPGRADE="WebSocket") == "200"
    assert door.sockets.count() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"HTTP_UPGRADE": None},
        {"HTTP_UPGRADE": "h2c"},
        {"HTTP_CONNECTION": None},
        {"HTTP_CONNECTION": "keep-alive"},
        {"HTTP_CONNECTION": "upgrades"},
        {"REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "OPTIONS"},
        {"HTTP_SEC_WEBSOCKET_KEY": None},
        {"HTTP_SEC_WEBSOCKET_KEY": "short"},
        {"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==\n"},
        {"HTTP_SEC_WEBSOCKET_VERSION": None},
        {"HTTP_SEC_WEBSOCKET_VERSION": "8"},
        {"PATH_INFO": "/socket.io/../x", "HTTP_UPGRADE": None},
        {"PATH_INFO": "/socket.iox", "HTTP_UPGRADE": None},
    ],
)
def test_what_is_no_websocket_handshake_is_refused(changes: dict[str, str | None]) -> None:
    door = Door()
    assert door.knock(**changes) == '{"error": "websocket_only"}'
    assert door.status == "400"


@pytest.mark.parametrize("path", ["//socket.io/", "/SOCKET.IO/", "/x/../socket.io/", "/", "/session/x"])
def test_other_paths_are_not_the_gates_business_and_hold_no_place(path: str) -> None:
    door = Door()
    assert door.knock(PATH_INFO=path, HTTP_ORIGIN=None, HTTP_UPGRADE=None) == "0"
    assert door.status == "200"


FOREIGN = [
    None,
    "",
    "null",
    "https://elsewhere.example",
    "http://verify.example",
    "https://verify.example:8443",
    "https://verify.example.evil.example",
    "https://verify.example@evil.example",
    "https://verify.example/",
    "HTTPS://VERIFY.EXAMPLE",
    "http://[",
    "//verify.example",
    "verify.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("is_development", [True, False])
def test_origin_is_ours_to_the_letter(origin: str | None, *, is_development: bool) -> None:
    door = Door(is_development=is_development)
    refused = door.knock(HTTP_ORIGIN=origin, HTTP_HOST="127.0.0.1:8000")
    assert (door.status, refused) == ("403", '{"error": "bad_origin"}')


def test_in_development_any_name_of_the_server_is_ours() -> None:
    for origin in ("http://127.0.0.1:8000", "https://192.168.1.7:8443", "http://[::1]:8000"):
        host = origin.partition("://")[2]
        assert Door(is_development=True).knock(HTTP_ORIGIN=origin, HTTP_HOST=host) == "200"
        assert Door().knock(HTTP_ORIGIN=origin, HTTP_HOST=host) == '{"error": "bad_origin"}'
    assert "bad_origin" in Door(is_development=True).knock(HTTP_ORIGIN="https://", HTTP_HOST="")


def test_no_more_sockets_than_places_and_a_place_comes_back_even_after_an_error() -> None:
    door = Door(places=1)
    assert door.sockets.enter()
    assert door.knock() == '{"error": "busy"}'
    assert door.status == "503"
    door.sockets.leave()

    def fails(_environ: dict[str, Any], _start_response: object) -> Iterable[bytes]:
        raise StopIteration

    broken = gate(fails, door.sockets, PUBLIC_ORIGIN, is_development=False)
    for _ in range(3):
        with pytest.raises(StopIteration):
            broken(dict(HANDSHAKE), lambda *_: None)
    assert door.sockets.count() == 0


@pytest.mark.parametrize(
    "packet",
    [
        '452-/capture,["frame",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
        '459999999999-/capture,["frame"]',
        '2/capture,["connect",{"token":"x"}]',
        '2/capture,["disconnect"]',
        '51-/capture,["disconnect",{"_placeholder":true,"num":0}]',
        '51-/capture,[{"_placeholder":true,"num":0}]',
        "2/capture,{}",
        "2/capture,[]",
        "2/capture,[1]",
        '2/capture,[["hello"]]',
        "2/capture,",
        '2/capture,"hello"',
        "2/capture,[",
        "2/capture," + "9" * 5_000,
    ],
)
def test_packet_that_no_page_sends_is_an_error(packet: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the library's, or ours: either costs the sender its socket)
        SingleAttachmentPacket(encoded_packet=packet.removeprefix("4"))


@pytest.mark.parametrize(
    "packet",
    [
        '0/capture,{"token":"x"}',
        "1/capture,",
        '2/capture,7["hello",{}]',
        '51-/capture,8["frame",{"_placeholder":true,"num":0}]',
    ],
)
def test_packet_of_a_page_is_read(packet: str) -> None:
    assert SingleAttachmentPacket(encoded_packet=packet).namespace == "/capture"


@pytest.mark.parametrize(
    "error",
    [
        simple_websocket.ConnectionClosed(),
        LocalProtocolError("closing"),
        OSError(),
        ValueError(),
        BlockingIOError(),
    ],
)
def test_closing_a_socket_never_fails_and_wakes_who_waits(error: Exception) -> None:
    class Closing(FakeSocket):
        def close(self, reason: object) -> None:
            raise error

    socket, other = Closing(Allowance(FakeClock().monotonic_ms)), FakeSocket(Allowance(FakeClock().monotonic_ms))
    sockets = OpenSockets(2)
    for one in (socket, other):
        sockets.add(one)  # type: ignore[arg-type]
    sockets.close_all()
    close_quietly(socket)  # type: ignore[arg-type]
    assert not socket.connected
    assert socket.event.is_set()
    assert not other.connected


def test_allowance_is_a_burst_and_then_a_rate() -> None:
    clock = FakeClock()
    allowance = Allowance(clock.monotonic_ms)
    assert all(allowance.spend(1) for _ in range(BURST))
    assert not allowance.spend(1)
    clock.advance(seconds=1)
    assert [allowance.spend(PER_SECOND), allowance.spend(1)] == [True, False]
    clock.advance(hours=1)
    assert not allowance.spend(BURST + 1)
    assert allowance.spend(BURST)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Verify.Example:443", "https://verify.example"),
        ("http://localhost:80/x", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("ftp://verify.example", None),
        ("https://verify.example; script-src *", None),
        ("https://*.example", None),
        ("https://a:70000", None),
    ],
)
def test_origin_of_an_address(address: str, origin: str | None) -> None:
    assert origin_of(address) == origin


def test_websocket_origin_follows_the_scheme() -> None:
    assert websocket_origin_of("https://verify.example") == "wss://verify.example"
    assert websocket_origin_of("http://http.example:8000") == "ws://http.example:8000"
