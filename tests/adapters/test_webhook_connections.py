"""Connections that are used again: only to an address that was judged for this request, and for the same host."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.adapters.webhook_connections import IDLE_MAX, IDLE_SECONDS
from app.adapters.webhook_sender import ADDRESSES_TRIED_MAX
from tests.adapters.receivers import (
    PUBLIC,
    URL,
    Certificate,
    Internet,
    Receiver,
    answer,
    make_certificate,
    post,
    raw,
    receiving,
    sending,
)
from tests.fakes import FakeClock

OTHER = "1.1.1.1"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder: Path = tmp_path_factory.mktemp("tls")
    return make_certificate(folder, "hooks.example", "other.example")


def test_a_connection_is_used_again_and_the_name_looked_up_again(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port, answers=[[PUBLIC], [OTHER, PUBLIC]])
        with internet.sender(tls=certificate.client()) as sender:
            assert [post(sender, URL).status_code for _ in range(5)] == [200] * 5
    assert len(internet.asked) == 5
    assert internet.connected == [(PUBLIC, 443)]


def test_but_not_where_the_name_leads_elsewhere_now(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port, answers=[[PUBLIC], [OTHER], ["127.0.0.1"], [PUBLIC]])
        with internet.sender(tls=certificate.client()) as sender:
            outcomes = [post(sender, URL) for _ in range(4)]
    assert [outcome.error for outcome in outcomes] == [None, None, "refused_address", None]
    assert internet.connected == [(PUBLIC, 443), (OTHER, 443)]


def test_nor_for_another_host_at_the_same_address(certificate: Certificate) -> None:
    names: list[str | None] = []
    with receiving(answer(), certificate.server(names)) as receiver:
        internet = Internet(port=receiver.port)
        with internet.sender(tls=certificate.client()) as sender:
            for host in ("hooks", "other", "wrong", "hooks", "other"):
                outcome = post(sender, f"https://{host}.example/")
                assert outcome.error == ("tls" if host == "wrong" else None)
    assert names == ["hooks.example", "other.example", "wrong.example"]


def test_nor_for_another_port_or_without_tls(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port)
        with internet.sender(tls=certificate.client()) as sender:
            assert post(sender, "https://hooks.example/").status_code == 200
            assert post(sender, "https://hooks.example:8443/").status_code == 200
    assert internet.connected == [(PUBLIC, 443), (PUBLIC, 8443)]


def test_one_that_the_receiver_closed_meanwhile_is_replaced() -> None:
    with receiving(raw(WHOLE)) as receiver, sending() as sender:
        assert [post(sender, receiver.url).status_code for _ in range(3)] == [200] * 3
    assert receiver.connections == 3


def test_one_that_is_closed_just_as_it_is_used_is_replaced_once() -> None:
    def once_each(connection: socket.socket, receiver: Receiver) -> bool:
        """Answers the first request of every connection, and hangs up on the second."""
        is_first = len(receiver.requests) in {1, 3}
        if is_first:
            connection.sendall(WHOLE)
        return is_first

    with receiving(once_each) as receiver, sending() as sender:
        assert [post(sender, receiver.url).status_code for _ in range(2)] == [200, 200]
    assert (len(receiver.requests), receiver.connections) == (3, 2)


def test_but_a_half_answer_is_none_and_nothing_is_sent_again() -> None:
    def half(connection: socket.socket, receiver: Receiver) -> bool:
        is_first = len(receiver.requests) == 1
        connection.sendall(WHOLE if is_first else WHOLE[:20])
        return is_first

    with receiving(half) as receiver, sending() as sender:
        assert [post(sender, receiver.url).error for _ in range(2)] == [None, "closed"]
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "data",
    [
        WHOLE + WHOLE,
        WHOLE + b"HTTP/1.1 500 That was for the next one\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_one_that_says_more_than_it_was_asked_or_goodbye_is_not_used_again(data: bytes) -> None:
    with receiving(raw(data, stays=True)) as receiver, sending() as sender:
        assert [post(sender, receiver.url).status_code for _ in range(2)] == [200, 200]
    assert receiver.connections == 2


def test_idle_ones_are_given_up_after_a_while() -> None:
    clock = FakeClock()
    with receiving(answer()) as receiver, sending(clock=clock) as sender:
        post(sender, receiver.url)
        clock.advance(seconds=IDLE_SECONDS - 0.1)
        post(sender, receiver.url)
        clock.advance(seconds=IDLE_SECONDS)
        post(sender, receiver.url)
    assert receiver.connections == 2


def test_idle_ones_are_bounded_and_end_with_the_sender(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port)
        with internet.sender(tls=certificate.client()) as sender:
            for port in range(1, IDLE_MAX + 4):
                post(sender, f"https://hooks.example:{port}/")
            assert len(sender._idle._idle) == IDLE_MAX
        assert sender._idle._idle == []
        assert post(sender, URL).status_code == 200
        assert sender._idle._idle == []


def test_the_next_address_is_tried_where_one_takes_no_connection(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port, answers=[[OTHER, PUBLIC]], away=frozenset({OTHER}))
        with internet.sender(tls=certificate.client()) as sender:
            assert post(sender, URL).status_code == 200
    assert internet.connected == [(OTHER, 443), (PUBLIC, 443)]


def test_but_not_where_its_certificate_is_wrong(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        internet = Internet(port=receiver.port, answers=[[OTHER, PUBLIC]])
        with internet.sender(tls=certificate.client()) as sender:
            assert post(sender, "https://wrong.example/").error == "tls"
    assert internet.connected == [(OTHER, 443)]


def test_no_name_makes_us_knock_at_many_doors() -> None:
    internet = Internet(answers=[[f"8.8.4.{number}" for number in range(200)]])
    with internet.sender() as sender:
        assert post(sender, URL).error == "connect"
    assert len(internet.connected) == ADDRESSES_TRIED_MAX
