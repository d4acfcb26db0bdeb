"""Receivers of every kind: what they answer comes back, and what they do is bounded and told by its word."""

from __future__ import annotations

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.webhook_sender import _retry_after
from app.domain.delivery_schedule import RETRY_AFTER_MAX
from tests.adapters.receivers import (
    SHORT_SECONDS,
    Receiver,
    Talk,
    answer,
    drip,
    flood,
    post,
    raw,
    receiving,
    sending,
)
from tests.fakes import EPOCH

HEAD = b"HTTP/1.1 200 OK\r\n"
MIB = 1024 * 1024


def hang(_: socket.socket, receiver: Receiver) -> None:
    receiver.is_closing.wait()


def reset(connection: socket.socket, _: Receiver) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


ENDLESS: dict[str, Talk] = {
    "hangs": hang,
    "drips its head": drip(HEAD + b"X: "),
    "drips headers": drip(HEAD, b"X: y\r\n"),
    "drips its body": drip(HEAD + b"Content-Length: 50000\r\n\r\n"),
    "drips chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "drips 100s": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "stops in its body": drip(HEAD + b"Content-Length: 50000\r\n\r\nx", b""),
}

TROUBLE: dict[str, tuple[Talk, str]] = {
    "500 MB": (flood(HEAD + b"Content-Length: 500000000\r\n\r\n", b"x" * 65_536), "too_large"),
    "500 MB in chunks": (
        flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        "too_large",
    ),
    "500 MB until it closes": (flood(HEAD + b"\r\n", b"x" * 65_536), "too_large"),
    "500 MB of one header": (flood(HEAD + b"X: ", b"x" * 65_536), "too_large"),
    "500 MB of headers": (flood(HEAD, b"X: y\r\n" * 1000), "too_large"),
    "500 MB of status line": (flood(b"HTTP/1.1 200 ", b"x" * 65_536), "too_large"),
    "500 MB of 100 Continue": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "too_large"),
    "one byte too many": (answer(body=b"x" * 64 * 1024), "too_large"),
    "closes at once": (raw(b""), "closed"),
    "closes in its head": (raw(HEAD + b"Content-Le"), "closed"),
    "closes after 100": (raw(b"HTTP/1.1 100 Continue\r\n\r\n"), "closed"),
    "closes in its body": (raw(HEAD + b"Content-Length: 10\r\n\r\n12345"), "closed"),
    "closes in a chunk": (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nx"), "closed"),
    "resets": (reset, "closed"),
    "broken status line": (raw(b"HTTP/1.1 OK 200\r\n\r\n"), "protocol"),
    "status 999999": (raw(b"HTTP/1.1 999999 OK\r\n\r\n"), "protocol"),
    "status 007": (raw(b"HTTP/1.1 007 OK\r\n\r\n"), "protocol"),
    "another protocol": (raw(b"220 mail.example ESMTP\r\n\r\n"), "protocol"),
    "switches protocols": (raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "protocol"),
    "nothing but noise": (raw(bytes(range(256))), "protocol"),
    "broken header": (raw(HEAD + b"no colon\r\n\r\n"), "protocol"),
    "two lengths": (raw(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "protocol"),
    "negative length": (raw(HEAD + b"Content-Length: -1\r\n\r\n"), "protocol"),
    "broken chunk": (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol"),
}


def test_the_answers_status_comes_back_and_the_request_is_what_was_given() -> None:
    with receiving(answer("204 No Content")) as receiver, sending() as sender:
        outcome = post(sender, f"http://127.0.0.1:{receiver.port}/a b".replace(" ", "%20") + "?q=å#part", b"body")
    assert (outcome.status_code, outcome.error, outcome.is_refused) == (204, None, False)
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == "POST /a%20b?q=%C3%A5 HTTP/1.1"
    assert set(lines[1:]) == {
        f"Host: 127.0.0.1:{receiver.port}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "webhook-id: event",
        "Content-Length: 4",
    }
    assert body == b"body"


@pytest.mark.parametrize("status", [200, 302, 404, 410, 429, 500, 599])
def test_any_status_is_an_answer(status: int) -> None:
    with receiving(answer(f"{status} Whatever")) as receiver, sending() as sender:
        assert post(sender, receiver.url).status_code == status


@pytest.mark.parametrize(
    "talk",
    [
        raw(b"HTTP/1.0 200 OK\r\n\r\nuntil it closes"),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        raw(
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"
        ),
        answer("200 OK", b"\x1f\x8b no gzip at all", "Content-Encoding: gzip"),
        answer(body=b"x" * 60_000),
    ],
)
def test_answers_of_other_forms_are_read(talk: Talk) -> None:
    with receiving(talk) as receiver, sending() as sender:
        assert post(sender, receiver.url).status_code == 200


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_told_by_its_word(case: str) -> None:
    talk, word = TROUBLE[case]
    with receiving(talk) as receiver, sending() as sender:
        outcome = post(sender, receiver.url)
    assert (outcome.error, outcome.status_code, outcome.is_refused) == (word, None, False)


@pytest.mark.parametrize("case", ENDLESS)
def test_one_deadline_ends_what_has_no_end(case: str) -> None:
    with receiving(ENDLESS[case]) as receiver, sending(timeout_seconds=SHORT_SECONDS) as sender:
        outcome = post(sender, receiver.url)
    assert (outcome.error, outcome.status_code) == ("timeout", None)


def test_who_never_reads_is_left_at_the_deadline() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, sending(timeout_seconds=SHORT_SECONDS) as sender:
        outcome = post(sender, f"http://127.0.0.1:{listener.getsockname()[1]}/", b"x" * 64 * MIB)
    assert outcome.error == "timeout"


def test_nobody_there_is_a_matter_of_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with sending() as sender:
        assert post(sender, f"http://127.0.0.1:{port}/").error == "connect"


def test_a_redirect_is_an_answer_and_leads_nowhere() -> None:
    with receiving(answer()) as elsewhere:
        target = f"Location: {elsewhere.url}"
        with receiving(answer("307 Temporary Redirect", b"", target)) as receiver, sending() as sender:
            assert post(sender, receiver.url).status_code == 307
        assert elsewhere.connections == 0
    assert len(receiver.requests) == 1


def test_no_cookie_is_kept_and_no_proxy_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(answer()) as proxy, receiving(answer("200 OK", b"", "Set-Cookie: a=b")) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with sending() as sender:
            assert [post(sender, receiver.url).status_code for _ in range(2)] == [200, 200]
        assert proxy.connections == 0
    assert len(receiver.requests) == 2
    assert b"cookie" not in b"".join(receiver.requests).lower()


class HalfDeaf:
    """A socket whose peer stopped listening, but said something before."""

    def __init__(self, said: bytes) -> None:
        self.said = [said, b""]
        self.is_closed = False

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def send(self, _data: memoryview) -> int:
        raise BrokenPipeError

    def recv(self, _size: int) -> bytes:
        return self.said.pop(0)

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", 413, None), (b"", None, "closed")],
)
def test_who_answers_before_all_is_sent_is_heard(said: bytes, status: int | None, word: str | None) -> None:
    peer = HalfDeaf(said)
    with sending(connect=lambda *_: peer) as sender:
        outcome = post(sender, "http://127.0.0.1:9/")
    assert (outcome.status_code, outcome.error) == (status, word)
    assert peer.is_closed


def test_threads_share_a_sender() -> None:
    with receiving(answer()) as receiver, sending() as sender, ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: post(sender, receiver.url), range(200)))
    assert {outcome.status_code for outcome in outcomes} == {200}
    assert len(receiver.requests) == 200
    assert receiver.connections <= 8


def test_one_receiver_that_hangs_holds_up_no_other() -> None:
    with receiving(hang) as slow, receiving(answer()) as quick, sending() as sender:
        waiting = threading.Thread(target=post, args=(sender, slow.url))
        waiting.start()
        assert post(sender, quick.url).status_code == 200
        assert waiting.is_alive()
    waiting.join()


def retry_after(text: str) -> int | None:
    response = h11.Response(status_code=429, headers=[(b"Retry-After", text.encode("latin-1"))])
    return _retry_after(response, EPOCH)


LONGEST = round(RETRY_AFTER_MAX.total_seconds())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("007", 7),
        ("9" * 5000, LONGEST),
        (format_datetime(EPOCH + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(EPOCH - timedelta(days=2), usegmt=True), 0),
        (format_datetime(EPOCH + timedelta(days=900), usegmt=True), LONGEST),
        ("Fri, 19 Jun 2026 14:41:00 -0000", 60),
        ("Friday, 19-Jun-26 14:41:00 GMT", 60),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\xb2", None),
        ("", None),
        ("Fri, 99 Jun 2026 14:41:00 GMT", None),
        ("Fri, 19 Jun 2026 14:41:00 +9999", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(text: str, seconds: int | None) -> None:
    assert retry_after(text) == seconds


def test_and_comes_back_with_the_answer() -> None:
    with receiving(answer("429 Too Many", b"", "Retry-After: 7")) as receiver, sending() as sender:
        assert post(sender, receiver.url).retry_after_seconds == 7


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")).map(str.strip))
def test_whatever_else_it_says_does_no_harm(text: str) -> None:
    found = retry_after(text)
    assert found is None or 0 <= found <= LONGEST


@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_receiver_says_comes_to_an_outcome(said: bytes, has_head: bool) -> None:
    peer = HalfDeaf(HEAD + said if has_head else said)
    peer.send = len  # type: ignore[method-assign,assignment]
    with sending(connect=lambda *_: peer) as sender:
        outcome = post(sender, "http://127.0.0.1:9/")
    assert (outcome.status_code is None) == (outcome.error in {"closed", "protocol"})
    assert peer.is_closed or outcome.status_code
